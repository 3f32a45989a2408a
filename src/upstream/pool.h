/* SPDX-License-Identifier: MIT */
/* The warm connections of one worker to one origin with one credential; nothing else ever shares
 * them. The most recently used goes out first, so that the surplus grows old and is closed. */
#pragma once

#include "base/list.h"
#include "base/macros.h"
#include "policy/reason.h"
#include "sys/loop.h"
#include "upstream/conn.h"
#include "upstream/dial.h"

#include <stdbool.h>

struct pool;

/* A connection that has been idle for longer than this may have died unnoticed. */
#define POOL_DOUBT_AFTER USEC_PER_SEC

/* Somebody who waits for a connection; embedded in its owner. READY gets the connection, now busy,
 * or NULL and why there is none; it is called from the loop, never from pool_wait(). */
struct pool_wait {
    struct list node;
    struct pool *pool; /* NULL: not waiting */
    void (*ready)(struct pool_wait *wait, struct conn *conn, enum reason why);
};

/* ORIGIN is copied; what it points at outlives the pool. MAX_IDLE: how many are kept warm. */
struct pool *pool_new(struct loop *loop, struct dialer *dialer, const struct origin *origin,
                      unsigned max_idle) MUST_CHECK;
/* Closes what is idle; nobody may be waiting, nothing be out. READY may call it for its own pool.
 */
void pool_free(struct pool **pool);
/* Closes what is idle and keeps nothing warm from now on, for a pool that nobody will come to any
 * more. */
void pool_retire(struct pool *pool);

/* CHANGED hears of each connection that is kept warm (1) or is not any more (-1). */
void pool_count_idle(struct pool *pool, void (*changed)(void *context, int change), void *context);

/* A warm connection, or NULL. CERTAIN: only one that cannot have died unnoticed (idle for less than
 * POOL_DOUBT_AFTER), for a request that cannot be sent again. */
struct conn *pool_take(struct pool *pool, bool certain);
/* Queues WAIT for the next connection, dialled for it or given back by another. False: out of
 * memory. */
bool pool_wait(struct pool *pool, struct pool_wait *wait) MUST_CHECK;
void pool_cancel(struct pool_wait *wait);
/* Gives a connection back after an exchange. REUSABLE: the exchange ended cleanly and both sides
 * mean to go on. */
void pool_give(struct pool *pool, struct conn *conn, bool reusable);

/* How long CONN, just taken, had been idle; 0 for one that was dialled for whoever has it. */
usec_t pool_idle_age(const struct pool *pool, struct conn *conn);
/* Whether CONN has carried an exchange before, or has been idle: it may have died unnoticed. */
bool pool_reused(struct conn *conn);
/* Tells that CONN, taken after AGE of idleness, turned out dead: idle connections will be given up
 * at half that age, and later again once some have reached it alive. */
void pool_learn(struct pool *pool, usec_t age);
