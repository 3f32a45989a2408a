/* SPDX-License-Identifier: MIT */
#include "azure/workload.h"
