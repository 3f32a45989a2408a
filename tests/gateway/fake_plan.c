/* SPDX-License-Identifier: MIT */
/* Stands in for the control thread: plans, reloads, supplies, and what it is told. */
#include "fake.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the control thread is told */

static bool write_down(struct told told) {
    assert(told.generation > 0 && told.generation <= world.gateway->plan->generation);
    assert(world.told_count < sizeof world.told / sizeof *world.told);
    world.told[world.told_count++] = told;
    return !world.deaf;
}

static bool on_refused(void *context, uint64_t generation, unsigned backend, uint64_t revision,
                       unsigned key) {
    assert(context == &world);
    return write_down((struct told){
        .generation = generation, .revision = revision, .backend = backend, .key = key});
}

static bool on_accepted(void *context, uint64_t generation, unsigned backend, uint64_t revision,
                        unsigned key) {
    assert(context == &world);
    return write_down((struct told){.accepted = true,
                                    .generation = generation,
                                    .revision = revision,
                                    .backend = backend,
                                    .key = key});
}

static bool on_crowded(void *context, uint64_t generation, unsigned backend, uint64_t revision,
                       unsigned key) {
    assert(context == &world && key == 0);
    return write_down((struct told){
        .crowded = true, .generation = generation, .revision = revision, .backend = backend});
}

static void on_wake(void *context) {
    assert(context == &world);
    world.woken++;
}

/* Supplies */

static struct secret *secret_of(const char *value) {
    struct secret *s = value ? secret_new(text_of(value)) : NULL;
    assert(!value || s);
    return s;
}

struct supply *supply_made(const char *primary, const char *secondary) {
    struct supply *s = supply_new();
    assert(s);
    s->revision = ++world.revision;
    s->state = SUPPLY_READY;
    s->endpoint = endpoint_ref(world.endpoint);
    s->keys[0] = secret_of(primary);
    s->keys[1] = secret_of(secondary);
    return s;
}

struct supply *supply_pending(void) {
    struct supply *s = supply_new();
    assert(s);
    s->revision = ++world.revision;
    return s;
}

struct supply *supply_refused(enum reason why) {
    struct supply *s = supply_pending();
    s->state = SUPPLY_REFUSED;
    s->why = why;
    return s;
}

static struct endpoint *endpoint_at(const char *host, const char *swagger_host) {
    char *h = (char *)(uintptr_t)host, *s = (char *)(uintptr_t)swagger_host;
    struct config_uri scoring = {.tls = true, .host = h, .port = 443, .authority = h};
    struct config_uri swagger = {.tls = true, .host = s, .port = 443, .authority = s};
    scoring.path = (char *)(uintptr_t) "/v1/score";
    swagger.path = (char *)(uintptr_t) "/v1/swagger.json";
    struct endpoint *e = endpoint_new(&scoring, &swagger);
    assert(e);
    return e;
}

void endpoint_moves(const char *host, const char *swagger_host) {
    endpoint_unref(&world.endpoint);
    world.endpoint = endpoint_at(host, swagger_host);
}

const char *host_of(unsigned backend) {
    static const char *const hosts[] = {"one.example", "two.example", "three.example",
                                        "four.example"};
    assert(backend < sizeof hosts / sizeof *hosts);
    return hosts[backend];
}

/* As long as its endpoint stays, it is the same object. */
struct supply *supply_for(unsigned backend, const char *primary, const char *secondary) {
    struct supply *s = supply_made(primary, secondary);
    const struct supply *last = world.supplies[backend];
    endpoint_unref(&s->endpoint);
    if (last && last->endpoint && strcmp(last->endpoint->scoring.host, host_of(backend)) == 0)
        s->endpoint = endpoint_ref(last->endpoint);
    else
        s->endpoint = endpoint_at(host_of(backend), host_of(backend));
    return s;
}

static void keep(unsigned backend, struct supply *s) {
    supply_unref(&world.supplies[backend]);
    world.supplies[backend] = s;
}

void supply_comes_to(unsigned backend, struct supply *s) {
    keep(backend, s);
    assert(gateway_supply(world.gateway, backend, s));
}

void supply_comes(struct supply *s) {
    supply_comes_to(0, s);
}

/* The first plan */

