/* SPDX-License-Identifier: MIT */
#include "azure/assertion.h"
