/* SPDX-License-Identifier: MIT */
/* Setting up a worker's gateway, and putting new supplies to use. */
#include "gateway/gateway.h"

#include "base/log.h"
#include "gateway/exchange.h"

#include <assert.h>
#include <stdlib.h>

/* The site that SUPPLY leads to: the present one, with its warm connections, if it is the same
 * endpoint. *SITE stays NULL if there is no endpoint yet. False: out of memory. */
static bool find_site(struct gateway *g, const struct gateway_route *r, const struct supply *supply,
                      struct site **site) {
    struct site *present = r->stock ? r->stock->site : NULL;
    *site = NULL;
    if (!supply->endpoint)
        return true;
    if (present && present->endpoint == supply->endpoint)
        *site = site_ref(present);
    else
        *site = site_new(g, r, supply->endpoint);
    return *site != NULL;
}

static bool take_supply(struct gateway *g, struct gateway_route *r, struct supply *supply) {
    struct site *site;
    if (!find_site(g, r, supply, &site))
        return false;
    struct stock *before = r->stock, *stock = stock_new(supply, site, before);
    site_unref(&site); /* the stock has its own */
    if (!stock)
        return false;
    r->stock = stock;
    if (before && before->site && before->site != stock->site)
        site_retire(before->site);
    stock_unref(&before);
    return true;
}

void gateway_supply(struct gateway *g, unsigned backend, struct supply *supply) {
    assert(backend < g->config->backend_count);
    const struct config_route *route = g->config->backends[backend]->route;
    struct gateway_route *r = &g->routes[route - g->config->routes];
    if (&route->backends[0] != g->config->backends[backend])
        return;
    if (take_supply(g, r, supply))
        waiting_go_on(r);
    else
        log_error("a new credential or endpoint cannot be put to use: out of memory",
                  LOG_STRING("route", r->config->path));
}

static void free_routes(struct gateway_route *routes, const struct config *config) {
    for (size_t i = 0; routes && i < config->route_count; i++)
        stock_unref(&routes[i].stock);
    free(routes);
}

/* The routes of G's plan; NULL: out of memory. */
static struct gateway_route *make_routes(struct gateway *g, struct supply *const *supplies) {
    const struct config *config = g->config;
    struct gateway_route *routes = calloc(config->route_count + 1, sizeof *routes);
    bool ok = routes != NULL;
    for (size_t i = 0; ok && i < config->route_count; i++) {
        struct gateway_route *r = &routes[i];
        r->config = &config->routes[i];
        r->trust = g->plan->trusts[i];
        list_init(&r->waiting);
        ok = take_supply(g, r, supplies[r->config->backends[0].index]);
    }
    if (ok)
        return routes;
    free_routes(routes, config);
    return NULL;
}

bool gateway_reload(struct gateway *g, struct plan *plan, struct supply *const *supplies) {
    if (g->in_flight)
        return false;
    struct plan *before = g->plan;
    g->plan = plan;
    g->config = plan->config;
    struct gateway_route *routes = make_routes(g, supplies);
    if (!routes) {
        g->plan = before;
        g->config = before->config;
        return false;
    }
    free_routes(g->routes, before->config);
    g->routes = routes;
    (void)plan_ref(plan);
    plan_unref(&before);
    return true;
}

struct gateway *gateway_new(struct loop *loop, struct dialer *dialer,
                            const struct gateway_options *options) {
    struct gateway *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->loop = loop;
    g->dialer = dialer;
    g->plan = plan_ref(options->plan);
    g->config = g->plan->config;
    g->refused = options->refused;
    g->accepted = options->accepted;
    g->crowded = options->crowded;
    g->context = options->context;
    list_init(&g->starting);
    list_init(&g->spare);
    g->scratch = malloc(GATEWAY_SCRATCH);
    g->routes = make_routes(g, options->supplies);
    if (!g->scratch || !g->routes)
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
    free_routes(g->routes, g->config);
    free(g->scratch);
    plan_unref(&g->plan);
    free(g);
}

void gateway_turn(struct gateway *g) {
    struct list *node;
    while ((node = list_pop_front(&g->starting)))
        exchange_start(list_entry(node, struct exchange, node));
}
