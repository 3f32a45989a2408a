/* SPDX-License-Identifier: MIT */
#include "azure/managed.h"
