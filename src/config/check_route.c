/* SPDX-License-Identifier: MIT */
/* Routes: what their keys need of each other, and that each path is served once. */
#include "config/check.h"
#include "config/values.h"

#include <stdlib.h>

/* Where a key stands, else where its group does. */
static const struct node *key_or_group(const struct node *group, const char *key) {
    const struct node *member = node_member(group, key);
    return member ? member : group;
}

void check_tls(struct fill *f, const struct node *given, const struct config_tls *tls) {
    if (tls->max_version && tls->max_version < tls->min_version)
        fill_complain(f, key_or_group(given, "max_version"),
                      "tls.max_version is older than tls.min_version");
    if (tls->client_key && !tls->client_certificate)
        fill_complain(f, key_or_group(given, "client_key"),
                      "tls.client_key has no tls.client_certificate that it belongs to");
}

void check_cors(struct fill *f, const struct node *given, const struct cors *cors) {
    const struct node *origins = key_or_group(given, "origins");
    bool any = false;
    for (size_t i = 0; i < cors->origin_count; i++)
        any |= cors->origins[i] && strcmp(cors->origins[i], "*") == 0;
    if (any && cors->origin_count > 1)
        fill_complain(f, origins, "cors.origins: \"*\" is any origin; expected it alone");
    if (any && cors->credentials)
        fill_complain(f, key_or_group(given, "credentials"),
                      "cors.credentials cannot be true where any origin (\"*\") may call; expected "
                      "the origins one by one");
}

void check_retry(struct fill *f, const struct node *given, const struct retry_rules *retry) {
    if (retry->max_backoff < retry->backoff)
        fill_complain(f, key_or_group(given, "max_backoff_ms"),
                      "retry.max_backoff_ms is shorter than retry.backoff_ms");
}

void check_breaker(struct fill *f, const struct node *given, const struct breaker_rules *breaker) {
    if (breaker->max_open < breaker->open)
        fill_complain(f, key_or_group(given, "max_open_ms"),
                      "breaker.max_open_ms is shorter than breaker.open_ms");
}

/* False, and told: the gateway itself writes the HEADER of that NAME for a backend. */
static bool check_header(struct fill *f, const struct node *header, const char *name,
                         const struct config_backend *backend) {
    if (backend->auth.header && strcasecmp(name, backend->auth.header) == 0)
        fill_complain(f, header,
                      "set_headers: %s is the field of the credential; expected that in auth",
                      name);
    else if (backend->deployment && strcasecmp(name, "azureml-model-deployment") == 0)
        fill_complain(f, header, "set_headers: %s is what deployment sets", name);
    else
        return true;
    return false;
}

static void check_headers(struct fill *f, const struct node *given,
                          const struct config_route *route) {
    const struct node *headers = node_member(given, "set_headers");
    for (size_t i = 0; i < route->set_header_count; i++) {
        const char *name = route->set_headers[i].name;
        bool fine = name && check_header(f, &headers->children[i], name, &route->own);
        for (size_t k = 0; fine && k < route->backend_count; k++)
            fine = check_header(f, &headers->children[i], name, &route->backends[k]);
    }
}

/* A route without a list of backends is one itself. */
static void check_own(struct fill *f, const struct node *given, const struct node *place,
                      bool auth_fine, struct config_route *route) {
    struct config_backend *own = &route->own;
    const struct endpoint_said said = {.group = OPTIONS_ROUTE,
                                       .given = given,
                                       .place = place,
                                       .auth = node_member(given, "auth"),
                                       .identity = node_member(given, "identity")};
    check_uris(f, OPTIONS_ROUTE, given, route->allow_insecure, own);
    if (place && auth_fine)
        check_auth(f, &said, own);
    if (config_is_named(own) && !node_member(given, "max_concurrent"))
        route->max_concurrent = CONCURRENT_AUTO;
    own->weight = 1;
    own->max_concurrent = route->max_concurrent == CONCURRENT_AUTO ? CONCURRENT_AUTO : 0;
}

void check_route(struct fill *f, const struct node *given, struct config_route *route) {
    const struct node *place = check_place(f, OPTIONS_ROUTE, given);
    bool auth_fine = check_credential(f, node_member(given, "auth"), route->own.auth.type);
    if (place && strcmp(place->name, "backends") == 0)
        check_backends(f, given, place, auth_fine, route);
    else
        check_own(f, given, place, auth_fine, route);
    check_headers(f, given, route);
}

/* The route, of the first N, whose PATH with SUFFIX is NAME; N if there is none. */
static size_t find_path(const struct config *c, size_t n, const char *name, const char *suffix) {
    struct text whole = text_of(name), tail = text_of(suffix);
    if (whole.len < tail.len || strcmp(name + whole.len - tail.len, suffix) != 0)
        return n;
    whole.len -= tail.len;
    for (size_t i = 0; i < n; i++) {
        struct text path = text_of(c->routes[i].path);
        if (tail.len && text_equal(path, TEXT("/")))
            path.len = 0;
        if (c->routes[i].path && text_equal(path, whole))
            return i;
    }
    return n;
}

/* A path may be another route's, or that of another route's description. */
static void check_path(struct fill *f, const struct node *elements, size_t i) {
    const struct config *c = f->config;
    static const char *const suffix = "/swagger.json";
    const char *path = c->routes[i].path;
    const struct node *node = key_or_group(&elements[i], "path");
    size_t same = find_path(c, i, path, "");
    if (same < i) {
        fill_complain(f, node, "routes.path: the route of %s:%u has this path already",
                      c->routes[same].where.file, c->routes[same].where.line);
        return;
    }
    size_t described = find_path(c, c->route_count, path, suffix);
    if (described < c->route_count)
        fill_complain(f, node, "routes.path: the route of %s:%u has its description here",
                      c->routes[described].where.file, c->routes[described].where.line);
}

void check_routes(struct fill *f, const struct node *routes) {
    struct config *c = f->config;
    size_t n = 0;
    const struct node *elements = routes ? value_elements(routes, &n) : NULL;
    c->table = route_table_new();
    if (!c->table)
        fill_no_memory(f);
    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *route = &c->routes[i];
        if (!route->path)
            continue;
        check_path(f, elements, i);
        if (c->table && !problems_any(f->problems) &&
            !route_table_add(c->table, text_of(route->path), route->subpaths, (unsigned)i))
            fill_no_memory(f);
    }
}

bool config_number_backends(struct config *c) {
    size_t n = 0;
    for (size_t i = 0; i < c->route_count; i++) {
        struct config_route *r = &c->routes[i];
        if (r->backend_count == 0) {
            free(r->backends); /* an empty list, which was told */
            r->backends = &r->own;
            r->backend_count = 1;
        }
        n += r->backend_count;
    }
    c->backends = calloc(n + 1, sizeof(struct config_backend *));
    for (size_t i = 0; c->backends && i < c->route_count; i++) {
        for (size_t j = 0; j < c->routes[i].backend_count; j++) {
            struct config_backend *b = &c->routes[i].backends[j];
            b->route = &c->routes[i];
            b->index = (unsigned)c->backend_count;
            c->backends[c->backend_count++] = b;
        }
    }
    return c->backends;
}
