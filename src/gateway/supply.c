/* SPDX-License-Identifier: MIT */
/* Supplies and endpoints of gateway/supply.h. */
#include "gateway/supply.h"

#include "config/uri.h"

#include <stdlib.h>
#include <string.h>

static bool copy_string(char **into, const char *from) {
    *into = from ? strdup(from) : NULL;
    return *into || !from;
}

static bool copy_uri(struct config_uri *into, const struct config_uri *from) {
    into->tls = from->tls;
    into->port = from->port;
    return copy_string(&into->text, from->text) && copy_string(&into->host, from->host) &&
           copy_string(&into->authority, from->authority) && copy_string(&into->path, from->path) &&
           copy_string(&into->query, from->query);
}

struct endpoint *endpoint_new(const struct config_uri *scoring, const struct config_uri *swagger) {
    struct endpoint *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    atomic_init(&e->references, 1);
    if (!copy_uri(&e->scoring, scoring) || !copy_uri(&e->swagger, swagger))
        endpoint_unref(&e);
    return e;
}

struct endpoint *endpoint_ref(struct endpoint *e) {
    atomic_fetch_add_explicit(&e->references, 1, memory_order_relaxed);
    return e;
}

void endpoint_unref(struct endpoint **pointer) {
    struct endpoint *e = *pointer;
    *pointer = NULL;
    if (!e || atomic_fetch_sub_explicit(&e->references, 1, memory_order_acq_rel) != 1)
        return;
    uri_done(&e->scoring);
    uri_done(&e->swagger);
    free(e);
}

struct supply *supply_new(void) {
    struct supply *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    atomic_init(&s->references, 1);
    s->expires = USEC_NEVER;
    return s;
}

struct supply *supply_ref(struct supply *s) {
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void supply_unref(struct supply **pointer) {
    struct supply *s = *pointer;
    *pointer = NULL;
    if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    endpoint_unref(&s->endpoint);
    secret_unref(&s->keys[0]);
    secret_unref(&s->keys[1]);
    free(s);
}