void backends_are(unsigned n) {
    assert(n > 0 && n <= CONFIG_BACKENDS_MAX);
    gateway_free(&world.gateway); /* it looks at the old ones */
    world.route.backend_count = world.config.backend_count = n;
    world.route.backends = n == 1 ? &world.route.own : world.list;
    for (unsigned i = 0; i < n; i++) {
        struct config_backend *b = &world.route.backends[i];
        if (n > 1)
            *b = world.route.own;
        b->index = i;
        b->weight = 1;
        world.backends[i] = b;
    }
}

static void begin_again(void) {
    struct gateway_options options = {.plan = &world.plan,
                                      .supplies = world.supplies,
                                      .refused = on_refused,
                                      .accepted = on_accepted,
                                      .crowded = on_crowded,
                                      .wake = on_wake,
                                      .context = &world,
                                      .wake_context = &world};
    gateway_free(&world.gateway);
    world.gateway = gateway_new(&world.loop, NULL, &options);
    assert(world.gateway);
}

void gateway_restarts(struct supply *first) {
    keep(0, first);
    begin_again();
}

void gateway_restarts_whole(void) {
    for (unsigned i = 0; i < world.route.backend_count; i++) {
        char key[16];
        snprintf(key, sizeof key, "key-%u", i + 1);
        keep(i, supply_for(i, key, NULL));
    }
    begin_again();
}

/* Gates */

struct gate *gate_made(unsigned total, unsigned known, unsigned queue) {
    const struct plan *now = world.gateway ? world.gateway->plan : &world.plan;
    struct gate_limits limits = {.total = total,
                                 .queue = queue,
                                 .lane_count = (unsigned)now->config->routes[0].backend_count};
    for (unsigned i = 0; i < limits.lane_count; i++)
        limits.lanes[i].known = known;
    assert(world.gate_count < sizeof world.gates / sizeof *world.gates);
    struct gate *gate = gate_new(&limits);
    assert(gate);
    return world.gates[world.gate_count++] = gate;
}

void gate_figures_now(struct gate_figures *figures) {
    gate_look(world.gateway->plan->gates[0], world.loop.now, figures);
}

/* Reloads */

struct config_route *route_now(void) {
    return &world.gateway->config->routes[0];
}

static void copy_route(struct scene *s, const struct config *from) {
    s->route = world.route; /* if there is none at present */
    if (from->route_count)
        s->route = from->routes[0];
    bool own = s->route.backends != world.list && s->route.backend_count == 1;
    for (size_t i = 0; !own && i < s->route.backend_count; i++)
        s->list[i] = s->route.backends[i];
    s->route.backends = own ? &s->route.own : s->list;
    s->route.own.route = &s->route;
    for (size_t i = 0; i < s->route.backend_count; i++) {
        s->route.backends[i].route = &s->route;
        s->backends[i] = &s->route.backends[i];
    }
}

struct scene *scene_copied(void) {
    const struct plan *now = world.gateway->plan;
    struct scene *s = calloc(1, sizeof *s);
    assert(s && world.scene_count < sizeof world.scenes / sizeof *world.scenes);
    world.scenes[world.scene_count++] = s;
    copy_route(s, now->config);
    s->config = *now->config;
    s->config.routes = &s->route;
    s->config.route_count = 1;
    s->config.backends = s->backends;
    s->config.backend_count = s->route.backend_count;
    s->config.table = world.config.table;
    s->gate = now->config->route_count ? now->gates[0] : world.gate;
    s->tally = world.tally;
    s->plan = *now;
    s->plan.references = 1;
    s->plan.generation++;
    s->plan.config = &s->config;
    s->plan.trusts = &s->trust;
    s->plan.gates = &s->gate;
    s->plan.tallies = &s->tally;
    return s;
}

void scene_is_emptied(struct scene *s) {
    s->table = s->config.table = route_table_new();
    assert(s->table);
    s->config.route_count = s->config.backend_count = 0;
}

void scene_is_loaded(struct scene *s) {
    assert(gateway_reload(world.gateway, &s->plan, world.supplies));
}

/* The end: nobody holds any of it but the world. */
void scenes_end(void) {
    for (unsigned i = 0; i < CONFIG_BACKENDS_MAX; i++)
        supply_unref(&world.supplies[i]);
    for (unsigned i = 0; i < world.scene_count; i++) {
        struct scene *s = world.scenes[i];
        assert(s->plan.references == 1);
        route_table_free(&s->table);
        free(s);
    }
    assert(world.plan.references == 1);
    for (unsigned i = 0; i < world.gate_count; i++)
        gate_unref(&world.gates[i]);
}
