/* SPDX-License-Identifier: MIT */
/* The sites of gateway/site.h: pools and constant parts of the request heads. */
#include "gateway/site.h"

#include "config/uri.h"
#include "gateway/gateway.h"

#include <stdlib.h>
#include <string.h>

/* Warm connections that a backend keeps per worker. */
#define IDLE_CONNECTIONS 64

/* "Host: …" and the fields that the route sets, as they are sent. What the route sets is meant for
 * the origin of its scoring URI and, like the credential, goes to no OTHER one. */
static char *constant_lines(const struct config_backend *backend, const struct config_uri *uri,
                            bool other) {
    const struct config_route *route = backend->route;
    struct buf b;
    buf_init(&b, 1024 * 1024);
    buf_addf(&b, "Host: %s\r\n", uri->authority);
    for (size_t i = 0; !other && i < route->set_header_count; i++)
        buf_addf(&b, "%s: %s\r\n", route->set_headers[i].name, route->set_headers[i].value);
    if (backend->deployment && !other)
        buf_addf(&b, "azureml-model-deployment: %s\r\n", backend->deployment);
    if (buf_ok(&b))
        return b.at;
    buf_done(&b);
    return NULL;
}

static void count_idle(void *context, int change) {
    struct site *s = context;
    s->idle += change;
    tally_add(s->tally, TALLY_IDLE, change);
}

static struct pool *new_pool(struct site *s, struct gateway *g, const struct config_uri *uri) {
    struct origin origin = {.uri = uri,
                            .trust = s->trust,
                            .proxy = s->plan->config->proxy,
                            .no_proxy = s->plan->config->no_proxy,
                            .connect_timeout = s->connect_timeout};
    struct pool *p = pool_new(g->loop, g->dialer, &origin, IDLE_CONNECTIONS);
    if (p)
        pool_count_idle(p, count_idle, s);
    return p;
}

struct site *site_new(struct gateway *g, const struct gateway_backend *backend,
                      struct endpoint *endpoint) {
    const struct gateway_route *route = backend->route;
    struct site *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->references = 1;
    s->endpoint = endpoint_ref(endpoint);
    s->plan = plan_ref(route->plan);
    s->trust = route->trust;
    s->connect_timeout = route->config->connect_timeout;
    s->tally = route->tally;
    const struct config_uri *scoring = &endpoint->scoring, *swagger = &endpoint->swagger;
    s->swagger_same_origin = uri_same_origin(scoring, swagger);
    s->score_lines = constant_lines(backend->config, scoring, false);
    s->swagger_lines = constant_lines(backend->config, swagger, !s->swagger_same_origin);
    s->score_pool = new_pool(s, g, scoring);
    s->swagger_pool = s->swagger_same_origin ? s->score_pool : new_pool(s, g, swagger);
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
    documents_done(&s->documents);
    free(s->score_lines);
    free(s->swagger_lines);
    endpoint_unref(&s->endpoint);
    plan_unref(&s->plan);
    free(s);
}

bool site_serves(const struct site *s, const struct gateway_backend *backend) {
    const struct gateway_route *route = backend->route;
    const struct config *mine = s->plan->config, *other = route->plan->config;
    char *lines = constant_lines(backend->config, &s->endpoint->scoring, false);
    bool serves = lines && strcmp(lines, s->score_lines) == 0 && s->trust == route->trust &&
                  s->connect_timeout == route->config->connect_timeout &&
                  string_same(mine->proxy, other->proxy) &&
                  string_same(mine->no_proxy, other->no_proxy);
    free(lines);
    return serves;
}

void site_belong(struct site *s, const struct gateway_route *route) {
    tally_add(s->tally, TALLY_IDLE, -s->idle);
    s->tally = route->tally;
    tally_add(s->tally, TALLY_IDLE, s->idle);
    documents_done(&s->documents); /* the credential may be another, and what the route serves */
}

void site_retire(struct site *s) {
    pool_retire(s->score_pool);
    if (s->swagger_pool != s->score_pool)
        pool_retire(s->swagger_pool);
}
