/* SPDX-License-Identifier: MIT */
/* Setting up a worker's gateway, putting new supplies to use, and going over to another plan. */
#include "gateway/gateway.h"

#include "base/log.h"
#include "gateway/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Supplies */

/* The site of B for ENDPOINT: the present one, with its warm connections, or that of BEFORE (NULL:
 * none), which B takes the place of, if it is the same. NULL: out of memory. */
static struct site *find_site(struct gateway *g, const struct gateway_backend *b,
                              struct endpoint *endpoint, const struct gateway_backend *before) {
    struct site *present = b->stock ? b->stock->site : NULL;
    struct site *old = before ? before->stock->site : NULL;
    if (present && present->endpoint == endpoint)
        return site_ref(present);
    if (old && old->endpoint == endpoint && site_serves(old, b))
        return site_ref(old);
    return site_new(g, b, endpoint);
}

static bool take_supply(struct gateway *g, struct gateway_backend *b, struct supply *supply,
                        const struct gateway_backend *before) {
    struct site *site = NULL;
    if (supply->endpoint && !(site = find_site(g, b, supply->endpoint, before)))
        return false;
    struct stock *had = b->stock, *stock = stock_new(supply, site,
                                                     had      ? had
                                                     : before ? before->stock
                                                              : NULL);
    if (stock) {
        b->stock = stock;
        if (had && had->site && had->site != site)
            site_retire(had->site);
        stock_unref(&had);
    }
    site_unref(&site);
    return stock;
}

static struct gateway_backend *backend_of(const struct gateway *g, unsigned index) {
    const struct config_backend *config = g->config->backends[index];
    struct gateway_route *r = g->routes[config->route - g->config->routes];
    return &r->backends[config - config->route->backends];
}

bool gateway_supply(struct gateway *g, unsigned backend, struct supply *supply) {
    assert(backend < g->config->backend_count);
    struct gateway_backend *b = backend_of(g, backend);
    if (supply == b->stock->supply || supply->revision < b->stock->supply->revision)
        return true; /* it was late */
    if (!take_supply(g, b, supply, NULL)) {
        log_error("out of memory: a new credential or endpoint is used as soon as there is some",
                  LOG_STRING("route", b->route->config->path));
        return false;
    }
    waiting_go_on(b->route);
    dispatch_again(b->route);
    return true;
}

/* Routes */

static void on_wake(struct gate_port *port) {
    struct gateway_route *r = container_of(port, struct gateway_route, port);
    gateway_granted(r);
    r->gateway->options.wake(r->gateway->options.wake_context);
}

static bool set_up_backends(struct gateway_route *r, struct supply *const *supplies,
                            const struct gateway_route *before) {
    r->backends = calloc(r->config->backend_count + 1, sizeof *r->backends);
    for (unsigned i = 0; r->backends && i < r->config->backend_count; i++) {
        struct gateway_backend *b = &r->backends[i];
        const struct config_backend *config = &r->config->backends[i];
        const struct gateway_backend *old =
            before && i < before->config->backend_count ? &before->backends[i] : NULL;
        b->config = config;
        b->route = r;
        b->lane = i;
        breaker_init(&b->breaker);
        if (!take_supply(r->gateway, b, supplies[config->index], old))
            return false;
    }
    return r->backends;
}

/* BEFORE: the route of the same path that it takes the place of; NULL: none. NULL: out of memory.
 */
static struct gateway_route *route_new(struct gateway *g, struct plan *plan, size_t index,
                                       struct supply *const *supplies,
                                       const struct gateway_route *before) {
    struct gateway_route *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->references = 1;
    r->gateway = g;
    r->plan = plan_ref(plan);
    r->config = &plan->config->routes[index];
    r->trust = plan->trusts[index];
    list_init(&r->waiting);
    list_init(&r->queue);
    list_init(&r->readiness.waiting);
    list_push_back(&g->all_routes, &r->node);
    retry_budget_init(&r->budget, r->config->retry.budget_percent, g->loop->now);
    r->gated = plan->gates[index];
    if (r->gated)
        gate_port_init(&r->port, plan->gates[index], on_wake);
    r->tally = tally_slot(plan->tallies[index]);
    if (!r->tally || !set_up_backends(r, supplies, before))
        gateway_route_unref(&r);
    return r;
}

struct gateway_route *gateway_route_ref(struct gateway_route *r) {
    r->references++;
    return r;
}

void gateway_route_unref(struct gateway_route **pointer) {
    struct gateway_route *r = *pointer;
    *pointer = NULL;
    if (!r || --r->references > 0)
        return;
    assert(list_empty(&r->waiting) && list_empty(&r->queue));
    for (size_t i = 0; r->backends && i < r->config->backend_count; i++)
        stock_unref(&r->backends[i].stock);
    free(r->backends);
    if (r->gated)
        gate_port_done(&r->port);
    tally_release(&r->tally);
    list_remove(&r->node);
    plan_unref(&r->plan);
    gateway_route_unref(&r->successor);
    free(r);
}

void gateway_granted(struct gateway_route *r) {
    atomic_store(&r->granted, true);
    atomic_store(&r->gateway->granted, true);
}

static void unref_routes(struct gateway_route **routes, size_t count) {
    for (size_t i = 0; routes && i < count; i++)
        gateway_route_unref(&routes[i]);
    free(routes);
}

/* The present route of PATH; NULL: there is none. */
static struct gateway_route *route_of_path(const struct gateway *g, const char *path) {
    for (size_t i = 0; g->routes && i < g->config->route_count; i++)
        if (strcmp(g->routes[i]->config->path, path) == 0)
            return g->routes[i];
    return NULL;
}

