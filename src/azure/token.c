/* SPDX-License-Identifier: MIT */
#include "azure/token.h"
