/* SPDX-License-Identifier: MIT */
/* The names of config/backend.h. */
#include "config/backend.h"

#include "base/parse.h"

#define NAME_MAX_BYTES (64 * 1024)

unsigned config_backend_number(const struct config_backend *backend) {
    return (unsigned)(backend - backend->route->backends) + 1;
}

static const char *endpoint_of(const struct config_backend *b) {
    return b->scoring.text                   ? b->scoring.authority
           : b->online_endpoint.subscription ? b->online_endpoint.name
                                             : b->web_service.name;
}

static bool same_name(const struct config_backend *a, const struct config_backend *b) {
    return strcmp(endpoint_of(a), endpoint_of(b)) == 0 &&
           text_equal(text_of(a->deployment), text_of(b->deployment));
}

void config_backend_name(struct buf *into, const struct config_backend *backend) {
    bool taken = false;
    for (const struct config_backend *b = backend->route->backends; b < backend; b++)
        taken |= same_name(b, backend);
    buf_add_string(into, endpoint_of(backend));
    if (backend->deployment)
        buf_addf(into, "/%s", backend->deployment);
    if (taken)
        buf_addf(into, "#%u", config_backend_number(backend));
}

static bool is_named(const struct config_backend *backend, struct text word) {
    struct buf name;
    buf_init(&name, NAME_MAX_BYTES);
    config_backend_name(&name, backend);
    bool same = buf_ok(&name) && text_equal(buf_text(&name), word);
    buf_done(&name);
    return same;
}

static bool is_meant(const struct config_backend *b, struct text word) {
    return text_equal(text_of(endpoint_of(b)), word) ||
           (b->scoring.text && text_equal(text_of(b->scoring.host), word)) ||
           (b->deployment && text_equal(text_of(b->deployment), word));
}

const struct config_backend *config_backend_find(const struct config_route *route,
                                                 struct text word) {
    const struct config_backend *meant = NULL;
    size_t count = 0;
    uint64_t number;
    if (parse_u64(word, route->backend_count, &number) && number > 0)
        return &route->backends[number - 1];
    for (size_t i = 0; i < route->backend_count; i++) {
        const struct config_backend *b = &route->backends[i];
        if (is_named(b, word))
            return b;
        if (is_meant(b, word)) {
            meant = b;
            count++;
        }
    }
    return count == 1 ? meant : NULL;
}

void config_backend_list(struct buf *into, const struct config_route *route) {
    for (size_t i = 0; i < route->backend_count; i++) {
        buf_addf(into, "%s%zu (", i ? ", " : "", i + 1);
        config_backend_name(into, &route->backends[i]);
        buf_add_char(into, ')');
    }
}
