/* SPDX-License-Identifier: MIT */
#include "azure/request.h"
