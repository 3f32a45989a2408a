/* SPDX-License-Identifier: MIT */
/* Whether and when a request that failed is sent again, besides what policy/replay.h says of dead
 * connections. Only where the endpoint cannot have acted on it, or says so: a POST that it may have
 * had whole is its to act on once (RFC 9110 section 9.2.2). Pure: handed time and randomness. */
#pragma once

#include "base/clock.h"
#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The configuration's "retry". */
struct retry_rules {
    unsigned attempts;           /* in all; 1: never again */
    usec_t backoff, max_backoff; /* before the second one; doubled, up to the latter */
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
    usec_t retry_after;    /* what the answer says; USEC_NEVER: nothing */
    bool kept;             /* the request is still here as a whole, or will come */
    bool repeatable;       /* its method is safe, or the route declared idempotent */
    unsigned attempts;     /* how often it was tried, this time included; refused keys aside */
    bool elsewhere;        /* another backend that was not tried can take it, at once */
    usec_t now, deadline;  /* the answer has to begin by then; USEC_NEVER */
};

/* Repeats that a route may afford: each request that is sent first earns a part, each repeat costs
 * one, so that repeats never multiply an outage. */
struct retry_budget {
    unsigned percent;
    unsigned hundredths; /* what is left, in hundredths of a repeat */
    usec_t filled;       /* when the reserve was last added to */
};

/* Full at first: with a reserve that a route with little traffic lives on. */
void retry_budget_init(struct retry_budget *b, unsigned percent, usec_t now);
void retry_budget_earn(struct retry_budget *b);
/* Takes one; false if there is none. */
bool retry_budget_spend(struct retry_budget *b, usec_t now) MUST_CHECK;

/* When to send it again (at once: facts->now), or USEC_NEVER: not. The budget is not looked at.
 * Back-off is exponential with full jitter from RANDOM (any 64 bits); Retry-After is kept to the
 * letter, and what would come after the deadline is not done at all. */
usec_t retry_at(const struct retry_rules *rules, const struct retry_facts *facts, uint64_t random);
/* What the header Retry-After (RFC 9110 section 10.2.3) or retry-after-ms says: seconds or a date,
 * read against DATE (the answer's own, or empty: WALL). USEC_NEVER: nothing that is understood. */
usec_t retry_after_read(struct text value, struct text milliseconds, struct text date, usec_t wall);
