/* SPDX-License-Identifier: MIT */
/* Plans, as gateway/plan.h says: what is loaded anew, and what goes on from the plan before. */
#include "gateway/plan.h"

#include "gateway/trusts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(CONFIG_BACKENDS_MAX == GATE_LANES_MAX, "a lane for each backend");

/* Limits */

static bool is_automatic(const struct config_backend *b) {
    return b->max_concurrent == CONCURRENT_AUTO ||
           (b == &b->route->own && b->route->max_concurrent == CONCURRENT_AUTO);
}

/* What is known of a lane: what the configuration says, or else Azure. */
static unsigned lane_limit(const struct config_backend *b, unsigned known) {
    return is_automatic(b) ? known : b->max_concurrent;
}

bool plan_limits(const struct config_route *route, const unsigned *known,
                 struct gate_limits *limits) {
    assert(route->backend_count > 0 && route->backend_count <= GATE_LANES_MAX);
    *limits = (struct gate_limits){
        .total = route->max_concurrent == CONCURRENT_AUTO ? 0 : route->max_concurrent,
        .queue = route->max_queue,
        .lane_count = (unsigned)route->backend_count};
    bool any = limits->total != 0;
    for (size_t i = 0; i < route->backend_count; i++) {
        const struct config_backend *b = &route->backends[i];
        limits->lanes[i] =
            (struct gate_lane_limit){.known = lane_limit(b, known[i]), .learn = is_automatic(b)};
        any |= limits->lanes[i].known || limits->lanes[i].learn;
    }
    return any;
}

/* What goes on */

static bool same_backends(const struct config_route *a, const struct config_route *b) {
    bool same = a->backend_count == b->backend_count;
    for (size_t i = 0; same && i < a->backend_count; i++)
        same = config_same_backend(&a->backends[i], &b->backends[i]);
    return same;
}

/* The index of the route of PATH in P; where there is none, the number of routes. */
static size_t route_of(const struct plan *p, const char *path) {
    size_t i = 0;
    while (i < p->config->route_count && strcmp(p->config->routes[i].path, path) != 0)
        i++;
    return i;
}

/* False: out of memory. */
static bool make_gate(struct plan *p, size_t route, const struct plan *before, size_t old) {
    static const unsigned nothing[GATE_LANES_MAX];
    const struct config_route *config = &p->config->routes[route];
    struct gate_limits limits;
    if (!plan_limits(config, nothing, &limits))
        return true;
    bool goes_on =
        before && before->gates[old] && same_backends(config, &before->config->routes[old]);
    p->gates[route] = goes_on ? gate_ref(before->gates[old]) : gate_new(&limits);
    return p->gates[route];
}

static bool make_route(struct plan *p, size_t route, const struct plan *before) {
    size_t old = before ? route_of(before, p->config->routes[route].path) : 0;
    if (before && old == before->config->route_count)
        before = NULL; /* a new one */
    p->tallies[route] = before ? tally_ref(before->tallies[old]) : tally_new();
    return p->tallies[route] && make_gate(p, route, before, old);
}

/* Life */

static bool fill(struct plan *p, const struct plan *before, struct config_errors *errors) {
    size_t count = p->config->route_count;
    p->gates = calloc(count + 1, sizeof(struct gate *));
    p->tallies = calloc(count + 1, sizeof(struct tally *));
    p->trusts = trusts_load(p->config, before ? before->trusts : NULL,
                            before ? before->config->route_count : 0, errors);
    p->others = before ? tally_ref(before->others) : tally_new();
    bool ok = p->gates && p->tallies && p->trusts && p->others;
    for (size_t i = 0; ok && errors->count == 0 && i < count; i++)
        ok = make_route(p, i, before);
    if (!ok)
        config_error(errors, (struct config_where){0}, "out of memory");
    return errors->count == 0;
}

struct plan *plan_new(struct config *config, struct plan *before, struct config_errors *errors) {
    struct plan *p = calloc(1, sizeof *p);
    if (!p) {
        config_error(errors, (struct config_where){0}, "out of memory");
        return NULL;
    }
    atomic_init(&p->references, 1);
    p->generation = before ? before->generation + 1 : 1;
    p->config = config_ref(config);
    if (!fill(p, before, errors))
        plan_unref(&p);
    return p;
}

struct plan *plan_ref(struct plan *p) {
    atomic_fetch_add_explicit(&p->references, 1, memory_order_relaxed);
    return p;
}

void plan_unref(struct plan **pointer) {
    struct plan *p = *pointer;
    *pointer = NULL;
    if (!p || atomic_fetch_sub_explicit(&p->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < p->config->route_count; i++) {
        if (p->gates)
            gate_unref(&p->gates[i]);
        if (p->tallies)
            tally_unref(&p->tallies[i]);
    }
    tally_unref(&p->others);
    trusts_free(p->trusts, p->config);
    free(p->gates);
    free(p->tallies);
    config_unref(&p->config);
    free(p);
}

/* Effect */

void plan_take_effect(struct plan *p, struct supply *const *supplies) {
    for (size_t i = 0; i < p->config->route_count; i++) {
        const struct config_route *route = &p->config->routes[i];
        unsigned known[GATE_LANES_MAX];
        struct gate_limits limits;
        for (size_t k = 0; k < route->backend_count; k++)
            known[k] = supplies[route->backends[k].index]->concurrency;
        if (p->gates[i] && plan_limits(route, known, &limits))
            gate_set_limits(p->gates[i], &limits);
    }
}

void plan_follow(struct plan *p, unsigned backend, const struct supply *supply) {
    const struct config_backend *b = p->config->backends[backend];
    size_t route = (size_t)(b->route - p->config->routes);
    if (is_automatic(b) && p->gates[route])
        gate_set_known(p->gates[route], (unsigned)(b - b->route->backends), supply->concurrency);
}
