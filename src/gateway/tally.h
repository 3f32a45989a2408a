/* SPDX-License-Identifier: MIT */
/* What is counted of a route, for metrics and status. A tally belongs to the route, whatever
 * becomes of the configuration; each worker writes into a slot of its own (relaxed, no locked
 * instruction), the control thread adds them up. A slot outlives its worker, so that no count is
 * lost. */
#pragma once

#include "base/clock.h"
#include "base/macros.h"
#include "policy/reason.h"

#include <stdbool.h>
#include <stdint.h>

struct tally;
struct tally_slot;

/* One reference; NULL if memory is out. */
struct tally *tally_new(void) MUST_CHECK;
struct tally *tally_ref(struct tally *t);
void tally_unref(struct tally **t); /* NULL is fine */
/* A slot for one worker; belongs to the tally. NULL if memory is out. */
struct tally_slot *tally_slot(struct tally *t) MUST_CHECK;

/* Why something was sent again. */
enum tally_retry {
    TALLY_RETRY_CONNECTION, /* none came about, or it died before the request was whole there */
    TALLY_RETRY_CREDENTIAL, /* the key was refused */
    TALLY_RETRY_STATUS,     /* 429, 503, … */
    TALLY_RETRY_NOT_READY,  /* wait_for_ready_ms */
    TALLY_RETRY_HEDGE,
    TALLY_RETRIES,
};

enum tally_gauge {
    TALLY_IN_FLIGHT, /* requests of callers that are not over */
    TALLY_QUEUED,    /* of these, waiting at the gate */
    TALLY_ACTIVE,    /* connections to endpoints: in use, */
    TALLY_IDLE,      /* kept warm, */
    TALLY_DIALLING,  /* being made */
    TALLY_GAUGES,
};

/* All of these in the worker's thread. */
void tally_add(struct tally_slot *s, enum tally_gauge gauge, int change);
/* A request is over; STATUS 0: the caller was told nothing. */
void tally_ended(struct tally_slot *s, unsigned status, enum reason why, usec_t duration);
/* An endpoint began to answer, DURATION after the request was begun to be sent to it. */
void tally_upstream(struct tally_slot *s, usec_t duration);
void tally_retried(struct tally_slot *s, enum tally_retry why);
