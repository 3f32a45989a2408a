/* SPDX-License-Identifier: MIT */
#include "policy/renewal.h"
