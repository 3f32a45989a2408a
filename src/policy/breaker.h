/* SPDX-License-Identifier: MIT */
/* The breaker of a backend: after failures in a row nothing is sent to it for a while, then one
 * request to see; when that is served the backend is taken back, with a share that grows. A failure
 * is no connection, no answer, or an answer that says the endpoint is not there (503, 502 and 504
 * of its front door are not told from those of a model, and do not count). Pure: handed time and
 * randomness; one per worker.
 *
 * Requests are under way for minutes, so that their ends come out of order. What counts is news of
 * the backend as it is now: while the breaker is open, only the probe's end does, since the others
 * were sent before and neither show that the backend is back nor that it still is not; and what was
 * sent before it was closed again counts no more, since a row of old requests that time out at last
 * would open it anew. */
#pragma once

#include "base/clock.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

/* The configuration's "breaker". */
struct breaker_rules {
    unsigned failures; /* in a row that open it; 0: it never opens */
    usec_t open;       /* for how long, a tenth more or less; doubled each time the probe fails, */
    usec_t max_open;   /* up to this */
    usec_t recovery;   /* over which its share grows to the whole again */
};

/* Of its share, in percent: what a backend that is back begins with. */
#define BREAKER_SHARE_FIRST 10

enum breaker_state {
    BREAKER_CLOSED,  /* all goes through */
    BREAKER_OPEN,    /* nothing does, until a time */
    BREAKER_PROBING, /* one request is under way to see */
};

struct breaker {
    enum breaker_state state;
    unsigned failures; /* in a row */
    unsigned opened;   /* how often in a row, without a success between */
    usec_t until;      /* when an open one lets a request through */
    usec_t recovered;  /* when it was closed again; 0: never open */
};

void breaker_init(struct breaker *b);
/* Whether a request may be sent. An open one whose time has come lets one through. */
bool breaker_allows(const struct breaker *b, usec_t now) MUST_CHECK;
/* It is sent. True: it is the one that is to see, the probe; it has to end in one of the next
 * three. */
bool breaker_begin(struct breaker *b, usec_t now) MUST_CHECK;
/* PROBE and SENT: what breaker_begin() returned, and its NOW. True: the state has changed, from
 * which on the breaker is closed, or open (b->opened is 1 if it was closed before, else the probe
 * failed). */
bool breaker_succeeded(struct breaker *b, bool probe, usec_t sent, usec_t now);
bool breaker_failed(struct breaker *b, const struct breaker_rules *rules, bool probe, usec_t sent,
                    usec_t now, uint64_t random);
/* It ended without a verdict: the caller went away. Another one may see, at once. */
void breaker_abandoned(struct breaker *b, bool probe);
/* How much of its share it gets, in percent: 100, or less while it recovers (never 0). The probe is
 * let through as soon as there is a request: an open one has its whole share. */
unsigned breaker_share(const struct breaker *b, const struct breaker_rules *rules,
                       usec_t now) MUST_CHECK;
