/* SPDX-License-Identifier: MIT */
/* The estimate of policy/gate_pace.h: a running mean that becomes an exponentially weighted one. */
#include "policy/gate_pace.h"

/* A scoring request takes so long, until it is known better. */
#define STAY_GUESS  ((double)USEC_PER_SEC)
#define ROUND_LEAST 8
/* Nobody is told to wait longer. */
#define EXPECTED_MAX (24 * 3600 * USEC_PER_SEC)

/* Workers read their clocks once per turn, so that one may be a little behind another. */
static double gap(const struct gate_pace *p, usec_t now) {
    return now > p->last ? (double)(now - p->last) : 0;
}

static unsigned window(unsigned inside) {
    return 2 * (inside > ROUND_LEAST ? inside : ROUND_LEAST);
}

static double with_sample(const struct gate_pace *p, double sample, unsigned inside) {
    unsigned before = p->counted < window(inside) ? p->counted : window(inside);
    return p->interval + (sample - p->interval) / (before + 1);
}

void gate_pace_begin(struct gate_pace *p, usec_t now) {
    p->last = now;
}

void gate_pace_count(struct gate_pace *p, unsigned inside, usec_t now) {
    p->interval = with_sample(p, gap(p, now), inside);
    if (p->counted < window(inside))
        p->counted++;
    if (now > p->last)
        p->last = now;
}

usec_t gate_pace_expect(const struct gate_pace *p, unsigned ahead, unsigned inside, usec_t now) {
    double interval = p->counted ? p->interval : STAY_GUESS / (inside ? inside : 1);
    /* What those ahead wait for already counts once it takes longer than usual. */
    if (ahead && gap(p, now) > interval)
        interval = with_sample(p, gap(p, now), inside);
    double wait = interval * ((double)ahead + 1);
    return wait < (double)EXPECTED_MAX ? (usec_t)wait : EXPECTED_MAX;
}
