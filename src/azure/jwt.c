/* SPDX-License-Identifier: MIT */
#include "azure/jwt.h"
