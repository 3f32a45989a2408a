/* SPDX-License-Identifier: MIT */
/* The operations of daemon/operate.h. */
#include "daemon/operate.h"

#include "base/json.h"
#include "config/backend.h"
#include "daemon/status.h"
#include "policy/query.h"

/* No route's path is longer. */
#define VALUE_MAX 8192
/* The keeper renews a route on request once in this time. */
#define RETRY_AFTER_S 5

static bool has_header(const struct head *h) {
    for (size_t i = 0; i < h->field_count; i++)
        if (text_equal_nocase(h->fields[i].name, TEXT("X-Scoregate")))
            return text_equal(h->fields[i].value, TEXT("1"));
    return false;
}

/* The route that the query names; REASON_NONE, or why not. */
static enum reason find_route(const struct admin *admin, const struct head *h, struct operation *o,
                              const struct config_route **route) {
    const struct config *c = admin->plan->config;
    struct buf path;
    buf_init(&path, VALUE_MAX);
    bool found = query_value(h->query, TEXT("route"), &path);
    unsigned i = 0;
    while (found && i < c->route_count && !text_equal(text_of(c->routes[i].path), buf_text(&path)))
        i++;
    buf_done(&path);
    if (!found) {
        o->detail = TEXT("The query needs route=/PATH, once.");
        return REASON_bad_query;
    }
    if (i == c->route_count)
        return REASON_no_route;
    *route = &c->routes[i];
    return REASON_NONE;
}

/* The backend of ROUTE that the query names, which need not name the only one; NULL if there is
 * none. */
static const struct config_backend *find_backend(const struct head *h,
                                                 const struct config_route *route) {
    const struct config_backend *only = route->backend_count == 1 ? route->backends : NULL;
    struct buf name;
    buf_init(&name, VALUE_MAX);
    bool found = query_value(h->query, TEXT("backend"), &name);
    const struct config_backend *b = found ? config_backend_find(route, buf_text(&name)) : only;
    buf_done(&name);
    return b;
}

/* What the operation is for; REASON_NONE, or why it is not done. */
static enum reason find_target(const struct admin *admin, const struct head *h, struct operation *o,
                               const struct config_backend **backend) {
    const struct config_route *route;
    if (!has_header(h))
        return REASON_header_required;
    enum reason refused = find_route(admin, h, o, &route);
    if (refused != REASON_NONE)
        return refused;
    *backend = find_backend(h, route);
    if (*backend)
        return REASON_NONE;
    o->detail =
        TEXT("The query needs backend=, once: the number of a backend of the route, from 1, "
             "or what only this one is called.");
    return REASON_bad_query;
}

static bool find_key(const struct head *h, unsigned *key) {
    struct buf word;
    buf_init(&word, VALUE_MAX);
    bool found = query_value(h->query, TEXT("key"), &word);
    bool primary = text_equal(buf_text(&word), TEXT("primary"));
    found = found && (primary || text_equal(buf_text(&word), TEXT("secondary")));
    buf_done(&word);
    *key = primary ? 0 : 1;
    return found;
}

/* Whoever takes a key of an endpoint away means all backends that have it. */
static void prefer_everywhere(const struct admin *admin, unsigned index, unsigned key) {
    const struct supply *of = keeper_supply(admin->keeper, index);
    struct secret *keys[2] = {NULL, NULL};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        keys[i] = of->keys[i] ? secret_ref(of->keys[i]) : NULL;
    for (unsigned i = 0; i < admin->plan->config->backend_count; i++) {
        const struct supply *s = keeper_supply(admin->keeper, i);
        if (secret_same(s->keys[0], keys[0]) && secret_same(s->keys[1], keys[1]))
            keeper_prefer(admin->keeper, i, key);
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        secret_unref(&keys[i]);
}

/* Begins the answer: {"route":"/score", of several backends with "backend":2 */
static void answer_begin(struct operation *o, const struct config_backend *backend) {
    buf_add_string(o->answer, "{\"route\":");
    json_add_string(o->answer, text_of(backend->route->path));
    if (backend->route->backend_count > 1)
        buf_addf(o->answer, ",\"backend\":%u", config_backend_number(backend));
}

enum reason operate_prefer(struct admin *admin, const struct head *h, struct operation *o) {
    const struct config_backend *backend;
    unsigned key;
    enum reason refused = find_target(admin, h, o, &backend);
    if (refused != REASON_NONE)
        return refused;
    o->detail = TEXT("The query needs key=primary or key=secondary, once.");
    if (!find_key(h, &key))
        return REASON_bad_query;
    o->detail = TEXT("The route does not have this key.");
    if (!keeper_supply(admin->keeper, backend->index)->keys[key])
        return REASON_bad_query;
    prefer_everywhere(admin, backend->index, key);
    answer_begin(o, backend);
    buf_addf(o->answer, ",\"key_in_use\":\"%s\"}\n", status_key_word(key));
    return REASON_NONE;
}

enum reason operate_renew(struct admin *admin, const struct head *h, struct operation *o) {
    const struct config_backend *backend;
    enum reason refused = find_target(admin, h, o, &backend);
    if (refused != REASON_NONE)
        return refused;
    if (!keeper_renew(admin->keeper, backend->index)) {
        o->retry_after_s = RETRY_AFTER_S;
        return REASON_renewed_lately;
    }
    answer_begin(o, backend);
    buf_add_string(o->answer, ",\"renewing\":true}\n");
    return REASON_NONE;
}
