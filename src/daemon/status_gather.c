/* SPDX-License-Identifier: MIT */
/* Gathering what daemon/status.h shows. */
#include "daemon/status.h"

#include "config/backend.h"

#include <assert.h>
#include <stdlib.h>

/* Of a backend; what it is made of has limits of its own in the configuration. */
#define NAME_SIZE_MAX (64 * 1024)

static enum route_state state_of(const struct supply *supply, usec_t now) {
    if (supply->state == SUPPLY_REFUSED)
        return ROUTE_REFUSED;
    return supply->state == SUPPLY_READY && supply->expires > now ? ROUTE_READY : ROUTE_WAITING;
}

static char *make_name(const struct config_backend *config) {
    struct buf name;
    buf_init(&name, NAME_SIZE_MAX);
    config_backend_name(&name, config);
    char *copy = buf_ok(&name) ? text_dup(buf_text(&name)) : NULL;
    buf_done(&name);
    return copy;
}

static bool gather_credentials(struct status_backend *b, const struct keeper *keeper,
                               unsigned index) {
    size_t n = 0;
    while (keeper_backend_credential(keeper, index, n))
        n++;
    b->credentials = calloc(n + 1, sizeof *b->credentials);
    for (size_t i = 0; b->credentials && i < n; i++)
        b->credentials[i] = keeper_backend_credential(keeper, index, i);
    b->credential_count = b->credentials ? n : 0;
    return b->credentials;
}

static bool gather_backend(struct status_backend *b, const struct config_backend *config,
                           const struct keeper *keeper, usec_t now) {
    struct backend_status s;
    keeper_backend_status(keeper, config->index, &s);
    b->state = state_of(s.supply, now);
    b->auth = s.auth;
    b->scoring_uri = s.supply->endpoint ? s.supply->endpoint->scoring.text : NULL;
    b->deployment = config->deployment;
    b->weight = config->weight;
    b->priority = config->priority;
    b->preferred = s.supply->preferred;
    b->revision = s.supply->revision;
    b->why = s.supply->why;
    b->waits_for = s.waits_for;
    b->error = s.error;
    for (size_t i = 0; i < ARRAY_LEN(b->fingerprints); i++)
        if (s.supply->keys[i])
            secret_fingerprint(s.supply->keys[i], b->fingerprints[i]);
    return gather_credentials(b, keeper, config->index);
}

static bool gather_backends(struct status_route *r, const struct config_route *config,
                            const struct keeper *keeper, usec_t now) {
    r->backends = calloc(config->backend_count, sizeof *r->backends);
    for (size_t i = 0; r->backends && i < config->backend_count; i++) {
        struct status_backend *b = &r->backends[i];
        r->backend_count = i + 1;
        b->name = make_name(&config->backends[i]);
        if (!b->name || !gather_backend(b, &config->backends[i], keeper, now))
            return false;
        b->breaker = r->counts.backends[i];
        if (i == 0 || b->state < r->state)
            r->state = b->state;
    }
    return r->backends;
}

static void gather_limits(struct status_route *r, struct gate *gate, usec_t now) {
    struct gate_figures figures;
    if (!gate)
        return;
    gate_look(gate, now, &figures);
    r->limit = figures.limit;
    for (size_t i = 0; i < r->backend_count; i++)
        r->backends[i].limit = figures.lane_limits[i];
}

static bool gather_route(struct status_route *r, const struct plan *plan, size_t index,
                         const struct keeper *keeper, usec_t now) {
    const struct config_route *config = &plan->config->routes[index];
    r->path = config->path;
    r->required = config->required;
    tally_read(plan->tallies[index], &r->counts);
    if (!gather_backends(r, config, keeper, now))
        return false;
    gather_limits(r, plan->gates[index], now);
    return true;
}

bool status_gather(struct status *s, const struct plan *plan, const struct keeper *keeper,
                   usec_t now) {
    static_assert(CONFIG_BACKENDS_MAX <= TALLY_BACKENDS_MAX, "a breaker of each backend");
    static_assert(CONFIG_BACKENDS_MAX <= GATE_LANES_MAX, "a lane of each backend");
    size_t routes = plan->config->route_count;
    *s =
        (struct status){.now = now, .wall = clock_wall(), .credential_count = keeper_count(keeper)};
    s->routes = calloc(routes + 1, sizeof *s->routes);
    s->credentials = calloc(s->credential_count + 1, sizeof *s->credentials);
    bool ok = s->routes && s->credentials;
    for (size_t i = 0; ok && i < s->credential_count; i++)
        keeper_status(keeper, i, &s->credentials[i]);
    for (size_t i = 0; ok && i < routes; i++) {
        s->route_count = i + 1;
        ok = gather_route(&s->routes[i], plan, i, keeper, now);
    }
    tally_read(plan->others, &s->others);
    return ok;
}

void status_done(struct status *s) {
    for (size_t i = 0; i < s->route_count; i++) {
        struct status_route *r = &s->routes[i];
        for (size_t j = 0; j < r->backend_count; j++) {
            free(r->backends[j].name);
            free(r->backends[j].credentials);
        }
        free(r->backends);
    }
    free(s->routes);
    free(s->credentials);
    *s = (struct status){0};
}
