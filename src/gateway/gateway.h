/* SPDX-License-Identifier: MIT */
/* The gateway of one worker: its routes with their connections and credentials, and the exchanges
 * in progress. Owned by the worker's thread. */
#pragma once

#include "base/list.h"
#include "base/macros.h"
#include "config/config.h"
#include "gateway/caller.h"
#include "sys/loop.h"
#include "upstream/dial.h"
#include "upstream/pool.h"

#include <stdbool.h>

/* One route as this worker drives it. */
struct gateway_route {
    const struct config_route *config;
    struct pool *score_pool, *swagger_pool; /* the same one if the origins are the same */
    bool swagger_same_origin;               /* the credential belongs to it, too */
    char *score_lines, *swagger_lines; /* Host and the route's own fields, each ended by CRLF */
    unsigned key;                      /* which of the keys is in use: 0 primary, 1 secondary */
    bool refused[2]; /* the endpoint said 401 to that key and has not accepted it since */
};

struct gateway {
    struct loop *loop;
    struct dialer *dialer;
    struct config *config;
    struct gateway_route *routes; /* as many as config->routes, same order */
    struct list starting;         /* exchanges that begin at the end of the turn */
    struct list spare;            /* exchanges to use again */
    unsigned spare_count, in_flight;
    bool draining; /* every answer ends its connection */
    char *scratch; /* GATEWAY_SCRATCH bytes, used within one call */
};

#define GATEWAY_SCRATCH 16384

/* TRUSTS: one per route of CONFIG, in order; NULL for a route without TLS. Returns NULL if memory
 * is out. */
struct gateway *gateway_new(struct loop *loop, struct dialer *dialer, struct config *config,
                            struct trust *const *trusts) MUST_CHECK;
/* No exchange may be in progress. */
void gateway_free(struct gateway **gateway);
/* Starts what began in this turn; once a turn, after the front has run. */
void gateway_turn(struct gateway *gateway);

/* The exchange's side of the agreement; its context is the gateway. */
extern const struct caller_handler exchange_handler;
