/* SPDX-License-Identifier: MIT */
/* Spans of time for people: "45 s", "12 min", "3 h 20 min", "2 days". */
#pragma once

#include "base/buf.h"
#include "base/clock.h"

/* Appends SPAN in its two largest units at most; what is less than a second is "0 s", and a
 * negative one counts as none. */
void duration_add(struct buf *b, usec_t span);
