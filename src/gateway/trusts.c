/* SPDX-License-Identifier: MIT */
/* Loading what gateway/trusts.h says. */
#include "gateway/trusts.h"

#include <stdlib.h>

static struct trust *find(struct trust *const *trusts, size_t n, const struct config_tls *tls) {
    for (size_t i = 0; i < n; i++)
        if (trusts[i] && trust_is_of(trusts[i], tls))
            return trust_ref(trusts[i]);
    return NULL;
}

/* A machine without CA certificates can serve a route to http. */
static bool needs_trust(const struct config_route *route) {
    for (size_t i = 0; i < route->backend_count; i++) {
        const struct config_backend *b = &route->backends[i];
        if (config_is_named(b) || b->scoring.tls || b->swagger.tls)
            return true;
    }
    return false;
}

/* Whether the setting of route N is that of a route before it, for which nothing could be loaded.
 */
static bool failed_before(const struct config *config, struct trust *const *trusts, size_t n) {
    const struct config_where *where = &config->routes[n].tls.where;
    for (size_t i = 0; i < n; i++) {
        const struct config_where *other = &config->routes[i].tls.where;
        if (!trusts[i] && needs_trust(&config->routes[i]) && other->line == where->line &&
            (!where->line || other->file == where->file))
            return true;
    }
    return false;
}

static struct trust *find_current(struct trust *const *trusts, size_t n,
                                  const struct config_tls *tls) {
    struct trust *found = find(trusts, n, tls);
    if (found && !trust_is_current(found))
        trust_unref(&found);
    return found;
}

struct trust **trusts_load(const struct config *config, struct trust *const *before, size_t n,
                           struct config_errors *errors) {
    struct trust **trusts = calloc(config->route_count + 1, sizeof(struct trust *));
    for (size_t i = 0; trusts && i < config->route_count; i++) {
        const struct config_route *route = &config->routes[i];
        struct buf why;
        if (!needs_trust(route) || failed_before(config, trusts, i))
            continue;
        buf_init(&why, 1024);
        trusts[i] = find(trusts, i, &route->tls);
        if (!trusts[i])
            trusts[i] = find_current(before, n, &route->tls);
        if (!trusts[i])
            trusts[i] = trust_new(&route->tls, &why);
        if (!trusts[i])
            config_error(errors, route->tls.where.line ? route->tls.where : route->where, "tls: %s",
                         why.at ? why.at : "out of memory");
        buf_done(&why);
    }
    return trusts;
}

void trusts_free(struct trust **trusts, const struct config *config) {
    for (size_t i = 0; trusts && i < config->route_count; i++)
        trust_unref(&trusts[i]);
    free(trusts);
}
