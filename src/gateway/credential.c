/* SPDX-License-Identifier: MIT */
/* Which key an exchange is sent with, and what a 401 to it means.
 *
 * A key that is refused is told to the control thread, and the other one is tried. Where there is
 * no other, the exchange waits until the control thread has looked into the refusal, and is sent
 * once more if that brought a secret that it has not tried. Secrets are compared by value: a supply
 * that was fetched anew may hold the same ones. Each is tried once by an exchange, so that a
 * refusal that lasts ends as 502: a 401 would tell a caller to log in who has nothing to log in
 * with. */
#include "gateway/exchange.h"

#include "base/log.h"

#include <assert.h>

bool credential_goes_to(const struct exchange *x, const struct stock *s) {
    return !s->supply->open && (x->target == ROUTE_SCORE || s->site->swagger_same_origin);
}

static bool was_tried(const struct exchange *x, const struct secret *secret) {
    for (unsigned i = 0; i < x->tried_count; i++)
        if (secret_same(x->tried[i], secret))
            return true;
    return false;
}

/* A key that X has not tried: the one to begin with rather than the other. REFUSED: also one that
 * was refused to others. */
static bool pick_key(const struct exchange *x, const struct stock *s, bool refused, unsigned *key) {
    unsigned first = stock_first_key(s);
    for (unsigned i = 0; i < 2; i++) {
        unsigned one = i ? !first : first;
        const struct secret *secret = s->supply->keys[one];
        if (!secret || (s->refused[one] && !refused) || was_tried(x, secret))
            continue;
        *key = one;
        return true;
    }
    return false;
}

enum choice credential_choose(const struct exchange *x, const struct gateway_backend *b,
                              unsigned *key, enum reason *why) {
    const struct stock *s = b->stock;
    if (s->supply->state == SUPPLY_REFUSED) {
        *why = s->supply->why;
        return CHOICE_FAIL;
    }
    if (!stock_is_usable(s, x->gateway->loop->now))
        return CHOICE_WAIT;
    if (!credential_goes_to(x, s))
        return CHOICE_SEND;
    if (x->tried_count == 0) {
        *key = stock_first_key(s);
        return CHOICE_SEND;
    }
    *why = REASON_credential_refused;
    if (x->tried_count == EXCHANGE_SECRETS_MAX)
        return CHOICE_FAIL;
    if (pick_key(x, s, /* refused= */ false, key))
        return CHOICE_SEND;
    if (x->refused_at == b && s->supply->answered < x->refused_in)
        return CHOICE_WAIT;
    /* Nothing new. What was refused to others may still be good for one more try, but not for
     * telling a caller to send a large body again. */
    return !x->spent && pick_key(x, s, /* refused= */ true, key) ? CHOICE_SEND : CHOICE_FAIL;
}

static void tell(const struct gateway_backend *b, gateway_tell *what, unsigned key, bool *told) {
    const struct gateway *g = b->route->gateway;
    if (!*told)
        *told = what(g->options.context, b->route->plan->generation, b->config->index,
                     b->stock->supply->revision, key);
}

/* B is not to use SECRET any more, and the control thread hears of it. A supply that does not hold
 * it is not to blame. */
static void blame(struct exchange *x, struct gateway_backend *b, const struct secret *secret) {
    struct stock *now = b->stock;
    for (unsigned key = 0; key < 2; key++) {
        if (!secret_same(now->supply->keys[key], secret))
            continue;
        now->refused[key] = true;
        x->refused_at = b;
        x->refused_in = now->supply->revision;
        tell(b, x->gateway->options.refused, key, &now->refusal_told[key]);
    }
}

void credential_refused(struct attempt *a) {
    struct exchange *x = a->exchange;
    struct secret *secret = a->stock->supply->keys[a->key];
    assert(a->sent_key && secret);
    /* Two attempts side by side may be refused the same one, or one more than is tried in turn. */
    if (x->tried_count < EXCHANGE_SECRETS_MAX && !was_tried(x, secret))
        x->tried[x->tried_count++] = secret_ref(secret);
    x->spent = !x->kept;
    blame(x, a->backend, secret);
}

void credential_follow(struct exchange *x) {
    x->refused_at = NULL;
    x->refused_in = 0;
    for (size_t i = 0; i < x->route->config->backend_count; i++)
        for (unsigned n = 0; n < x->tried_count; n++)
            blame(x, &x->route->backends[i], x->tried[n]);
}

void credential_accepted(struct attempt *a) {
    struct gateway_backend *b = a->backend;
    struct stock *now = b->stock;
    if (a->key == a->stock->key)
        return;
    const struct secret *secret = a->stock->supply->keys[a->key];
    for (unsigned key = 0; key < 2; key++) {
        if (now->key == key || !now->refused[!key] || !secret_same(now->supply->keys[key], secret))
            continue;
        now->key = key;
        log_debug("the other key works", LOG_STRING("route", b->route->config->path),
                  LOG_STRING("key", key ? "secondary" : "primary"));
        tell(b, a->exchange->gateway->options.accepted, key, &now->acceptance_told[key]);
        return;
    }
}

void credential_forget(struct exchange *x) {
    while (x->tried_count)
        secret_unref(&x->tried[--x->tried_count]);
}
