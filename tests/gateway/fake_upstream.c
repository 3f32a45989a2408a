/* SPDX-License-Identifier: MIT */
/* Stands in for upstream/conn.h and upstream/pool.h: connections whose other end is the test. */
#include "fake.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pool {
    struct list idle;
    const struct config_uri *uri;
    bool retired;
    unsigned out; /* connections that somebody has */
    void (*changed)(void *context, int change);
    void *context;
};

static void count_idle(struct pool *p, int change) {
    if (p->changed)
        p->changed(p->context, change);
}

static void take_out(struct conn *c) {
    list_remove(&c->book.node);
    count_idle(c->book.pool, -1);
}

struct pool *pool_new(struct loop *loop, struct dialer *dialer, const struct origin *origin,
                      unsigned max_idle) {
    (void)loop, (void)dialer, (void)max_idle;
    struct pool *p = calloc(1, sizeof *p);
    assert(p);
    list_init(&p->idle);
    p->uri = origin->uri;
    return p;
}

void pool_free(struct pool **p) {
    if (*p) {
        assert((*p)->out == 0);
        pool_retire(*p);
    }
    free(*p);
    *p = NULL;
}

void pool_retire(struct pool *p) {
    p->retired = true;
    while (!list_empty(&p->idle)) {
        struct conn *c = conn_of_book(list_entry(p->idle.next, struct conn_book, node));
        conn_close(&c);
    }
}

void pool_count_idle(struct pool *p, void (*changed)(void *context, int change), void *context) {
    p->changed = changed;
    p->context = context;
}

usec_t pool_idle_age(const struct pool *p, struct conn *c) {
    (void)p;
    return c->book.idle_since ? world.loop.now - c->book.idle_since : 0;
}

bool pool_reused(struct conn *c) {
    return c->book.idle_since > 0;
}

struct conn *pool_take(struct pool *p, bool certain) {
    if (list_empty(&p->idle))
        return NULL;
    struct conn *c = conn_of_book(list_entry(p->idle.next, struct conn_book, node));
    if (certain && pool_idle_age(p, c) >= POOL_DOUBT_AFTER)
        return NULL;
    take_out(c);
    p->out++;
    c->used_from = c->sent.len;
    return c;
}

static struct list all_waiting = {&all_waiting, &all_waiting};

static struct conn *new_conn(struct pool *p) {
    struct conn *c = calloc(1, sizeof *c);
    assert(c && world.conn_count < 2048);
    world.conns[world.conn_count++] = c;
    c->number = world.conn_count;
    c->book.pool = p;
    snprintf(c->host, sizeof c->host, "%s", p->uri->host);
    c->may_read = c->may_write = true;
    c->send_limit = SIZE_MAX;
    buf_init(&c->sent, 64 * 1024 * 1024);
    buf_init(&c->incoming, 64 * 1024 * 1024);
    list_init(&c->book.node);
    p->out++;
    return c;
}

bool pool_wait(struct pool *p, struct pool_wait *wait) {
    wait->pool = p;
    list_push_back(&all_waiting, &wait->node);
    return true;
}

void pool_cancel(struct pool_wait *wait) {
    if (wait->pool)
        list_remove(&wait->node);
    wait->pool = NULL;
}

static struct pool_wait *first_waiting(struct pool **pool) {
    struct list *node = list_pop_front(&all_waiting);
    assert(node);
    struct pool_wait *w = list_entry(node, struct pool_wait, node);
    *pool = w->pool;
    w->pool = NULL;
    return w;
}

void dial_succeeds(void) {
    struct pool *p;
    struct pool_wait *w = first_waiting(&p);
    w->ready(w, new_conn(p), REASON_NONE);
}

void dial_fails(enum reason why) {
    struct pool *p;
    struct pool_wait *w = first_waiting(&p);
    w->ready(w, NULL, why);
}

void host_is_down(const char *host, enum reason why) {
    size_t i = 0;
    while (world.down[i].host && strcmp(world.down[i].host, host) != 0)
        i++;
    assert(i + 1 < sizeof world.down / sizeof *world.down);
    world.down[i].host = host;
    world.down[i].why = why;
}

