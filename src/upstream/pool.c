/* SPDX-License-Identifier: MIT */
/* The pool of upstream/pool.h. */
#include "upstream/pool.h"

#include <assert.h>
#include <stdlib.h>

/* Below the idle time-outs that are common in front of endpoints (60 s and more). */
#define IDLE_MAX (50 * USEC_PER_SEC)
#define IDLE_MIN (USEC_PER_MS * 100)

struct pool {
    struct loop *loop;
    struct dialer *dialer;
    struct origin origin;
    struct list idle;    /* of conn_book; most recently used first */
    struct list waiting; /* of pool_wait; first come first */
    struct list dials;   /* of struct dial */
    unsigned idle_count, dial_count, wait_count, max_idle;
    usec_t idle_max; /* learnt from the peer */
    struct timer timer;
    void (*idle_changed)(void *context, int change); /* NULL: nobody counts */
    void *context;
};

/* A dial that is under way for the pool. */
struct dial {
    struct list node;
    struct pool *pool;
    struct conn *conn;
};

static void expire(struct timer *timer, usec_t now);

struct pool *pool_new(struct loop *loop, struct dialer *dialer, const struct origin *origin,
                      unsigned max_idle) {
    struct pool *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    if (!timer_init(loop, &p->timer, expire)) {
        free(p);
        return NULL;
    }
    p->loop = loop;
    p->dialer = dialer;
    p->origin = *origin;
    p->max_idle = max_idle;
    p->idle_max = IDLE_MAX;
    list_init(&p->idle);
    list_init(&p->waiting);
    list_init(&p->dials);
    return p;
}

void pool_count_idle(struct pool *p, void (*changed)(void *context, int change), void *context) {
    p->idle_changed = changed;
    p->context = context;
}

static void count_idle(struct pool *p, int change) {
    p->idle_count += (unsigned)change;
    if (p->idle_changed)
        p->idle_changed(p->context, change);
}

static void drop(struct pool *p, struct conn *c) {
    list_remove(&conn_book(c)->node);
    count_idle(p, -1);
    conn_close(&c);
}

void pool_free(struct pool **pointer) {
    struct pool *p = *pointer;
    *pointer = NULL;
    if (!p)
        return;
    assert(list_empty(&p->waiting));
    list_each (node, next, &p->dials) {
        struct dial *d = list_entry(node, struct dial, node);
        conn_close(&d->conn);
        free(d);
    }
    pool_retire(p);
    timer_done(p->loop, &p->timer);
    free(p);
}

void pool_retire(struct pool *p) {
    p->max_idle = 0;
    while (!list_empty(&p->idle))
        drop(p, conn_of_book(list_entry(p->idle.next, struct conn_book, node)));
}

/* An idle connection became readable: a TLS session ticket, the peer's farewell, or an answer that
 * nobody asked for. Only after the first may it be used again. */
static void idle_ready(void *owner) {
    struct conn *c = owner;
    struct pool *p = conn_book(c)->pool;
    if (!conn_may_read(c) && !conn_is_dead(c))
        return;
    char byte;
    ssize_t n = conn_recv(c, &byte, 1);
    if (n == CONN_AGAIN && !conn_is_dead(c))
        return;
    if (n == CONN_END || n == CONN_TRUNCATED)
        pool_learn(p, p->loop->now - conn_book(c)->idle_since);
    drop(p, c);
}

static void take_out(struct pool *p, struct conn *c) {
    list_remove(&conn_book(c)->node);
    count_idle(p, -1);
    conn_own(c, NULL, NULL);
}

struct conn *pool_take(struct pool *p, bool certain) {
    while (!list_empty(&p->idle)) {
        struct conn *c = conn_of_book(list_entry(p->idle.next, struct conn_book, node));
        usec_t age = pool_idle_age(p, c);
        if (age > p->idle_max) {
            drop(p, c); /* and so is everything behind it */
            continue;
        }
        if (certain && age >= POOL_DOUBT_AFTER)
            return NULL;
        take_out(p, c);
        if (conn_is_fit(c))
            return c;
        pool_learn(p, age);
        conn_close(&c);
    }
    return NULL;
}

