/* SPDX-License-Identifier: MIT */
/* What an operator may see: the state of every route, backend and credential as plain values, and
 * the forms in which it is shown. Nothing here is a secret; a value of a query is masked where it
 * is written.
 */
#pragma once

#include "base/buf.h"
#include "daemon/keeper.h"
#include "gateway/plan.h"
#include "gateway/tally.h"

enum route_state {
    ROUTE_READY,   /* requests can be sent */
    ROUTE_WAITING, /* for something that is being fetched */
    ROUTE_REFUSED, /* it will not come without somebody's help */
};

/* One endpoint of a route. */
struct status_backend {
    char *name; /* of config/backend.h */
    enum route_state state;
    enum tally_breaker breaker; /* the worst of all workers */
    const char *auth;           /* "none", "key", "endpoint-token", … */
    const char *scoring_uri;    /* as it is, to be masked; NULL: not found yet */
    const char *deployment;     /* NULL: none */
    unsigned weight, priority;
    unsigned limit; /* requests at it at once, in effect; 0: none */
    /* Of the primary key (or the token) and of the secondary; "" if there is none. */
    char fingerprints[2][SECRET_FINGERPRINT_SIZE];
    unsigned preferred; /* which of two keys is in use */
    uint64_t revision;  /* of its supply */
    const char **credentials;
    size_t credential_count;
    const char *waits_for;           /* NULL: nothing, or not known */
    enum reason why;                 /* if refused, what callers are told */
    const struct azure_error *error; /* NULL: none */
};

struct status_route {
    const char *path;
    enum route_state state; /* the best of its backends */
    bool required;
    unsigned limit; /* requests at its backends at once, in effect; 0: none */
    struct status_backend *backends;
    size_t backend_count;
    struct tally_sum counts;
};

struct status {
    usec_t now, wall; /* the monotonic clock and the wall clock at the same moment */
    usec_t uptime;
    bool draining;
    uint64_t reloads_succeeded, reloads_failed;
    struct status_route *routes;
    size_t route_count;
    struct tally_sum others; /* of requests that matched no route */
    struct credential_status *credentials;
    size_t credential_count;
};

/* Looks at everything that PLAN and its KEEPER know. Texts belong to these two and are valid until
 * the loop turns again. False: out of memory; S can be given to status_done() all the same. */
bool status_gather(struct status *s, const struct plan *plan, const struct keeper *keeper,
                   usec_t now) MUST_CHECK;
void status_done(struct status *s);

/* "ready", "waiting", "refused". */
const char *route_state_word(enum route_state state);
/* "closed", "probing", "open". */
const char *breaker_state_word(enum tally_breaker state);
/* Whether it has two keys, so that one of them is in use. */
static inline bool status_has_two_keys(const struct status_backend *b) {
    return b->fingerprints[0][0] && b->fingerprints[1][0];
}
/* "primary" or "secondary". */
const char *status_key_word(unsigned key);
/* Whether the credential can be used now. */
bool status_is_usable(const struct credential_status *c);
/* Whether every required route is ready. */
bool status_is_ready(const struct status *s);
/* Whether requests of all workers are sent to it. */
bool status_is_available(const struct status_backend *b);
/* Appends why BACKEND is not ready, in one sentence without its end. */
void status_explain(struct buf *b, const struct status_backend *backend);

/* The commonest answers of 5xx, whoever gave them. */
#define STATUS_ERRORS_MAX 4
struct status_errors {
    uint64_t total; /* of all kinds */
    struct tally_requests top[STATUS_ERRORS_MAX];
    size_t count;
};
void status_count_errors(struct status_errors *errors, const struct tally_sum *counts);
uint64_t status_count_retries(const struct tally_sum *counts);

/* The text of /readyz, the JSON of /status, the page at /. */
void status_write_ready(struct buf *b, const struct status *s);
void status_write_json(struct buf *b, const struct status *s);
void status_write_page(struct buf *b, const struct status *s);
