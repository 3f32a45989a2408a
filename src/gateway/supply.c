/* SPDX-License-Identifier: MIT */
#include "gateway/supply.h"
