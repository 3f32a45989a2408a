/* SPDX-License-Identifier: MIT */
#include "azure/online_endpoint.h"
