/* SPDX-License-Identifier: MIT */
/* Setting up a worker's gateway: pools and constant parts of the request heads for each route. */
#include "gateway/gateway.h"

#include "gateway/exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Warm connections that a route keeps per worker. */
#define IDLE_CONNECTIONS 64

static bool same_origin(const struct config_uri *a, const struct config_uri *b) {
    return a->tls == b->tls && a->port == b->port && strcmp(a->host, b->host) == 0;
}

/* "Host: …" and the fields that the route sets, as they are sent. What the route sets is meant for
 * the origin of its scoring URI and, like the credential, goes to no OTHER one. */
static char *constant_lines(const struct config_route *route, const struct config_uri *uri,
                            bool other) {
    struct buf b;
    buf_init(&b, 1024 * 1024);
    buf_addf(&b, "Host: %s\r\n", uri->authority);
    for (size_t i = 0; !other && i < route->set_header_count; i++)
        buf_addf(&b, "%s: %s\r\n", route->set_headers[i].name, route->set_headers[i].value);
    if (route->deployment && !other)
        buf_addf(&b, "azureml-model-deployment: %s\r\n", route->deployment);
    if (buf_ok(&b))
        return b.at;
    buf_done(&b);
    return NULL;
}

static struct pool *new_pool(struct gateway *g, const struct config_route *route,
                             const struct config_uri *uri, struct trust *trust) {
    struct origin origin = {.uri = uri,
                            .trust = trust,
                            .proxy = g->config->proxy,
                            .no_proxy = g->config->no_proxy,
                            .connect_timeout = route->connect_timeout};
    return pool_new(g->loop, g->dialer, &origin, IDLE_CONNECTIONS);
}

static bool set_up_route(struct gateway *g, struct gateway_route *r,
                         const struct config_route *config, struct trust *trust) {
    r->config = config;
    r->swagger_same_origin = same_origin(&config->scoring, &config->swagger);
    r->score_lines = constant_lines(config, &config->scoring, false);
    r->swagger_lines = constant_lines(config, &config->swagger, !r->swagger_same_origin);
    r->score_pool = new_pool(g, config, &config->scoring, trust);
    r->swagger_pool =
        r->swagger_same_origin ? r->score_pool : new_pool(g, config, &config->swagger, trust);
    return r->score_lines && r->swagger_lines && r->score_pool && r->swagger_pool;
}

struct gateway *gateway_new(struct loop *loop, struct dialer *dialer, struct config *config,
                            struct trust *const *trusts) {
    struct gateway *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->loop = loop;
    g->dialer = dialer;
    g->config = config_ref(config);
    list_init(&g->starting);
    list_init(&g->spare);
    g->scratch = malloc(GATEWAY_SCRATCH);
    g->routes = calloc(config->route_count ? config->route_count : 1, sizeof *g->routes);
    bool ok = g->scratch && g->routes;
    for (size_t i = 0; ok && i < config->route_count; i++)
        ok = set_up_route(g, &g->routes[i], &config->routes[i], trusts[i]);
    if (!ok)
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
    for (size_t i = 0; g->routes && i < g->config->route_count; i++) {
        struct gateway_route *r = &g->routes[i];
        if (r->swagger_pool != r->score_pool)
            pool_free(&r->swagger_pool);
        pool_free(&r->score_pool);
        free(r->score_lines);
        free(r->swagger_lines);
    }
    free(g->routes);
    free(g->scratch);
    config_unref(&g->config);
    free(g);
}

void gateway_turn(struct gateway *g) {
    struct list *node;
    while ((node = list_pop_front(&g->starting)))
        exchange_start(list_entry(node, struct exchange, node));
}
