/* SPDX-License-Identifier: MIT */
/* How fast places go to those who wait: the mean time between two, over the last two rounds of all
 * places or so, since requests that began together end together. From it, how long a wait may be
 * expected to be. Pure. */
#pragma once

#include "base/clock.h"

struct gate_pace {
    double interval;  /* mean, in microseconds */
    unsigned counted; /* as far as it matters */
    usec_t last;      /* when a place went to one who waited, or the wait began */
};

/* The first begins to wait. */
void gate_pace_begin(struct gate_pace *p, usec_t now);
/* One of INSIDE places was given back and went to one who waited for the first time. */
void gate_pace_count(struct gate_pace *p, unsigned inside, usec_t now);
/* Until one who came now, behind AHEAD who wait, has one of INSIDE places. */
usec_t gate_pace_expect(const struct gate_pace *p, unsigned ahead, unsigned inside, usec_t now);
