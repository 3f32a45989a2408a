/* SPDX-License-Identifier: MIT */
/* Stands in for the front: callers whose every move is the test's, and the world around them. */
#include "base/random.h"
#include "fake.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world world;
static uint64_t random_state;
static usec_t fake_now = USEC_PER_SEC;
static const struct access_list everybody;

usec_t clock_monotonic(void) {
    return fake_now;
}

usec_t clock_wall(void) {
    return 1700000000 * USEC_PER_SEC + fake_now;
}

void random_begins(uint64_t seed) {
    random_state = seed;
}

/* Stands in for base/random.h (SplitMix64), so that what a test saw can be seen again. */
uint64_t random_u64(void) {
    uint64_t z = random_state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void random_bytes(void *into, size_t n) {
    for (unsigned char *to = into; n--; to++)
        *to = (unsigned char)random_u64();
}

void random_uuid(char *into) {
    snprintf(into, RANDOM_UUID_LEN + 1, "%08x-0000-4000-8000-%012llx", (unsigned)random_u64(),
             (unsigned long long)random_u64() >> 16);
}

int world_begin(void **state) {
    (void)state;
    world = (struct world){0};
    random_begins(1);
    assert(loop_init(&world.loop));
    world.route = (struct config_route){.path = (char *)(uintptr_t) "/score",
                                        .own.auth = {.header = (char *)(uintptr_t) "Authorization",
                                                     .prefix = (char *)(uintptr_t) "Bearer "},
                                        .methods = METHOD_GET | METHOD_POST,
                                        .required = true,
                                        .connect_timeout = 5 * USEC_PER_SEC,
                                        .response_timeout = 190 * USEC_PER_SEC,
                                        .idle_timeout = 60 * USEC_PER_SEC,
                                        .body_bytes = 1024 * 1024,
                                        .replay_bytes = 64 * 1024};
    world.route.own.route = &world.route;
    world.route.own.weight = 1;
    world.route.retry = (struct retry_rules){.attempts = 1}; /* for tests of it to turn on */
    world.config = (struct config){.backends = world.backends,
                                   .routes = &world.route,
                                   .route_count = 1,
                                   .table = route_table_new(),
                                   .references = 1};
    world.tally = tally_new();
    world.others = tally_new();
    assert(world.tally && world.others);
    world.plan = (struct plan){.references = 1,
                               .generation = 1,
                               .config = &world.config,
                               .trusts = &world.trust,
                               .gates = &world.gate,
                               .tallies = &world.tally,
                               .others = world.others};
    assert(route_table_add(world.config.table, text_of(world.route.path), false, 0));
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_TEXT, NULL);
    backends_are(1);
    endpoint_moves("endpoint.example", "endpoint.example");
    gateway_restarts(supply_made("primary-key", "secondary-key"));
    return 0;
}

int world_end(void **state) {
    (void)state;
    gateway_free(&world.gateway);
    for (int i = 0; i < world.conn_count; i++) {
        buf_done(&world.conns[i]->sent);
        buf_done(&world.conns[i]->incoming);
        free(world.conns[i]);
    }
    scenes_end();
    tally_unref(&world.tally);
    tally_unref(&world.others);
    route_table_free(&world.config.table);
    endpoint_unref(&world.endpoint);
    loop_done(&world.loop);
    return 0;
}

void time_passes(usec_t duration) {
    fake_now += duration;
    assert(loop_turn(&world.loop, 0));
}

struct caller *caller_begins(const char *method, const char *target, const char *const *fields) {
    return caller_begins_at("localhost", method, target, fields);
}

struct caller *caller_begins_at(const char *host, const char *method, const char *target,
                                const char *const *fields) {
    struct caller *c = calloc(1, sizeof *c);
    assert(c);
    static const unsigned char loopback[16] = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
    c->info = (struct caller_info){
        .access = &everybody, .address = loopback, .local = loopback, .uid = -1};
    if (world.caller_address)
        c->info.address = world.caller_address;
    c->head_room = 8192;
    buf_init(&c->fields_text, 64 * 1024);
    size_t n = 0;
    for (; fields && fields[n]; n++) {
        struct text line = text_of(fields[n]);
        size_t colon = text_find(line, ':');
        c->fields[n].name = (struct text){line.at, colon};
        c->fields[n].value = text_trim(text_skip(line, colon + 1));
    }
    c->fields[n++] = (struct field_line){TEXT("Host"), text_of(host), FIELD_OTHER};
    c->head = (struct head){.method_text = text_of(method),
                            .target = text_of(target),
                            .version = 11,
                            .fields = c->fields,
                            .field_count = n};
    enum reason refused = head_check(&c->head);
    c->handle = exchange_handler.begin(world.gateway, c, &c->head, refused);
    return c;
}

