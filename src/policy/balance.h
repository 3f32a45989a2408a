/* SPDX-License-Identifier: MIT */
/* Which backend a request goes to: of the lowest priority that can serve, by weight. Turns are kept
 * so that shares hold in short runs, too: while weights and shares stay, after any number of picks
 * each backend has had what is due to it within one, and after as many as the weights add up to
 * exactly that. One that recovers gets less than its share; the rest goes to the others of its
 * priority. Where all of a priority recover, it gets what its best one would, and the rest goes to
 * the next priority; what is left behind the last goes to the first. Pure; the turns are one
 * worker's. */
#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

#define BALANCE_MAX        16
#define BALANCE_WEIGHT_MAX 1000000

struct balance_choice {
    unsigned priority; /* the lowest that can serve is used */
    unsigned weight;   /* at most BALANCE_WEIGHT_MAX; 0: only if nothing else of its priority can
                          serve, then like any other of weight 0 */
    unsigned share;    /* 1 to 100: how much of its weight it gets now */
    bool able;         /* it can serve now */
};

/* The turns of one route; zeroed at first. */
struct balance {
    int64_t turns[BALANCE_MAX]; /* what is due to each: grows by its weight with each pick */
};

#define BALANCE_NONE BALANCE_MAX

/* The index of the choice, or BALANCE_NONE if none is able. RANDOM (any 64 bits) decides between
 * priorities. What a backend missed while it was not able is not made up for, but for one turn. */
unsigned balance_pick(struct balance *b, const struct balance_choice *choices, unsigned n,
                      uint64_t random) MUST_CHECK;
