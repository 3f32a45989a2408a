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

/* The route that the query names; REASON_NONE with its INDEX, or why not. */
static enum reason find_route(const struct admin *admin, const struct head *h, struct operation *o,
                              unsigned *index) {
    struct buf path;
    if (!has_header(h))
        return REASON_header_required;
    buf_init(&path, VALUE_MAX);
    bool found = query_value(h->query, TEXT("route"), &path);
    unsigned i = 0;
    while (found && i < admin->config->route_count &&
           !text_equal(text_of(admin->config->routes[i].path), buf_text(&path)))
        i++;
    buf_done(&path);
    *index = i;
    if (found && i < admin->config->route_count)
        return REASON_NONE;
    o->detail = TEXT("The query needs route=/PATH, once.");
    if (!found)
        return REASON_bad_query;
    o->detail = (struct text){0};
    return REASON_no_route;
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

/* Routes to one endpoint share its keys: whoever takes one of them away means all of these. */
static void prefer_everywhere(const struct admin *admin, unsigned index, unsigned key) {
    const struct supply *of = keeper_supply(admin->keeper, index);
    struct secret *keys[2] = {NULL, NULL};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        keys[i] = of->keys[i] ? secret_ref(of->keys[i]) : NULL;
    for (unsigned i = 0; i < admin->config->route_count; i++) {
        const struct supply *s = keeper_supply(admin->keeper, i);
        if (secret_same(s->keys[0], keys[0]) && secret_same(s->keys[1], keys[1]))
            keeper_prefer(admin->keeper, i, key);
    }
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        secret_unref(&keys[i]);
}

enum reason operate_prefer(struct admin *admin, const struct head *h, struct operation *o) {
    unsigned index, key;
    enum reason refused = find_route(admin, h, o, &index);
    if (refused != REASON_NONE)
        return refused;
    o->detail = TEXT("The query needs key=primary or key=secondary, once.");
    if (!find_key(h, &key))
        return REASON_bad_query;
    o->detail = TEXT("The route does not have this key.");
    if (!keeper_supply(admin->keeper, index)->keys[key])
        return REASON_bad_query;
    prefer_everywhere(admin, index, key);
    buf_add_string(o->answer, "{\"route\":");
    json_add_string(o->answer, text_of(admin->config->routes[index].path));
    buf_addf(o->answer, ",\"key_in_use\":\"%s\"}\n", status_key_word(key));
    return REASON_NONE;
}

enum reason operate_renew(struct admin *admin, const struct head *h, struct operation *o) {
    unsigned index;
    enum reason refused = find_route(admin, h, o, &index);
    if (refused != REASON_NONE)
        return refused;
    if (!keeper_renew(admin->keeper, index)) {
        o->retry_after_s = RETRY_AFTER_S;
        return REASON_renewed_lately;
    }
    buf_add_string(o->answer, "{\"route\":");
    json_add_string(o->answer, text_of(admin->config->routes[index].path));
    buf_add_string(o->answer, ",\"renewing\":true}\n");
    return REASON_NONE;
}
