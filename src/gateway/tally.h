/* SPDX-License-Identifier: MIT */
/* What is counted of a route, for metrics and status. A tally belongs to the route, whatever
 * becomes of the configuration; each worker writes into a slot of its own (relaxed, no locked
 * instruction), the control thread adds them up. What a slot counted stays when its worker has
 * gone, so that no count is lost. */
#pragma once

#include "base/clock.h"
#include "base/macros.h"
#include "policy/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tally;
struct tally_slot;

/* One reference; NULL if memory is out. */
struct tally *tally_new(void) MUST_CHECK;
struct tally *tally_ref(struct tally *t);
void tally_unref(struct tally **t); /* NULL is fine */

/* From any thread: a slot for one thread to write into; belongs to the tally. NULL if memory is
 * out. */
struct tally_slot *tally_slot(struct tally *t) MUST_CHECK;
/* Its owner goes on under another configuration, with another slot. Requests that are not over are
 * counted here to their end; what was said of backends no longer stands. */
void tally_retire(struct tally_slot *s);
/* Gives the slot back and sets *S to NULL (NULL is fine). Its counts stay, and another owner may
 * count on. */
void tally_release(struct tally_slot **s);

/* Why something was sent again. */
enum tally_retry {
    TALLY_RETRY_CONNECTION, /* none came about, or it died before the request was whole there */
    TALLY_RETRY_CREDENTIAL, /* the key was refused */
    TALLY_RETRY_STATUS,     /* 429, 503, … */
    TALLY_RETRY_NOT_READY,  /* wait_for_ready_ms */
    TALLY_RETRY_HEDGE,
    TALLY_RETRIES,
};
/* "connection", "credential", … */
const char *tally_retry_word(enum tally_retry why);

enum tally_gauge {
    TALLY_IN_FLIGHT, /* requests of callers that are not over */
    TALLY_QUEUED,    /* of these, waiting at the gate */
    TALLY_ACTIVE,    /* connections to endpoints: in use, */
    TALLY_IDLE,      /* kept warm, */
    TALLY_DIALLING,  /* being made */
    TALLY_GAUGES,
};

/* What the breaker of one worker does with a backend (policy/breaker.h). */
enum tally_breaker { TALLY_CLOSED, TALLY_PROBING, TALLY_OPEN };

#define TALLY_BACKENDS_MAX 16

/* All of these in the thread of the slot's owner. */
void tally_add(struct tally_slot *s, enum tally_gauge gauge, int change);
/* A request is over; STATUS 0: the caller was told nothing. */
void tally_ended(struct tally_slot *s, unsigned status, enum reason why, usec_t duration);
/* An endpoint began to answer, DURATION after the request was begun to be sent to it. */
void tally_upstream(struct tally_slot *s, usec_t duration);
void tally_retried(struct tally_slot *s, enum tally_retry why);
/* The breaker of a backend (its number in the route) has changed; TALLY_CLOSED at first. */
void tally_backend(struct tally_slot *s, unsigned backend, enum tally_breaker state);

/* --- reading, from any thread ------------------------------------------------------------------
 */

/* The upper bounds of the buckets of durations, each inclusive; behind the last is one without. */
#define TALLY_BOUNDS 16
extern const usec_t tally_bounds[TALLY_BOUNDS];

struct tally_histogram {
    uint64_t counts[TALLY_BOUNDS + 1]; /* of each bucket alone */
    uint64_t count;                    /* of all */
    uint64_t sum;                      /* microseconds */
};

struct tally_requests {
    unsigned status;
    enum reason why;
    uint64_t count;
};

/* Pairs of status and reason that are told apart. */
#define TALLY_PAIRS_MAX 256

/* All slots added up. */
struct tally_sum {
    struct tally_requests requests[TALLY_PAIRS_MAX]; /* by status, then reason; none is zero */
    size_t request_count;
    uint64_t others; /* requests of pairs for which there was no room */
    struct tally_histogram duration, upstream;
    uint64_t retries[TALLY_RETRIES];
    int64_t gauges[TALLY_GAUGES];
    /* The worst that any worker makes of it: one that has not met a fault tells nothing. */
    enum tally_breaker backends[TALLY_BACKENDS_MAX];
};
void tally_read(struct tally *t, struct tally_sum *sum);
