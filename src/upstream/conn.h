/* SPDX-License-Identifier: MIT */
/* An open connection to an upstream: bytes in, bytes out, and what is known of its health.
 *
 * Readiness is edge-triggered and sticky: may_read and may_write stay true until a call says
 * CONN_AGAIN. So whoever stops reading under back-pressure just reads later. */
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct conn;
struct pool;

/* What conn_send() and conn_recv() return besides a positive number of bytes. */
enum conn_result {
    CONN_AGAIN = 0,      /* not now; the owner's ready() is called when it is worth trying */
    CONN_END = -1,       /* the peer ended in good order (close_notify; FIN without TLS) */
    CONN_TRUNCATED = -2, /* FIN without close_notify: the end may be an attacker's */
    CONN_FAILED = -3,    /* reset, or any other error */
};

/* Bytes sent, CONN_AGAIN or CONN_FAILED. N > 0. After CONN_AGAIN the same bytes must be offered
 * again, at least as many. */
ssize_t conn_send(struct conn *c, const void *bytes, size_t n) MUST_CHECK;
/* Bytes received, or any of enum conn_result. */
ssize_t conn_recv(struct conn *c, void *into, size_t n) MUST_CHECK;

/* Whether reading, or writing, may succeed now. */
bool conn_may_read(const struct conn *c);
bool conn_may_write(const struct conn *c);
/* The peer has closed its side, or the connection broke: it takes no new request. */
bool conn_is_dead(const struct conn *c);
/* For one that is about to be used again: looks at what came since the loop looked. False: the peer
 * has closed it, or sent what nobody asked for. A session ticket of TLS is taken and is fine. */
bool conn_is_fit(struct conn *c) MUST_CHECK;
/* Whether received bytes wait inside the TLS library. */
bool conn_has_pending(const struct conn *c);
/* Whether the peer has acknowledged everything that was sent (false if the kernel cannot tell). */
bool conn_acknowledged(const struct conn *c);
/* The smoothed round trip, or 0 if unknown. */
usec_t conn_round_trip(const struct conn *c);

/* Who hears of readiness: READY is called from the loop whenever an edge came. NULL: nobody. */
void conn_own(struct conn *c, void (*ready)(void *owner), void *owner);

/* For the pool: a place for its list, and since when it is idle or was last (0: never). */
struct conn_book {
    struct list node;
    usec_t idle_since;
    struct pool *pool;
};
struct conn_book *conn_book(struct conn *c);
struct conn *conn_of_book(struct conn_book *book);

/* Closes and frees it (NULL is fine); also gives up a dial. */
void conn_close(struct conn **c);
