/* SPDX-License-Identifier: MIT */
#include "azure/web_service.h"
