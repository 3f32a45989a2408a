/* SPDX-License-Identifier: MIT */
/* Which backend a request goes to: of the lowest priority that can serve, by weight (smooth
 * weighted round-robin, so that shares are kept in short runs, too). One that recovers gets less
 * than its share; the rest goes to the others of its priority, else to the next priority. Pure; the
 * turns are one worker's. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define BALANCE_MAX 16

struct balance_choice {
    unsigned priority; /* the lowest that can serve is used */
    unsigned weight;   /* 0: only if nothing else of its priority can serve */
    unsigned share;    /* 1 to 100: how much of its weight it gets now */
    bool able;         /* it can serve now */
};

/* The turns of one route; zeroed at first. */
struct balance {
    int64_t turns[BALANCE_MAX];
};

#define BALANCE_NONE BALANCE_MAX

/* The index of the choice, or BALANCE_NONE if none is able. RANDOM: any 64 bits. */
unsigned balance_pick(struct balance *b, const struct balance_choice *choices, unsigned n,
                      uint64_t random);