size_t caller_sends(struct caller *c, const char *bytes, size_t n) {
    c->wants_body = false;
    return c->replied ? n : exchange_handler.body(c->handle, bytes, n);
}

void caller_ends(struct caller *c) {
    exchange_handler.end(c->handle);
}

static void sends_what_is_left(struct caller *c) {
    size_t taken = c->left ? caller_sends(c, c->body, strlen(c->body)) : 0;
    c->body += taken;
    c->left -= taken;
    if (!c->left)
        caller_ends(c);
}

void caller_goes_on(struct caller *c) {
    if (c->left && c->wants_body)
        sends_what_is_left(c);
}

static void begins_body(struct caller *c, const char *body) {
    c->body = body;
    c->left = strlen(body);
    sends_what_is_left(c);
    turn();
}

struct caller *caller_posts(const char *target, const char *body) {
    char length[64];
    snprintf(length, sizeof length, "Content-Length: %zu", strlen(body));
    const char *fields[] = {"Content-Type: application/json", length, NULL};
    struct caller *c = caller_begins("POST", target, fields);
    begins_body(c, body);
    return c;
}

struct caller *caller_named(const char *name, const char *body) {
    char length[64], agent[64];
    snprintf(length, sizeof length, "Content-Length: %zu", strlen(body));
    snprintf(agent, sizeof agent, "User-Agent: %s", name);
    const char *fields[] = {agent, length, NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    begins_body(c, body);
    return c;
}

struct caller *caller_gets(const char *target) {
    struct caller *c = caller_begins("GET", target, NULL);
    caller_ends(c);
    turn();
    return c;
}

const char *caller_pulls(struct caller *c, ssize_t *result) {
    static char body[256 * 1024];
    size_t used = 0;
    c->body_ready = false;
    while (used < sizeof body - 1 &&
           (*result = exchange_handler.pull(c->handle, body + used, sizeof body - 1 - used)) > 0)
        used += (size_t)*result;
    body[used] = '\0';
    return body;
}

void caller_is_done(struct caller *c, bool answered) {
    exchange_handler.done(c->handle, answered);
    buf_done(&c->fields_text);
    free(c);
}

const char *reply_field(const struct caller *c, const char *name) {
    static char value[2048];
    char wanted[256];
    snprintf(wanted, sizeof wanted, "\n%s: ", name);
    const char *hit = c->fields_text.at ? strcasestr(c->fields_text.at, wanted) : NULL;
    if (!hit)
        return NULL;
    hit += strlen(wanted);
    snprintf(value, sizeof value, "%.*s", (int)strcspn(hit, "\n"), hit);
    return value;
}

bool caller_reply(struct caller *c, const struct reply *reply) {
    assert(!c->replied && !c->cut);
    c->replied = true;
    c->status = reply->status;
    c->whole = reply->whole;
    c->whole_body = reply->body;
    c->length = reply->whole ? reply->body.len : reply->length;
    c->close = reply->close;
    buf_add_char(&c->fields_text, '\n');
    for (size_t i = 0; i < reply->field_count; i++) {
        buf_add_text(&c->fields_text, reply->fields[i].name);
        buf_add_string(&c->fields_text, ": ");
        buf_add_text(&c->fields_text, reply->fields[i].value);
        buf_add_char(&c->fields_text, '\n');
    }
    return true;
}

void caller_want_body(struct caller *c) {
    c->wants_body = true;
}

void caller_body_ready(struct caller *c) {
    c->body_ready = true;
}

void caller_cut(struct caller *c) {
    c->cut = true;
}

size_t caller_head_room(const struct caller *c) {
    return c->head_room;
}

const struct caller_info *caller_info(const struct caller *c) {
    return &c->info;
}
