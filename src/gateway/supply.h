/* SPDX-License-Identifier: MIT */
/* What a backend needs in order to score: where its endpoint is, and the credential for it. The
 * control thread makes one whenever anything of it changes and hands it to every worker; immutable,
 * counted by reference. The credential belongs to the origin of the endpoint's scoring URI and goes
 * nowhere else, so both travel together. */
#pragma once

#include "base/clock.h"
#include "base/macros.h"
#include "base/secret.h"
#include "config/config.h"
#include "policy/reason.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Where a backend leads. Immutable, counted; the same object as long as nothing of it changed. */
struct endpoint {
    atomic_int references;
    struct config_uri scoring, swagger;
};

/* Copies the URIs' strings. NULL: out of memory. */
struct endpoint *endpoint_new(const struct config_uri *scoring,
                              const struct config_uri *swagger) MUST_CHECK;
struct endpoint *endpoint_ref(struct endpoint *e);
void endpoint_unref(struct endpoint **e); /* NULL is fine */

enum supply_state {
    SUPPLY_PENDING, /* something is not there yet, and is being fetched: a request waits */
    SUPPLY_READY,   /* requests can be sent until expires */
    SUPPLY_REFUSED, /* it will not come without somebody's help: why says what to tell callers */
};

struct supply {
    atomic_int references;
    uint64_t revision; /* counts up with each supply of the backend */
    enum supply_state state;
    enum reason why;           /* if refused: token_rejected, endpoint_not_found, … */
    struct endpoint *endpoint; /* NULL: not found yet */
    bool open;                 /* the endpoint wants no credential */
    struct secret *keys[2];    /* primary (or the token) and secondary; NULL: none */
    unsigned preferred;        /* which of them to begin with */
    unsigned concurrency;      /* Azure's own limit of requests at once; 0: not known */
    usec_t expires;            /* monotonic: the credential is dead from then on; USEC_NEVER */
    /* The highest revision of which a refusal (401) has been looked into: whoever was refused with
     * that one or an earlier one and finds no other key here has to give up. */
    uint64_t answered;
};

/* All zero but for one reference and expires = USEC_NEVER; filled in before it is shared. NULL: out
 * of memory. */
struct supply *supply_new(void) MUST_CHECK;
struct supply *supply_ref(struct supply *s);
void supply_unref(struct supply **s); /* NULL is fine */