/* The routes of PLAN, which take the place of the present ones. NULL: out of memory. */
static struct gateway_route **make_routes(struct gateway *g, struct plan *plan,
                                          struct supply *const *supplies) {
    size_t count = plan->config->route_count;
    struct gateway_route **routes = calloc(count + 1, sizeof(struct gateway_route *));
    for (size_t i = 0; routes && i < count; i++) {
        const char *path = plan->config->routes[i].path;
        routes[i] = route_new(g, plan, i, supplies, route_of_path(g, path));
        if (!routes[i]) {
            unref_routes(routes, count);
            return NULL;
        }
    }
    return routes;
}

/* Reload */

/* Who waits at a gate that goes on keeps its place there, and goes by the new route from now on. */
static void move_queue(struct gateway_route *old, struct gateway_route *now) {
    bool granted = false;
    struct list *node;
    if (!old->gated || !now->gated || old->port.gate != now->port.gate)
        return;
    while ((node = list_pop_front(&old->queue))) {
        struct exchange *x = list_entry(node, struct exchange, node);
        granted |= gate_move(&x->tickets[0], &now->port);
        tally_add(old->tally, TALLY_QUEUED, -1);
        list_push_back(&now->queue, node);
        exchange_follow(x, now);
        tally_add(now->tally, TALLY_QUEUED, 1);
    }
    if (granted)
        gateway_granted(now);
}

/* Its gate ends with OLD, whose backends may be what was changed: nobody waits for those. */
static void end_queue(struct gateway_route *old) {
    while (!list_empty(&old->queue))
        dispatch_ahead(list_entry(old->queue.next, struct exchange, node));
}

static void move_sites(struct gateway_route *now) {
    for (size_t i = 0; i < now->config->backend_count; i++)
        if (now->backends[i].stock->site)
            site_belong(now->backends[i].stock->site, now);
}

/* Connections to places where nobody goes any more are given up; those in use, when they are done.
 */
static void retire_sites(struct gateway_route *old) {
    for (size_t i = 0; i < old->config->backend_count; i++) {
        struct site *site = old->backends[i].stock->site;
        if (site && site->tally == old->tally)
            site_retire(site);
    }
}

static void replace(struct gateway_route *old, struct gateway_route *now) {
    old->replaced = true;
    tally_retire(old->tally);
    if (now) {
        old->successor = gateway_route_ref(now);
        ready_move(old, now);
        move_queue(old, now);
        move_sites(now);
    }
    retire_sites(old);
    if (now)
        end_queue(old);
    waiting_go_on(old);
}

bool gateway_reload(struct gateway *g, struct plan *plan, struct supply *const *supplies) {
    struct gateway_route **old = g->routes, **routes = make_routes(g, plan, supplies);
    size_t count = g->config->route_count;
    if (!routes)
        return false;
    struct plan *before = g->plan;
    g->plan = plan_ref(plan);
    g->config = plan->config;
    g->routes = routes;
    for (size_t i = 0; i < count; i++)
        replace(old[i], route_of_path(g, old[i]->config->path));
    unref_routes(old, count);
    plan_unref(&before);
    return true;
}

/* Life */

struct gateway *gateway_new(struct loop *loop, struct dialer *dialer,
                            const struct gateway_options *options) {
    struct gateway *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->loop = loop;
    g->dialer = dialer;
    g->options = *options;
    g->plan = plan_ref(options->plan);
    g->config = g->plan->config;
    list_init(&g->all_routes);
    list_init(&g->starting);
    list_init(&g->spare);
    list_init(&g->attempts);
    list_init(&g->ended);
    g->scratch = malloc(GATEWAY_SCRATCH);
    g->others = tally_slot(options->plan->others);
    if (g->scratch && g->others)
        g->routes = make_routes(g, options->plan, options->supplies);
    if (!g->routes)
        gateway_free(&g);
    return g;
}

void gateway_free(struct gateway **pointer) {
    struct gateway *g = *pointer;
    *pointer = NULL;
    if (!g)
        return;
    assert(g->in_flight == 0);
    list_each (node, next, &g->spare)
        exchange_free(list_entry(node, struct exchange, node));
    attempts_rest(g);
    list_each (node, next, &g->attempts)
        attempt_free(list_entry(node, struct attempt, node));
    unref_routes(g->routes, g->config->route_count);
    assert(list_empty(&g->all_routes));
    tally_release(&g->others);
    free(g->scratch);
    plan_unref(&g->plan);
    free(g);
}

/* Turns */

/* A route whose gate has let somebody in, with a reference: the last exchange of a replaced one may
 * go while it is seen to. NULL: there is none. */
static struct gateway_route *next_granted(struct gateway *g) {
    list_each (node, next, &g->all_routes) {
        struct gateway_route *r = list_entry(node, struct gateway_route, node);
        if (r->gated && atomic_exchange(&r->granted, false))
            return gateway_route_ref(r);
    }
    return NULL;
}

static void let_in(struct gateway *g) {
    if (!atomic_load_explicit(&g->granted, memory_order_relaxed) ||
        !atomic_exchange(&g->granted, false))
        return;
    struct gateway_route *r;
    while ((r = next_granted(g))) {
        struct gate_ticket *t;
        while ((t = gate_take(&r->port, g->loop->now)))
            dispatch_granted(container_of(t, struct exchange, tickets[0]));
        gateway_route_unref(&r);
    }
}

bool gateway_is_due(const struct gateway *g) {
    return !list_empty(&g->starting) || atomic_load_explicit(&g->granted, memory_order_relaxed);
}

void gateway_turn(struct gateway *g) {
    struct list *node;
    while ((node = list_pop_front(&g->starting)))
        exchange_start(list_entry(node, struct exchange, node));
    let_in(g);
    attempts_rest(g);
}
