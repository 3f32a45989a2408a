/* SPDX-License-Identifier: MIT */
/* The names of config/backend.h. */
#include "config/backend.h"

#include "base/parse.h"

unsigned config_backend_number(const struct config_backend *backend) {
    return (unsigned)(backend - backend->route->backends) + 1;
}

static const char *name_of(const struct config_backend *b) {
    return b->scoring.text                 ? b->scoring.authority
           : b->online_endpoint.subscription ? b->online_endpoint.name
                                           : b->web_service.name;
}

static bool is_called(const struct config_backend *b, struct text name) {
    return text_equal(text_of(name_of(b)), name) ||
           (b->scoring.text && text_equal(text_of(b->scoring.host), name)) ||
           (b->deployment && text_equal(text_of(b->deployment), name));
}

const struct config_backend *config_backend_find(const struct config_route *route,
                                                 struct text name) {
    const struct config_backend *found = NULL;
    uint64_t number;
    if (parse_u64(name, route->backend_count, &number))
        return number > 0 ? &route->backends[number - 1] : NULL;
    for (size_t i = 0; i < route->backend_count; i++) {
        if (!is_called(&route->backends[i], name))
            continue;
        if (found)
            return NULL;
        found = &route->backends[i];
    }
    return found;
}

void config_backend_list(struct buf *into, const struct config_route *route) {
    for (size_t i = 0; i < route->backend_count; i++) {
        const struct config_backend *b = &route->backends[i];
        buf_addf(into, "%s%zu (%s%s%s)", i ? ", " : "", i + 1, name_of(b),
                 b->deployment ? ", deployment " : "", b->deployment ? b->deployment : "");
    }
}
