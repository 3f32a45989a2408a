/* SPDX-License-Identifier: MIT */
/* The stocks of gateway/stock.h. */
#include "gateway/stock.h"

#include <assert.h>
#include <stdlib.h>

static bool was_refused(const struct stock *s, const struct secret *secret) {
    return secret && ((s->refused[0] && secret_same(s->supply->keys[0], secret)) ||
                      (s->refused[1] && secret_same(s->supply->keys[1], secret)));
}

/* What is known of a secret goes by its value. Which key to begin with is the control thread's to
 * say, but a supply that repeats the old one, keys and preference, says nothing new. */
static void inherit(struct stock *s, const struct stock *before) {
    const struct supply *now = s->supply, *old = before->supply;
    for (int i = 0; i < 2; i++)
        s->refused[i] = was_refused(before, now->keys[i]);
    if (now->preferred == old->preferred && secret_same(now->keys[0], old->keys[0]) &&
        secret_same(now->keys[1], old->keys[1]))
        s->key = before->key;
}

struct stock *stock_new(struct supply *supply, struct site *site, const struct stock *before) {
    assert(supply->preferred < 2);
    assert(supply->state != SUPPLY_REFUSED || reason_status(supply->why));
    assert(supply->state != SUPPLY_READY ||
           (site && (supply->open || supply->keys[0] || supply->keys[1])));
    struct stock *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->references = 1;
    s->supply = supply_ref(supply);
    s->site = site ? site_ref(site) : NULL;
    s->key = supply->preferred;
    if (before)
        inherit(s, before);
    if (!supply->keys[s->key])
        s->key = !s->key;
    return s;
}

struct stock *stock_ref(struct stock *s) {
    s->references++;
    return s;
}

void stock_unref(struct stock **pointer) {
    struct stock *s = *pointer;
    *pointer = NULL;
    if (!s || --s->references > 0)
        return;
    site_unref(&s->site);
    supply_unref(&s->supply);
    free(s);
}

unsigned stock_first_key(const struct stock *s) {
    unsigned other = !s->key;
    return s->refused[s->key] && s->supply->keys[other] && !s->refused[other] ? other : s->key;
}
