/* SPDX-License-Identifier: MIT */
/* A configuration made ready for workers: with its TLS settings loaded, and with the gates and
 * tallies of its routes, which all workers share. Made and checked whole by the control thread,
 * then handed to every worker; immutable, counted by reference. A reload makes another one, which
 * takes over gates and tallies of the routes that stay, so that queues and counters go on.
 * What is being sent keeps the plan that it began with. */
#pragma once

#include "base/macros.h"
#include "config/load.h"
#include "gateway/supply.h"
#include "gateway/tally.h"
#include "policy/gate.h"
#include "upstream/trust.h"

#include <stdatomic.h>
#include <stdint.h>

struct plan {
    atomic_int references;
    uint64_t generation; /* counts up with each plan; 1 is the first */
    struct config *config;
    struct trust **trusts;  /* one per route, in order; NULL for a route without TLS */
    struct gate **gates;    /* likewise; NULL: nothing limits the route */
    struct tally **tallies; /* likewise, never NULL */
    struct tally *others;   /* of requests that matched no route; never NULL */
};

/* The plan of CONFIG, which it takes a reference to. BEFORE (NULL: it is the first): whose gates
 * and tallies go on for routes of the same path (a gate only if its backends are the same); it goes
 * on as it was until plan_take_effect(). NULL with the reasons in ERRORS: CA files that do not
 * load, memory. */
struct plan *plan_new(struct config *config, struct plan *before,
                      struct config_errors *errors) MUST_CHECK;
struct plan *plan_ref(struct plan *p);
void plan_unref(struct plan **p); /* NULL is fine */

/* From now on the gates limit as P says, and Azure through SUPPLIES (one per backend). Called once
 * for each plan, before workers get it. */
void plan_take_effect(struct plan *p, struct supply *const *supplies);
/* What Azure says of a backend has changed with SUPPLY: its lane follows. */
void plan_follow(struct plan *p, unsigned backend, const struct supply *supply);

/* What CONFIG and Azure (KNOWN, one per backend of the route; 0: it does not say) make of the gate
 * of ROUTE. False: it needs none. */
bool plan_limits(const struct config_route *route, const unsigned *known,
                 struct gate_limits *limits) MUST_CHECK;
