/* SPDX-License-Identifier: MIT */
/* Gathering what daemon/status.h shows, and the answer of /readyz. */
#include "daemon/status.h"

#include <stdlib.h>

static enum route_state state_of(const struct supply *supply, usec_t now) {
    if (supply->state == SUPPLY_REFUSED)
        return ROUTE_REFUSED;
    return supply->state == SUPPLY_READY && supply->expires > now ? ROUTE_READY : ROUTE_WAITING;
}

static bool gather_credentials(struct status_route *r, const struct keeper *keeper,
                               unsigned index) {
    size_t n = 0;
    while (keeper_backend_credential(keeper, index, n))
        n++;
    r->credentials = calloc(n + 1, sizeof *r->credentials);
    for (size_t i = 0; r->credentials && i < n; i++)
        r->credentials[i] = keeper_backend_credential(keeper, index, i);
    r->credential_count = r->credentials ? n : 0;
    return r->credentials;
}

static bool gather_route(struct status_route *r, const struct config_route *config,
                         const struct keeper *keeper, unsigned index, usec_t now) {
    struct backend_status s;
    keeper_backend_status(keeper, index, &s);
    *r = (struct status_route){
        .path = config->path,
        .state = state_of(s.supply, now),
        .required = config->required,
        .auth = s.auth,
        .scoring_uri = s.supply->endpoint ? s.supply->endpoint->scoring.text : NULL,
        .preferred = s.supply->preferred,
        .revision = s.supply->revision,
        .why = s.supply->why,
        .waits_for = s.waits_for,
        .error = s.error,
    };
    for (size_t i = 0; i < ARRAY_LEN(r->fingerprints); i++)
        if (s.supply->keys[i])
            secret_fingerprint(s.supply->keys[i], r->fingerprints[i]);
    return gather_credentials(r, keeper, index);
}

bool status_gather(struct status *s, const struct config *config, const struct keeper *keeper,
                   usec_t now) {
    *s =
        (struct status){.now = now, .wall = clock_wall(), .credential_count = keeper_count(keeper)};
    s->routes = calloc(config->route_count + 1, sizeof *s->routes);
    s->credentials = calloc(s->credential_count + 1, sizeof *s->credentials);
    bool ok = s->routes && s->credentials;
    for (size_t i = 0; ok && i < s->credential_count; i++)
        keeper_status(keeper, i, &s->credentials[i]);
    for (unsigned i = 0; ok && i < config->route_count; i++) {
        s->route_count = i + 1;
        ok = gather_route(&s->routes[i], &config->routes[i], keeper, i, now);
    }
    return ok;
}

void status_done(struct status *s) {
    for (size_t i = 0; i < s->route_count; i++)
        free(s->routes[i].credentials);
    free(s->routes);
    free(s->credentials);
    *s = (struct status){0};
}

const char *route_state_word(enum route_state state) {
    static const char *const words[] = {"ready", "waiting", "refused"};
    return words[state];
}

const char *status_key_word(unsigned key) {
    return key == 0 ? "primary" : "secondary";
}

bool status_is_usable(const struct credential_status *c) {
    return strcmp(c->state, "usable") == 0 || strcmp(c->state, "failing") == 0;
}

static bool is_missing(const struct status_route *r) {
    return r->required && r->state != ROUTE_READY;
}

bool status_is_ready(const struct status *s) {
    for (size_t i = 0; i < s->route_count; i++)
        if (is_missing(&s->routes[i]))
            return false;
    return true;
}

void status_explain(struct buf *b, const struct status_route *route) {
    if (route->state == ROUTE_WAITING && route->waits_for)
        buf_addf(b, "waits for %s", route->waits_for);
    else
        buf_add_string(b, route->state == ROUTE_WAITING ? "waits for its credential"
                                                        : "cannot be served");
    if (route->error) {
        buf_addf(b, ": %s", azure_failure_word(route->error->failure));
        if (route->error->code[0])
            buf_addf(b, ", %s", route->error->code);
        if (route->error->message[0])
            buf_addf(b, ": %s", route->error->message);
    } else if (route->state == ROUTE_REFUSED) {
        buf_addf(b, ": %s", reason_detail(route->why));
    }
}

void status_write_ready(struct buf *b, const struct status *s) {
    if (s->draining || status_is_ready(s)) {
        buf_add_string(b, s->draining ? "draining\n" : "ready\n");
        return;
    }
    buf_add_string(b, "not ready\n");
    for (size_t i = 0; i < s->route_count; i++) {
        if (!is_missing(&s->routes[i]))
            continue;
        buf_addf(b, "%s ", s->routes[i].path);
        status_explain(b, &s->routes[i]);
        buf_add_char(b, '\n');
    }
}
