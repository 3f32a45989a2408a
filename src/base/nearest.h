/* SPDX-License-Identifier: MIT */
/* The nearest right spelling, for error messages. */
#pragma once

#include "base/text.h"

#include <stddef.h>

/* The candidate that is closest to WORD by edit distance (a swap counts as one), or NULL if none is
 * close enough to be meant. */
const char *nearest(struct text word, const char *const *candidates, size_t n);
