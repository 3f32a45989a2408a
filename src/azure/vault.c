/* SPDX-License-Identifier: MIT */
#include "azure/vault.h"
