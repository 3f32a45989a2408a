/* SPDX-License-Identifier: MIT */
/* Whether and when a request that failed is sent again, besides what policy/replay.h says of dead
 * connections. Only where the endpoint cannot have acted on it, or says so: a POST that it may have
 * had whole is its to act on once (RFC 9110 section 9.2.2). Pure: handed time and randomness. */
#pragma once

#include "base/clock.h"
#include "base/macros.h"
#include "policy/retry_after.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The configuration's "retry". */
struct retry_rules {
    unsigned attempts;           /* in all; 1: never again */
    usec_t backoff, max_backoff; /* before the second one; doubled, up to the latter */
    usec_t max_wait;             /* a Retry-After that is longer is left to the caller */
    unsigned *statuses;          /* answers after which it may be sent again */
    size_t status_count;
    unsigned budget_percent; /* how many of the requests may be repeated */
};

enum retry_event {
    RETRY_NOT_CONNECTED, /* no connection came about: nothing was sent */
    RETRY_LOST,          /* a connection died without an answer, and replay_allowed() said no */
    RETRY_ANSWERED,      /* with a status */
};

struct retry_facts {
    enum retry_event event;
    bool definite;   /* not connected: trying again there is no use (a bad certificate, …) */
    unsigned status; /* of the answer */
    unsigned model_status; /* of a 424: what the model itself said; 0: not known */
    bool not_accepted;     /* the answer says that the model never had it: too many pending, … */
    usec_t retry_after;    /* what the answer says, of retry_after_read(); USEC_NEVER: nothing */
    bool kept;             /* the request is still here as a whole, or will come */
    bool repeatable;       /* its method is safe, or the route declared idempotent */
    unsigned attempts;     /* how often it was tried, this time included; refused keys aside */
    bool elsewhere;        /* another backend that was not tried can take it, at once */
    usec_t now, deadline;  /* the answer has to begin by then; USEC_NEVER */
};

/* When to send it again (at once: facts->now), or USEC_NEVER: not. The budget is not looked at.
 *
 * Not connected   always; at the same backend not if that is definite.
 * Lost            if it is repeatable.
 * Answered        with one of rules->statuses, and: 429 always, as it was not acted on; 503 with
 *                 Retry-After, or not accepted, or repeatable; every other one if repeatable.
 *                 A 424 counts as the 429 or 503 of the model that is behind it, and as a 503 where
 *                 it was not accepted.
 *
 * Elsewhere at once, since Retry-After is about the backend that said it; else after back-off, and
 * not before Retry-After. Back-off has what is known as full jitter: by RANDOM (any 64 bits)
 * anything up to rules->backoff, doubled with each attempt up to rules->max_backoff; but a tenth of
 * that and a millisecond at least, so that it is never none. What would come at or after the
 * deadline, or after a Retry-After longer than rules->max_wait, is not done at all: the caller is
 * told now what the endpoint said. */
usec_t retry_at(const struct retry_rules *rules, const struct retry_facts *facts,
                uint64_t random) MUST_CHECK;

/* How many repeats may be saved up at most, and how many a route has that earns none. */
#define RETRY_BUDGET_MAX     1000
#define RETRY_BUDGET_RESERVE 10

/* Repeats that a route may afford: each request that is sent first earns a part, each repeat costs
 * one, so that repeats never multiply an outage. For routes with little traffic there is a reserve,
 * which one repeat per second is added to while less is left. */
struct retry_budget {
    unsigned percent;
    unsigned hundredths; /* what is left, in hundredths of a repeat */
    usec_t filled;       /* when the reserve was last added to */
};

/* With the whole reserve. PERCENT 0: no repeat, ever. */
void retry_budget_init(struct retry_budget *b, unsigned percent, usec_t now);
void retry_budget_earn(struct retry_budget *b);
/* Takes one; false if there is none. */
bool retry_budget_spend(struct retry_budget *b, usec_t now) MUST_CHECK;
