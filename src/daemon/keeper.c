/* SPDX-License-Identifier: MIT */
#include "daemon/keeper.h"
