/* SPDX-License-Identifier: MIT */
/* The gateway of one worker: its routes with their connections and credentials, and the exchanges
 * in progress. Owned by the worker's thread. */
#pragma once

#include "base/list.h"
#include "base/macros.h"
#include "config/config.h"
#include "gateway/caller.h"
#include "gateway/plan.h"
#include "gateway/stock.h"
#include "gateway/supply.h"
#include "sys/loop.h"
#include "upstream/dial.h"

#include <stdbool.h>
#include <stdint.h>

/* What a worker tells the control thread about KEY (0 or 1) of the supply of REVISION that it was
 * handed for a backend; BACKEND is its index under the plan of GENERATION. Called in the worker's
 * thread, out of the middle of an exchange: it passes the word on and returns. False: memory is
 * out; it is told again when the same happens again. */
typedef bool gateway_tell(void *context, uint64_t generation, unsigned backend, uint64_t revision,
                          unsigned key);

struct gateway_options {
    struct plan *plan;
    struct supply *const *supplies; /* one per backend, never NULL: what they begin with */
    /* The endpoint answered 401 to the key; told once per revision and key. Exchanges wait for a
     * supply whose "answered" is REVISION or more, unless they find another secret before. */
    gateway_tell *refused;
    /* The key works where the other one was refused, and is used from now on; told once. */
    gateway_tell *accepted;
    /* The backend answered 429, so that what Azure says of its size may have changed; told once a
     * second at most. KEY says nothing. */
    gateway_tell *crowded;
    void *context;
};

/* One route as this worker drives it. */
struct gateway_route {
    const struct config_route *config;
    struct trust *trust;
    struct stock *stock;    /* of the present supply; never NULL */
    struct list waiting;    /* exchanges that wait for a supply, first come first */
    unsigned waiting_count; /* at most GATEWAY_WAITING_MAX */
};

#define GATEWAY_WAITING_MAX 1000

struct gateway {
    struct loop *loop;
    struct dialer *dialer;
    struct plan *plan;
    const struct config *config; /* the plan's */
    gateway_tell *refused, *accepted, *crowded;
    void *context;
    struct gateway_route *routes; /* as many as config->routes, same order */
    struct list starting;         /* exchanges that begin at the end of the turn */
    struct list spare;            /* exchanges to use again */
    unsigned spare_count, in_flight;
    bool draining; /* every answer ends its connection */
    char *scratch; /* GATEWAY_SCRATCH bytes, used within one call */
};

#define GATEWAY_SCRATCH 16384

/* Takes references to the plan and to the supplies. NULL if memory is out. */
struct gateway *gateway_new(struct loop *loop, struct dialer *dialer,
                            const struct gateway_options *options) MUST_CHECK;
/* No exchange may be in progress. */
void gateway_free(struct gateway **gateway);
/* Puts a new supply of a backend to use, taking a reference, and lets go on what waits for one. */
void gateway_supply(struct gateway *gateway, unsigned backend, struct supply *supply);
/* Begins to work by PLAN, with SUPPLIES (one per backend) to begin with; takes references.
 * Exchanges in progress finish as they began. False: memory is out, and nothing has changed. */
bool gateway_reload(struct gateway *gateway, struct plan *plan,
                    struct supply *const *supplies) MUST_CHECK;
/* Starts what began in this turn; once a turn, after the front has run. */
void gateway_turn(struct gateway *gateway);

/* The exchange's side of the agreement; its context is the gateway. */
extern const struct caller_handler exchange_handler;
