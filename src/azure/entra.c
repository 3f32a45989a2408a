/* SPDX-License-Identifier: MIT */
#include "azure/entra.h"
