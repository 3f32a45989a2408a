/* SPDX-License-Identifier: MIT */
#include "azure/cloud.h"
