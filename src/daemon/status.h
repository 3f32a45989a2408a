/* SPDX-License-Identifier: MIT */
/* What an operator may see: the state of every route and credential as plain values, and the forms
 * in which it is shown. Nothing here is a secret; a value of a query is masked where it is written.
 */
#pragma once

#include "base/buf.h"
#include "daemon/keeper.h"

enum route_state {
    ROUTE_READY,   /* requests can be sent */
    ROUTE_WAITING, /* for something that is being fetched */
    ROUTE_REFUSED, /* it will not come without somebody's help */
};

struct status_route {
    const char *path;
    enum route_state state;
    bool required;
    const char *auth;        /* "none", "key", "endpoint-token", … */
    const char *scoring_uri; /* as it is, to be masked; NULL: not found yet */
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

struct status {
    usec_t now, wall; /* the monotonic clock and the wall clock at the same moment */
    usec_t uptime;
    bool draining;
    struct status_route *routes;
    size_t route_count;
    struct credential_status *credentials;
    size_t credential_count;
};

/* Looks at everything that KEEPER keeps for CONFIG. Texts belong to these two and are valid until
 * the loop turns again. False: out of memory; S can be given to status_done() all the same. */
bool status_gather(struct status *s, const struct config *config, const struct keeper *keeper,
                   usec_t now) MUST_CHECK;
void status_done(struct status *s);

/* "ready", "waiting", "refused". */
const char *route_state_word(enum route_state state);
/* Whether the route has two keys, so that one of them is in use. */
static inline bool status_has_two_keys(const struct status_route *r) {
    return r->fingerprints[0][0] && r->fingerprints[1][0];
}
/* "primary" or "secondary". */
const char *status_key_word(unsigned key);
/* Whether the credential can be used now. */
bool status_is_usable(const struct credential_status *c);
/* Whether every required route is ready. */
bool status_is_ready(const struct status *s);
/* Appends why ROUTE is not ready, in one sentence without its end. */
void status_explain(struct buf *b, const struct status_route *route);

/* The text of /readyz, the JSON of /status, the page at /. */
void status_write_ready(struct buf *b, const struct status *s);
void status_write_json(struct buf *b, const struct status *s);
void status_write_page(struct buf *b, const struct status *s);
