/* SPDX-License-Identifier: MIT */
/* Routes: what their keys need of each other, and that each path is served once. */
#include "config/check.h"
#include "config/uri.h"
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

static void check_uri(struct fill *f, const struct node *given, const char *key,
                      const struct config_uri *uri, bool insecure) {
    if (uri->text && !uri->tls && !insecure)
        fill_complain(f, key_or_group(given, key),
                      "routes.%s: the scheme is http, and others could read and change what is "
                      "sent; expected https, or allow_insecure_upstream = true",
                      key);
}

static void check_headers(struct fill *f, const struct node *given,
                          const struct config_route *route) {
    const struct node *headers = node_member(given, "set_headers");
    for (size_t i = 0; i < route->set_header_count; i++) {
        const char *name = route->set_headers[i].name;
        const struct node *header = &headers->children[i];
        if (name && route->own.auth.header && strcasecmp(name, route->own.auth.header) == 0)
            fill_complain(f, header,
                          "set_headers: %s is the field of the credential; expected that in auth",
                          name);
        else if (name && route->own.deployment && strcasecmp(name, "azureml-model-deployment") == 0)
            fill_complain(f, header, "set_headers: %s is what deployment sets", name);
    }
}

void check_route(struct fill *f, const struct node *given, struct config_route *route) {
    check_uri(f, given, "scoring_uri", &route->own.scoring, route->allow_insecure);
    check_uri(f, given, "swagger_uri", &route->own.swagger, route->allow_insecure);
    check_auth(f, given, route);
    check_headers(f, given, route);
    if (route->own.scoring.text && !node_member(given, "swagger_uri")) {
        const char *wrong = uri_swagger(&route->own.scoring, &route->own.swagger);
        if (wrong)
            fill_complain(f, key_or_group(given, "scoring_uri"), "routes.swagger_uri: %s", wrong);
    }
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