static void serve_next(struct pool *p, struct conn *c, enum reason why) {
    struct pool_wait *w = list_entry(list_pop_front(&p->waiting), struct pool_wait, node);
    p->wait_count--;
    w->pool = NULL;
    w->ready(w, c, why);
}

static void keep_idle(struct pool *p, struct conn *c) {
    list_push_front(&p->idle, &conn_book(c)->node);
    count_idle(p, 1);
    conn_own(c, idle_ready, c);
    if (p->idle_count > p->max_idle)
        drop(p, conn_of_book(list_entry(p->idle.prev, struct conn_book, node)));
    if (p->timer.deadline == USEC_NEVER)
        timer_set(p->loop, &p->timer, p->loop->now + p->idle_max);
}

static void on_dialled(void *context, struct conn *c, enum reason why) {
    struct dial *d = context;
    struct pool *p = d->pool;
    list_remove(&d->node);
    p->dial_count--;
    free(d);
    if (c)
        conn_book(c)->pool = p;
    if (!list_empty(&p->waiting)) {
        serve_next(p, c, why);
    } else if (c) {
        conn_book(c)->idle_since = p->loop->now;
        keep_idle(p, c);
    }
}

bool pool_wait(struct pool *p, struct pool_wait *wait) {
    if (p->dial_count <= p->wait_count) {
        struct dial *d = calloc(1, sizeof *d);
        struct conn *c = d ? dialer_dial(p->dialer, &p->origin, on_dialled, d) : NULL;
        if (!c) {
            free(d);
            return false;
        }
        *d = (struct dial){.pool = p, .conn = c};
        list_push_back(&p->dials, &d->node);
        p->dial_count++;
    }
    wait->pool = p;
    list_push_back(&p->waiting, &wait->node);
    p->wait_count++;
    return true;
}

void pool_cancel(struct pool_wait *wait) {
    if (!wait->pool)
        return;
    list_remove(&wait->node);
    wait->pool->wait_count--;
    wait->pool = NULL;
}

void pool_give(struct pool *p, struct conn *c, bool reusable) {
    conn_own(c, NULL, NULL);
    conn_book(c)->idle_since = p->loop->now;
    if (reusable && !conn_is_dead(c) && conn_has_pending(c)) {
        /* A session ticket is fine; a byte of an answer that nobody asked for is not. */
        char byte;
        reusable = conn_recv(c, &byte, 1) == CONN_AGAIN;
    }
    if (!reusable || conn_is_dead(c))
        conn_close(&c);
    else if (!list_empty(&p->waiting))
        serve_next(p, c, REASON_NONE);
    else
        keep_idle(p, c);
}

static void expire(struct timer *timer, usec_t now) {
    struct pool *p = container_of(timer, struct pool, timer);
    usec_t limit = p->idle_max;
    while (!list_empty(&p->idle)) {
        struct conn_book *oldest = list_entry(p->idle.prev, struct conn_book, node);
        if (now - oldest->idle_since < limit) {
            timer_set(p->loop, timer, oldest->idle_since + limit);
            return;
        }
        drop(p, conn_of_book(oldest));
        /* The peer has borne this age. What was learnt may have been a restart of it. */
        p->idle_max = limit + limit / 8 < IDLE_MAX ? limit + limit / 8 : IDLE_MAX;
    }
}

usec_t pool_idle_age(const struct pool *p, struct conn *c) {
    return pool_reused(c) ? p->loop->now - conn_book(c)->idle_since : 0;
}

bool pool_reused(struct conn *c) {
    return conn_book(c)->idle_since > 0;
}

void pool_learn(struct pool *p, usec_t age) {
    usec_t half = age / 2 > IDLE_MIN ? age / 2 : IDLE_MIN;
    if (half < p->idle_max) {
        p->idle_max = half;
        if (!list_empty(&p->idle))
            timer_set(p->loop, &p->timer, p->loop->now + half);
    }
}
