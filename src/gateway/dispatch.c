/* SPDX-License-Identifier: MIT */
/* Where a request goes: to a backend that has a supply that can be used, whose breaker lets it
 * through and where the request did not fail before; through the gate, if the route has one. */
#include "gateway/exchange.h"

#include "base/random.h"

#include <assert.h>

/* How long a request that only breakers keep may wait for one to let somebody through; for the
 * verdict of that one it waits as long as in a queue. */
#define BLOCKED_MAX USEC_PER_SEC
/* How soon it looks again while somebody else's request is under way to see. */
#define BLOCKED_LOOK (50 * USEC_PER_MS)

/* What there is to choose from. */
struct options {
    struct balance_choice choices[BALANCE_MAX];
    unsigned keys[BALANCE_MAX];
    unsigned able;       /* how many can take it */
    bool waiting;        /* a supply may come */
    enum reason why;     /* of the first that never can; REASON_NONE */
    bool probing;        /* somebody's request is under way to see */
    usec_t breaker_open; /* when the first of those that only the breaker keeps may be tried;
                            USEC_NEVER: there are none */
};

static struct gateway_backend *backend_of(const struct exchange *x, unsigned i) {
    return &x->route->backends[i];
}

static void look_at(const struct exchange *x, unsigned i, struct options *o) {
    const struct gateway_backend *b = backend_of(x, i);
    const struct config_route *route = x->route->config;
    struct balance_choice *c = &o->choices[i];
    usec_t now = x->gateway->loop->now;
    enum reason why = REASON_NONE;
    *c = (struct balance_choice){.priority = b->config->priority, .weight = b->config->weight};
    switch (credential_choose(x, b, &o->keys[i], &why)) {
    case CHOICE_WAIT:
        o->waiting = true;
        return;
    case CHOICE_FAIL:
        o->why = o->why == REASON_NONE ? why : o->why;
        return;
    case CHOICE_SEND:
        break;
    }
    c->share = breaker_share(&b->breaker, &route->breaker, now);
    /* Whoever waits for a cold endpoint knows that it is down. */
    c->able = x->ready_by || breaker_allows(&b->breaker, now);
    o->able += c->able;
    if (c->able)
        return;
    o->probing |= b->breaker.state == BREAKER_PROBING;
    usec_t until = b->breaker.state == BREAKER_OPEN ? b->breaker.until : now + BLOCKED_LOOK;
    o->breaker_open = until < o->breaker_open ? until : o->breaker_open;
}

/* Those where the request failed count only if there is nobody else. */
static void leave_out(const struct exchange *x, struct options *o, uint32_t set) {
    unsigned left = 0;
    for (unsigned i = 0; i < x->route->config->backend_count; i++)
        left += o->choices[i].able && !(set & 1U << i);
    for (unsigned i = 0; left && i < x->route->config->backend_count; i++)
        if (set & 1U << i)
            o->choices[i].able = false;
    o->able = left ? left : o->able;
}

static void look(const struct exchange *x, struct options *o) {
    *o = (struct options){.breaker_open = USEC_NEVER};
    for (unsigned i = 0; i < x->route->config->backend_count; i++)
        look_at(x, i, o);
    leave_out(x, o, x->failed_backends);
}

static unsigned pick(const struct exchange *x, const struct options *o) {
    unsigned n = (unsigned)x->route->config->backend_count;
    if (n == 1)
        return 0;
    return balance_pick(&x->route->balance, o->choices, n, random_u64());
}

/* The lanes that will do as well as PREFERRED: whoever is able and shares its turn. */
static uint32_t lanes_of(const struct exchange *x, const struct options *o, unsigned preferred) {
    uint32_t lanes = 1U << preferred;
    for (unsigned i = 0; i < x->route->config->backend_count; i++)
        if (o->choices[i].able && o->choices[i].weight && o->choices[i].share == 100 &&
            o->choices[i].priority == o->choices[preferred].priority)
            lanes |= 1U << i;
    return lanes;
}

static void leave_gate(struct exchange *x) {
    if (gate_leave(&x->tickets[0], x->gateway->loop->now))
        gateway_granted(x->route);
}

static void begin(struct exchange *x, unsigned backend, unsigned key) {
    if (x->ready_by)
        x->response_from = x->gateway->loop->now; /* until now there was nothing to answer */
    if (attempt_begin(x, backend_of(x, backend), key, &x->tickets[0]))
        return;
    leave_gate(x);
    exchange_fail(x, REASON_out_of_resources);
}

