/* SPDX-License-Identifier: MIT */
/* The learnt limit of policy/limit.h. A round is as many served requests as the limit allows at
 * once, which is what a round trip is to TCP. */
#include "policy/limit.h"

void limit_init(struct limit *l) {
    *l = (struct limit){.now = LIMIT_FIRST, .decreased = INT64_MIN};
}

bool limit_served(struct limit *l, unsigned inside, usec_t sent) {
    if (inside < l->now || sent <= l->decreased || l->now == LIMIT_MAX)
        return false;
    if (++l->served < l->now)
        return false;
    l->served = 0;
    unsigned step = l->refused ? 1 : l->now;
    l->now = step < LIMIT_MAX - l->now ? l->now + step : LIMIT_MAX;
    return true;
}

bool limit_refused(struct limit *l, unsigned inside, usec_t sent, usec_t now) {
    l->refused = true;
    if (sent <= l->decreased || l->now == 1)
        return false;
    /* By a fifth, which is one at least as the rest is rounded down. What was too many is known to
     * be no less than too many, even where the limit was not reached. */
    unsigned lower = l->now * 4 / 5;
    if (inside < lower)
        lower = inside ? inside : 1;
    l->now = lower;
    l->served = 0;
    l->decreased = now;
    return true;
}
