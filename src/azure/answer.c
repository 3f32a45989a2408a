/* SPDX-License-Identifier: MIT */
#include "azure/answer.h"
