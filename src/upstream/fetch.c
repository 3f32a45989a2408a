/* SPDX-License-Identifier: MIT */
#include "upstream/fetch.h"
