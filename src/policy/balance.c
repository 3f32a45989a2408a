/* SPDX-License-Identifier: MIT */
/* The turns of policy/balance.h.
 *
 * With each pick every able choice of the priority is due its part of a turn; whoever is picked has
 * had a whole one. Taking the one that is due most, as smooth weighted round-robin does, lets some
 * fall behind by more than a turn. So of those that something is due to, the one is picked that
 * would first be due a whole turn: the earliest deadline, which keeps each within one (Tijdeman,
 * The chairman assignment problem, 1980). */
#include "policy/balance.h"

#include <assert.h>
#include <limits.h>

#define WHOLE_SHARE 100

/* The able choices of one priority, and what they count. */
struct group {
    unsigned indices[BALANCE_MAX];
    int64_t weights[BALANCE_MAX]; /* by share */
    unsigned count;
    int64_t total;
    unsigned share; /* the best of them */
};

/* The lowest priority from LEAST on of which one is able. */
static bool next_priority(const struct balance_choice *choices, unsigned n, unsigned least,
                          unsigned *priority) {
    bool found = false;
    for (unsigned i = 0; i < n; i++)
        if (choices[i].able && choices[i].priority >= least &&
            (!found || choices[i].priority < *priority)) {
            *priority = choices[i].priority;
            found = true;
        }
    return found;
}

/* Those of weight 0 if WEIGHTLESS, else the others. */
static void gather(struct group *g, const struct balance_choice *choices, unsigned n,
                   unsigned priority, bool weightless) {
    *g = (struct group){.count = 0};
    for (unsigned i = 0; i < n; i++) {
        const struct balance_choice *c = &choices[i];
        if (!c->able || c->priority != priority || (c->weight == 0) != weightless)
            continue;
        assert(c->weight <= BALANCE_WEIGHT_MAX && c->share > 0 && c->share <= WHOLE_SHARE);
        int64_t weight = (int64_t)(weightless ? 1 : c->weight) * c->share;
        g->indices[g->count] = i;
        g->weights[g->count++] = weight;
        g->total += weight;
        g->share = c->share > g->share ? c->share : g->share;
    }
}

static void gather_priority(struct group *g, const struct balance_choice *choices, unsigned n,
                            unsigned priority) {
    gather(g, choices, n, priority, false);
    if (!g->count)
        gather(g, choices, n, priority, true);
}

/* Goes from priority to priority while chance sends it on. False: none is able. */
static bool choose_group(struct group *g, const struct balance_choice *choices, unsigned n,
                         uint64_t random) {
    unsigned first = 0, priority;
    if (!next_priority(choices, n, 0, &first))
        return false;
    bool more = true;
    for (priority = first; more; random /= WHOLE_SHARE) {
        gather_priority(g, choices, n, priority);
        if (random % WHOLE_SHARE < g->share)
            return true;
        more = priority < UINT_MAX && next_priority(choices, n, priority + 1, &priority);
    }
    gather_priority(g, choices, n, first);
    return true;
}

/* One more part of a turn to each. What is due from other times, of other weights, is cut to a
 * turn. */
static void grow(struct balance *b, const struct group *g) {
    for (unsigned k = 0; k < g->count; k++) {
        int64_t *turn = &b->turns[g->indices[k]];
        int64_t due = *turn > g->total ? g->total : *turn < -g->total ? -g->total : *turn;
        *turn = due + g->weights[k];
    }
}

/* Whether A of G is to be picked before C of it. Only after others came and went is nothing due to
 * anyone; then whoever is nearest to it. */
static bool is_before(const struct balance *b, const struct group *g, unsigned a, unsigned c) {
    int64_t turn_a = b->turns[g->indices[a]], turn_c = b->turns[g->indices[c]];
    if (turn_a <= 0 || turn_c <= 0)
        return turn_a > turn_c;
    /* (total - turn) / weight is the number of picks until a whole turn is due. */
    return (g->total - turn_a) * g->weights[c] < (g->total - turn_c) * g->weights[a];
}

unsigned balance_pick(struct balance *b, const struct balance_choice *choices, unsigned n,
                      uint64_t random) {
    struct group g;
    assert(n <= BALANCE_MAX);
    if (!choose_group(&g, choices, n, random))
        return BALANCE_NONE;
    grow(b, &g);
    unsigned picked = 0;
    for (unsigned k = 1; k < g.count; k++)
        if (is_before(b, &g, k, picked))
            picked = k;
    b->turns[g.indices[picked]] -= g.total;
    return g.indices[picked];
}
