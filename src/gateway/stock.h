/* SPDX-License-Identifier: MIT */
/* What a backend has in stock: the supply that this worker was handed last, the site that it leads
 * to, and what the worker has learnt about its keys. One is made for each supply. An attempt keeps
 * the one that it goes with until it is over, so that its connection never outlives the pool and a
 * refused key is known by its value. Counted plainly: it is one thread's. */
#pragma once

#include "base/macros.h"
#include "gateway/site.h"
#include "gateway/supply.h"

#include <stdbool.h>

struct stock {
    unsigned references;
    struct supply *supply;
    struct site *site; /* NULL: the endpoint is not known yet */
    unsigned key;      /* the one to begin with; keys[key] may be NULL if there is none at all */
    bool refused[2];   /* the endpoint said 401 to that key */
    bool refusal_told[2], acceptance_told[2]; /* the control thread has heard of it */
};

/* The stock of SUPPLY, with a reference of its own to it and to SITE. What BEFORE (NULL: there was
 * none) knew about secrets that are in SUPPLY, too, is kept. NULL if memory is out. */
struct stock *stock_new(struct supply *supply, struct site *site,
                        const struct stock *before) MUST_CHECK;
struct stock *stock_ref(struct stock *stock);
void stock_unref(struct stock **stock); /* NULL is fine */

/* Requests can be sent. */
static inline bool stock_is_usable(const struct stock *s, usec_t now) {
    return s->supply->state == SUPPLY_READY && now < s->supply->expires;
}

/* Which key a request begins with: one that is known to be refused only if there is no other. */
unsigned stock_first_key(const struct stock *stock);
