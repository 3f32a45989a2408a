/* SPDX-License-Identifier: MIT */
/* The sites of gateway/site.h: pools and constant parts of the request heads. */
#include "gateway/site.h"

#include "gateway/gateway.h"

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
    if (route->own.deployment && !other)
        buf_addf(&b, "azureml-model-deployment: %s\r\n", route->own.deployment);
    if (buf_ok(&b))
        return b.at;
    buf_done(&b);
    return NULL;
}

static struct pool *new_pool(struct gateway *g, const struct gateway_route *route,
                             const struct config_uri *uri) {
    struct origin origin = {.uri = uri,
                            .trust = route->trust,
                            .proxy = g->config->proxy,
                            .no_proxy = g->config->no_proxy,
                            .connect_timeout = route->config->connect_timeout};
    return pool_new(g->loop, g->dialer, &origin, IDLE_CONNECTIONS);
}

struct site *site_new(struct gateway *g, const struct gateway_route *route,
                      struct endpoint *endpoint) {
    struct site *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->references = 1;
    s->endpoint = endpoint_ref(endpoint);
    const struct config_uri *scoring = &endpoint->scoring, *swagger = &endpoint->swagger;
    s->swagger_same_origin = same_origin(scoring, swagger);
    s->score_lines = constant_lines(route->config, scoring, false);
    s->swagger_lines = constant_lines(route->config, swagger, !s->swagger_same_origin);
    s->score_pool = new_pool(g, route, scoring);
    s->swagger_pool = s->swagger_same_origin ? s->score_pool : new_pool(g, route, swagger);
    if (!s->score_lines || !s->swagger_lines || !s->score_pool || !s->swagger_pool)
        site_unref(&s);
    return s;
}

struct site *site_ref(struct site *s) {
    s->references++;
    return s;
}

void site_unref(struct site **pointer) {
    struct site *s = *pointer;
    *pointer = NULL;
    if (!s || --s->references > 0)
        return;
    if (s->swagger_pool != s->score_pool)
        pool_free(&s->swagger_pool);
    pool_free(&s->score_pool);
    free(s->score_lines);
    free(s->swagger_lines);
    endpoint_unref(&s->endpoint);
    free(s);
}

void site_retire(struct site *s) {
    pool_retire(s->score_pool);
    if (s->swagger_pool != s->score_pool)
        pool_retire(s->swagger_pool);
}