static enum reason why_down(const char *host) {
    for (size_t i = 0; world.down[i].host; i++)
        if (strcmp(world.down[i].host, host) == 0)
            return world.down[i].why;
    return REASON_NONE;
}

unsigned dials_waiting(const char *host) {
    unsigned n = 0;
    list_each (node, next, &all_waiting)
        n += strcmp(list_entry(node, struct pool_wait, node)->pool->uri->host, host) == 0;
    return n;
}

static void dial_ends(void) {
    const struct pool_wait *w = list_entry(all_waiting.next, struct pool_wait, node);
    enum reason why = why_down(w->pool->uri->host);
    if (why == REASON_NONE)
        dial_succeeds();
    else
        dial_fails(why);
}

/* Connections come about in the same turn, at most so many that a request which is sent again at
 * once for ever is found out. */
void turn(void) {
    unsigned dials = 0;
    gateway_turn(world.gateway);
    while (!world.refuse_dials && !list_empty(&all_waiting)) {
        dials++;
        assert(dials < 100000);
        dial_ends();
        gateway_turn(world.gateway);
    }
}

void pool_give(struct pool *p, struct conn *c, bool reusable) {
    c->book.idle_since = world.loop.now;
    conn_own(c, NULL, NULL);
    assert(reusable);
    world.given_back++;
    p->out--;
    list_push_front(&p->idle, &c->book.node);
    count_idle(p, 1);
    if (p->retired)
        pool_retire(p);
}

void pool_learn(struct pool *p, usec_t age) {
    (void)p;
    world.learnt++;
    world.learnt_age = age;
}

struct conn_book *conn_book(struct conn *c) {
    return &c->book;
}

struct conn *conn_of_book(struct conn_book *book) {
    return container_of(book, struct conn, book);
}

void conn_own(struct conn *c, void (*ready)(void *owner), void *owner) {
    c->ready = ready;
    c->owner = owner;
}

ssize_t conn_send(struct conn *c, const void *bytes, size_t n) {
    assert(n > 0 && !c->closed);
    if (c->send_fails) {
        c->dead = true;
        return CONN_FAILED;
    }
    if (c->send_limit == 0) {
        c->may_write = false;
        return CONN_AGAIN;
    }
    n = n < c->send_limit ? n : c->send_limit;
    if (c->send_limit != SIZE_MAX)
        c->send_limit -= n;
    buf_add(&c->sent, bytes, n);
    return (ssize_t)n;
}

ssize_t conn_recv(struct conn *c, void *into, size_t n) {
    assert(!c->closed);
    if (c->incoming.len == 0) {
        c->may_read = c->end != CONN_AGAIN;
        return c->end;
    }
    n = n < c->incoming.len ? n : c->incoming.len;
    memcpy(into, c->incoming.at, n);
    buf_consume(&c->incoming, n);
    return (ssize_t)n;
}

bool conn_may_read(const struct conn *c) {
    return c->may_read;
}

bool conn_may_write(const struct conn *c) {
    return c->may_write;
}

bool conn_is_dead(const struct conn *c) {
    return c->dead;
}

bool conn_has_pending(const struct conn *c) {
    (void)c;
    return false;
}

bool conn_acknowledged(const struct conn *c) {
    return c->acknowledged;
}

usec_t conn_round_trip(const struct conn *c) {
    (void)c;
    return 10 * USEC_PER_MS;
}

void conn_close(struct conn **c) {
    if (!*c)
        return;
    (*c)->closed = true;
    (*c)->ready = NULL;
    if (list_empty(&(*c)->book.node))
        (*c)->book.pool->out--;
    else
        take_out(*c);
    world.dropped++;
    *c = NULL;
}

struct conn *peer(int number) {
    assert(number <= world.conn_count && world.conn_count > 0);
    return world.conns[(number ? number : world.conn_count) - 1];
}

static void wake(struct conn *c) {
    c->may_read = true;
    if (c->ready)
        c->ready(c->owner);
}

void peer_sends(struct conn *c, const char *bytes) {
    buf_add_string(&c->incoming, bytes);
    wake(c);
}

void peer_closes(struct conn *c, int how) {
    c->end = how;
    c->dead = true;
    wake(c);
}

const char *peer_got(struct conn *c) {
    return c->sent.at ? c->sent.at : "";
}
