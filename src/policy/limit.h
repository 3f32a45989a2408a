/* SPDX-License-Identifier: MIT */
/* How many requests an endpoint takes at once, learnt from its answers: additive increase,
 * multiplicative decrease, as TCP does (RFC 5681). Pure: it is handed the time. */
#pragma once

#include "base/clock.h"

#include <stdbool.h>

struct limit {
    unsigned now;     /* at most this many at once, never 0 */
    unsigned served;  /* of the round: since the limit was last changed, while it was reached */
    bool refused;     /* ever: until then it doubles with each round that is served whole */
    usec_t decreased; /* when it was last lowered */
};

/* To begin with. */
#define LIMIT_FIRST 16
#define LIMIT_MAX   100000

void limit_init(struct limit *l);
/* A request that was sent at SENT was served while INSIDE were there, itself among them. Only a
 * limit that is reached is raised, and only by what was sent under it. True: it was raised. */
bool limit_served(struct limit *l, unsigned inside, usec_t sent);
/* One that was sent at SENT was answered with "too many", while INSIDE were there. Those that were
 * on their way when the limit was lowered do not lower it again. True: it was lowered. */
bool limit_refused(struct limit *l, unsigned inside, usec_t sent, usec_t now);
