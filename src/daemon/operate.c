/* SPDX-License-Identifier: MIT */
/* The operations of daemon/operate.h. */
#include "daemon/operate.h"

#include "base/json.h"
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

/* The route that the query names in *FOUND, or why there is none. */
static enum reason find_route(const struct admin *admin, const struct head *h, struct operation *o,
                              const struct config_route **found) {
    const struct config *config = admin->plan->config;
    struct buf path;
    if (!has_header(h))
        return REASON_header_required;
    buf_init(&path, VALUE_MAX);
    bool named = query_value(h->query, TEXT("route"), &path);
    *found = NULL;
    for (size_t i = 0; named && i < config->route_count && !*found; i++)
        if (text_equal(text_of(config->routes[i].path), buf_text(&path)))
            *found = &config->routes[i];
    buf_done(&path);
    if (*found)
        return REASON_NONE;
    if (named)
        return REASON_no_route;
    o->detail = TEXT("The query needs route=/PATH, once.");
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

/* Backends of one endpoint share its keys: whoever takes one of them away means all of these. */
static void prefer_everywhere(const struct admin *admin, unsigned backend, unsigned key) {
    const struct supply *of = keeper_supply(admin->keeper, backend);
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

/* At each backend of the route that has the key. False: none has. */
static bool prefer(const struct admin *admin, const struct config_route *route, unsigned key) {
    bool any = false;
    for (size_t i = 0; i < route->backend_count; i++) {
        unsigned backend = route->backends[i].index;
        if (!keeper_supply(admin->keeper, backend)->keys[key])
            continue;
        prefer_everywhere(admin, backend, key);
        any = true;
    }
    return any;
}

enum reason operate_prefer(struct admin *admin, const struct head *h, struct operation *o) {
    const struct config_route *route;
    unsigned key;
    enum reason refused = find_route(admin, h, o, &route);
    if (refused != REASON_NONE)
        return refused;
    o->detail = TEXT("The query needs key=primary or key=secondary, once.");
    if (!find_key(h, &key))
        return REASON_bad_query;
    o->detail = TEXT("The route does not have this key.");
    if (!prefer(admin, route, key))
        return REASON_bad_query;
    buf_add_string(o->answer, "{\"route\":");
    json_add_string(o->answer, text_of(route->path));
    buf_addf(o->answer, ",\"key_in_use\":\"%s\"}\n", status_key_word(key));
    return REASON_NONE;
}

/* At each backend of the route. False: all of them were renewed lately. */
static bool renew(const struct admin *admin, const struct config_route *route) {
    bool any = false;
    for (size_t i = 0; i < route->backend_count; i++)
        any |= keeper_renew(admin->keeper, route->backends[i].index);
    return any;
}

enum reason operate_renew(struct admin *admin, const struct head *h, struct operation *o) {
    const struct config_route *route;
    enum reason refused = find_route(admin, h, o, &route);
    if (refused != REASON_NONE)
        return refused;
    if (!renew(admin, route)) {
        o->retry_after_s = RETRY_AFTER_S;
        return REASON_renewed_lately;
    }
    buf_add_string(o->answer, "{\"route\":");
    json_add_string(o->answer, text_of(route->path));
    buf_add_string(o->answer, ",\"renewing\":true}\n");
    return REASON_NONE;
}