static void enter_gate(struct exchange *x, const struct options *o, unsigned preferred) {
    usec_t now = x->gateway->loop->now;
    struct gate_ticket *t = &x->tickets[0];
    switch (gate_enter(&x->route->port, t, x->caller_key, lanes_of(x, o, preferred), preferred,
                       x->had_turn, now)) {
    case GATE_INSIDE:
        x->had_turn = true;
        begin(x, t->lane, o->keys[t->lane]);
        break;
    case GATE_FULL:
        exchange_fail(x, REASON_queue_full);
        break;
    default:
        x->queued = now;
        exchange_set_state(x, EXCHANGE_QUEUED);
        list_push_back(&x->route->queue, &x->node);
        tally_add(x->tally, TALLY_QUEUED, 1);
        break;
    }
}

static usec_t earlier(usec_t a, usec_t b) {
    return a < b ? a : b;
}

/* Breakers keep it: for a moment it waits for them, since one of them is about to see. SUPPLY: one
 * may come for another backend, so that it looks from time to time as long as it may wait. */
static void blocked(struct exchange *x, const struct options *o, bool supply) {
    usec_t now = x->gateway->loop->now, until = o->breaker_open;
    usec_t most = o->probing ? x->route->config->queue_timeout : BLOCKED_MAX;
    if (supply) {
        until = earlier(until, now + BLOCKED_MAX);
        most = USEC_NEVER;
    }
    if (!x->blocked)
        x->blocked = now;
    if (until - x->blocked > most || until >= exchange_deadline(x)) {
        x->retry_after_s = (uint32_t)((until - now + USEC_PER_SEC - 1) / USEC_PER_SEC);
        exchange_fail(x, REASON_breaker_open);
        return;
    }
    x->again = until;
    exchange_set_state(x, EXCHANGE_RESTING);
}

/* After a reload it goes on by the new configuration. */
static void follow(struct exchange *x) {
    while (x->route->successor)
        exchange_follow(x, x->route->successor);
}

static void fail_or_wait(struct exchange *x, const struct options *o) {
    bool supply = o->waiting && !x->route->replaced;
    if (o->breaker_open != USEC_NEVER)
        blocked(x, o, supply);
    else if (supply)
        waiting_enter(x);
    else
        exchange_fail(x, o->waiting ? REASON_no_credential : o->why);
}

void dispatch(struct exchange *x) {
    struct options o;
    assert(!x->attempts[0] && x->tickets[0].place == GATE_OUTSIDE);
    follow(x);
    if (ready_held(x))
        return;
    look(x, &o);
    if (o.able == 0) {
        fail_or_wait(x, &o);
    } else if (x->spent) {
        x->retry_at_once = true; /* only the caller still has the body */
        exchange_fail(x, REASON_no_credential);
    } else {
        unsigned preferred = pick(x, &o);
        x->blocked = 0;
        if (x->route->gated)
            enter_gate(x, &o, preferred);
        else
            begin(x, preferred, o.keys[preferred]);
    }
}

void dispatch_ahead(struct exchange *x) {
    x->had_turn = true;
    leave_gate(x);
    exchange_set_state(x, EXCHANGE_RESTING);
    dispatch(x);
    exchange_arm(x);
}

/* What it waited for may have changed meanwhile: its credential is chosen now. */
void dispatch_granted(struct exchange *x) {
    struct options o;
    unsigned lane = x->tickets[0].lane;
    look(x, &o);
    if (!o.choices[lane].able || x->spent) {
        dispatch_ahead(x);
        return;
    }
    x->had_turn = true;
    begin(x, lane, o.keys[lane]);
    exchange_arm(x);
}

bool dispatch_elsewhere(const struct exchange *x) {
    if (x->route->config->backend_count == 1)
        return false;
    struct options o;
    look(x, &o);
    for (unsigned i = 0; i < x->route->config->backend_count; i++)
        if (o.choices[i].able && !(x->failed_backends & 1U << i))
            return true;
    return false;
}

struct gateway_backend *dispatch_second(struct exchange *x, unsigned *key) {
    struct options o;
    look(x, &o);
    leave_out(x, &o, 1U << x->attempts[0]->backend->lane);
    unsigned i = o.able ? pick(x, &o) : BALANCE_NONE;
    if (i == BALANCE_NONE || !o.choices[i].able)
        return NULL;
    *key = o.keys[i];
    return backend_of(x, i);
}

void dispatch_again(struct gateway_route *route) {
    usec_t now = route->gateway->loop->now;
    bool granted = false;
    if (!route->gated || route->config->backend_count == 1)
        return;
    list_each (node, next, &route->queue) {
        struct exchange *x = list_entry(node, struct exchange, node);
        struct options o;
        look(x, &o);
        if (o.able == 0)
            continue; /* it stays where it is; its time runs */
        unsigned preferred = pick(x, &o);
        granted |= gate_choose(&x->tickets[0], lanes_of(x, &o, preferred), preferred, now);
    }
    if (granted)
        gateway_granted(route);
}
