/* SPDX-License-Identifier: MIT */
/* When a credential is fetched again: at its refresh time with jitter, sooner when the endpoint has
 * refused it, later and later when fetching fails. Pure: NOW and chance are handed in. All times
 * are microseconds of the monotonic clock, so that a jump of the wall clock changes nothing.
 *
 * Two times tell its owner what to do. `refresh` is the time to fetch by itself: a timer is set to
 * it after every call that changes the renewal. renewal_next() is the time from which somebody who
 * needs it and finds nothing usable may have it fetched. Every fetch ends in renewal_succeeded() or
 * renewal_failed(); one is in progress at a time. */
#pragma once

#include "base/clock.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

/* A refused credential is fetched anew at most this often. */
#define RENEWAL_FORCED_INTERVAL (30 * USEC_PER_SEC)
/* Success upon success: not more often than this, whatever lifetimes the service gives. */
#define RENEWAL_REFRESH_LEAST (1 * USEC_PER_SEC)
/* Back-off after failures: from, to, and never more than this part of what is left to live (but
 * never less than the least). While callers go without, a service that is merely down is asked
 * again after BACKOFF_NEEDED at the latest. */
#define RENEWAL_BACKOFF_MIN    (1 * USEC_PER_SEC)
#define RENEWAL_BACKOFF_MAX    (300 * USEC_PER_SEC)
#define RENEWAL_BACKOFF_NEEDED (12 * USEC_PER_SEC)
#define RENEWAL_LEFT_PART      4
#define RENEWAL_BACKOFF_LEAST  (100 * USEC_PER_MS)
/* The quick retry after the first 5xx or missing answer: from, to. */
#define RENEWAL_QUICK_MIN (100 * USEC_PER_MS)
#define RENEWAL_QUICK_MAX (300 * USEC_PER_MS)
/* A Retry-After above this counts as this, so that no answer stops us for ever. */
#define RENEWAL_HOLD_MAX (3600 * USEC_PER_SEC)

/* How the service behind it wants to be asked again. */
enum renewal_rules {
    RENEWAL_PLAIN, /* 1 s, 2 s, … 5 min; one quick retry first after a 5xx or no answer */
    RENEWAL_IMDS,  /* 410 and 404: 10 s (gone for at most 70 s); else 2 s, 4 s, … 60 s */
};

struct renewal {
    enum renewal_rules rules;
    usec_t refresh;    /* fetch then; USEC_NEVER: nothing to do by itself */
    usec_t expires;    /* of what we have; 0: nothing; USEC_NEVER: no end */
    usec_t hold_until; /* Retry-After: nothing is sent before */
    usec_t forced_at;  /* when it was last fetched because it was refused; 0: never */
    bool forced_due;   /* refused again since: fetched when the interval is over */
    bool quick;        /* the quick retry of this row of failures has been given */
    unsigned failures; /* in a row */
    bool in_time;      /* the last of them: what we had could still be used */
};

/* Nothing is there, and it is to be fetched at once. */
void renewal_init(struct renewal *r, enum renewal_rules rules);
/* Whether what we have may be used at NOW. */
bool renewal_usable(const struct renewal *r, usec_t now) MUST_CHECK;

/* A fetch succeeded: LIFETIME until it is dead (USEC_NEVER: none), REFRESH_AFTER until it should be
 * renewed (USEC_NEVER: not by itself). The refresh comes up to a tenth of REFRESH_AFTER earlier, by
 * CHANCE, so that many machines do not ask at once. */
void renewal_succeeded(struct renewal *r, usec_t now, usec_t lifetime, usec_t refresh_after,
                       uint64_t chance);
/* A fetch failed with STATUS (0: no answer) and RETRY_AFTER_S (-1: not said). DEFINITE: the service
 * refuses what we show. Sets the next attempt: Retry-After is obeyed to the letter, even beyond the
 * end of what we have; else (also for a Retry-After of 0) back-off with jitter, up to half as long
 * again, at most a quarter of what is left to live while something is. When that has ended, the row
 * begins anew: who goes without must not wait longer than before. A definite refusal is backed off
 * from by the plain rules, whatever the service. */
void renewal_failed(struct renewal *r, usec_t now, unsigned status, int64_t retry_after_s,
                    bool definite, uint64_t chance);
/* The endpoint refused what we have. True: fetch now. False: it was fetched for that reason within
 * RENEWAL_FORCED_INTERVAL, or Retry-After holds; then it is fetched when that is over: `refresh`
 * says so. Not to be called while it is being fetched. */
bool renewal_forced(struct renewal *r, usec_t now) MUST_CHECK;
/* What made it fail is gone: the back-off ends, but not what Retry-After said. */
void renewal_retry(struct renewal *r, usec_t now);
/* Somebody needs it and there is nothing usable: when may it be fetched? A time that has passed (0)
 * unless a failure or Retry-After is being waited out. */
usec_t renewal_next(const struct renewal *r) MUST_CHECK;
