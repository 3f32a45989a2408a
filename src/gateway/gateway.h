/* SPDX-License-Identifier: MIT */
/* The gateway of one worker: its routes with their backends, connections and credentials, and the
 * exchanges in progress. Owned by the worker's thread. */
#pragma once

#include "base/list.h"
#include "base/macros.h"
#include "config/config.h"
#include "gateway/caller.h"
#include "gateway/plan.h"
#include "gateway/stock.h"
#include "gateway/supply.h"
#include "policy/balance.h"
#include "sys/loop.h"
#include "upstream/dial.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What a worker tells the control thread about KEY (0 or 1) of the supply of REVISION that it was
 * handed for a backend (its index) of the plan of GENERATION. Called in the worker's thread, out of
 * the middle of an exchange: it passes the word on and returns. False: memory is out; it is told
 * again when the same happens again. */
typedef bool gateway_tell(void *context, uint64_t generation, unsigned backend, uint64_t revision,
                          unsigned key);

struct gateway_options {
    struct plan *plan;
    struct supply *const *supplies; /* one per backend of the plan, never NULL: to begin with */
    /* The endpoint answered 401 to the key; told once per revision and key. Exchanges wait for a
     * supply whose "answered" is REVISION or more, unless they find another secret before. */
    gateway_tell *refused;
    /* The key works where the other one was refused, and is used from now on; told once. */
    gateway_tell *accepted;
    /* The endpoint says that it has too many requests; told once a second at most. */
    gateway_tell *crowded;
    /* From any thread: gateway_turn() is to be called soon in that of the gateway. */
    void (*wake)(void *context);
    void *context;      /* of the first three */
    void *wake_context; /* of wake */
};

/* One backend as this worker drives it. */
struct gateway_backend {
    const struct config_backend *config;
    struct gateway_route *route;
    unsigned lane;       /* its number in the route */
    struct stock *stock; /* of the present supply; never NULL */
    struct breaker breaker;
    bool unreachable;    /* no connection came about last time: one that does is proof enough */
    usec_t crowded_told; /* when crowded() was called last */
};

/* What is known of an endpoint that may have been scaled to nothing (gateway/ready.c). */
struct readiness {
    struct exchange *canary; /* the one that finds out; NULL: it is ready, for all that is known */
    struct list waiting;     /* exchanges that wait for the outcome, first come first */
    unsigned released;       /* those that waited and go now, until they are answered or over */
};

/* One route. Counted: exchanges keep the one that they began with when a reload replaces it, until
 * they are sent the next time. */
struct gateway_route {
    struct list node; /* of all that the gateway has, replaced ones included */
    unsigned references;
    struct gateway *gateway;
    struct plan *plan;
    const struct config_route *config;
    struct trust *trust; /* the plan's */
    bool gated;          /* port is in use */
    struct gate_port port;
    atomic_bool granted; /* gate_take() has something, perhaps */
    struct tally_slot *tally;
    struct gateway_backend *backends; /* as many as config->backends, same order */
    struct balance balance;
    struct retry_budget budget;
    struct readiness readiness;
    struct list waiting;             /* exchanges that wait for a supply, first come first */
    unsigned waiting_count;          /* at most GATEWAY_WAITING_MAX */
    struct list queue;               /* exchanges at the gate */
    bool replaced;                   /* by a reload */
    struct gateway_route *successor; /* with a reference; NULL: none */
};

#define GATEWAY_WAITING_MAX 1000

struct gateway {
    struct loop *loop;
    struct dialer *dialer;
    struct plan *plan;
    struct config *config; /* the plan's */
    struct gateway_options options;
    struct gateway_route **routes; /* as many as config->routes, same order */
    struct list all_routes;
    struct tally_slot *others;   /* of requests without a route */
    atomic_bool granted;         /* some route has granted set */
    struct list starting;        /* exchanges that begin at the end of the turn */
    struct list spare, attempts; /* exchanges and attempts to use again */
    struct list ended;           /* attempts that ended in this turn; somebody may be at one yet */
    unsigned spare_count, attempt_count, in_flight;
    bool draining; /* every answer ends its connection */
    char *scratch; /* GATEWAY_SCRATCH bytes, used within one call */
};

#define GATEWAY_SCRATCH 16384

/* Takes references to the plan and to the supplies. NULL if memory is out. */
struct gateway *gateway_new(struct loop *loop, struct dialer *dialer,
                            const struct gateway_options *options) MUST_CHECK;
/* No exchange may be in progress. */
void gateway_free(struct gateway **gateway);
/* Puts a new supply of a backend to use, taking a reference, and lets go on what waits for one.
 * One of an earlier revision than the present one is old news. False: out of memory, and the old
 * one stays. */
bool gateway_supply(struct gateway *gateway, unsigned backend, struct supply *supply) MUST_CHECK;
/* Serves by another plan from now on. What is in progress finishes by the old one; what waits goes
 * on by the new one, in its order. False: out of memory, and all is as it was. */
bool gateway_reload(struct gateway *gateway, struct plan *plan,
                    struct supply *const *supplies) MUST_CHECK;
/* Starts what began in this turn and what the gates let in; once a turn, after the front has run.
 */
void gateway_turn(struct gateway *gateway);
/* There is more for gateway_turn(), which nobody else says: do not sleep. */
bool gateway_is_due(const struct gateway *gateway);

/* --- inside gateway/ ----------------------------------------------------------------------------
 */

struct gateway_route *gateway_route_ref(struct gateway_route *route);
void gateway_route_unref(struct gateway_route **route); /* NULL is fine */
/* Its port has something granted: gateway_turn() sees to it. */
void gateway_granted(struct gateway_route *route);

/* The exchange's side of the agreement; its context is the gateway. */
extern const struct caller_handler exchange_handler;
