/* SPDX-License-Identifier: MIT */
#include "azure/service.h"
