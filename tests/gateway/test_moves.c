/* SPDX-License-Identifier: MIT */
/* Random moves of everybody: callers, endpoints, the control thread, another worker, time. Whatever
 * they do, each caller gets one reply at most and, once all is well again, one at all; nothing is
 * left over; and no host ever sees the key of another.
 *
 * Each game is played by its number, so that one which fails can be played again:
 * test_moves FIRST [COUNT]. */
#include "expect.h"
#include "fake.h"

#include "base/random.h"

#include <stdlib.h>

#define PLAYERS  48
#define MOVES    500
#define BACKENDS 3

#define DESCRIPTION "{\"swagger\":\"2.0\",\"paths\":{\"/score\":{\"post\":{}}}}"
#define WRAPPED     "\"{\\\"a\\\":1}\""
#define JSON_OK     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"

_Static_assert(sizeof DESCRIPTION - 1 == 48 && sizeof WRAPPED - 1 == 11, "their lengths below");

struct player {
    struct caller *c;
    size_t left; /* of the body, to be sent */
    bool chunked, ended, offered;
};

static struct player players[PLAYERS];
static struct gate_port elsewhere; /* of another worker */
static struct gate_ticket guests[4];
static unsigned guests_granted;
static int first_game = 1, games = 60;
static char filler[96 * 1024];

static unsigned any(unsigned n) {
    return (unsigned)(random_u64() % n);
}

static bool one_in(unsigned n) {
    return any(n) == 0;
}

/* Callers */

static void comes(void) {
    static const char *const agents[] = {"User-Agent: a", "User-Agent: b", "User-Agent: c"};
    static const unsigned char other[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7};
    static const char *const lengths[] = {"Content-Length: 5", "Content-Length: 20000",
                                          "Content-Length: 90000"};
    static const size_t sizes[] = {5, 20000, 90000};
    static const char *const conditions[] = {"Accept: a", "If-None-Match: *",
                                             "If-None-Match: \"x\"", "Cache-Control: no-cache"};
    static const char *const descriptions[] = {"/score/swagger.json", "/score/swagger.json?v"};
    struct player *p = players;
    while (p < players + PLAYERS && p->c)
        p++;
    if (p == players + PLAYERS)
        return;
    *p = (struct player){0};
    unsigned size = any(3);
    bool get = one_in(3);
    p->chunked = !get && one_in(3);
    const char *framing = p->chunked ? "Transfer-Encoding: chunked" : lengths[size];
    const char *fields[] = {agents[any(3)], get ? conditions[any(4)] : framing, NULL};
    const char *target = get && one_in(3) ? descriptions[any(2)] : "/score";
    p->left = get ? 0 : sizes[size];
    world.caller_address = one_in(3) ? other : NULL;
    p->c = caller_begins(get ? one_in(5) ? "HEAD" : "GET" : "POST", target, fields);
    if (get) {
        p->ended = true;
        caller_ends(p->c);
    }
}

static void sends(struct player *p) {
    if (p->ended || (p->offered && !p->c->wants_body && !p->c->replied) || p->c->cut)
        return;
    size_t n = p->left < 30000 || one_in(2) ? p->left : 30000;
    size_t taken = n ? caller_sends(p->c, filler, n) : 0;
    assert_true(taken <= n);
    p->left -= taken;
    p->offered = taken < n;
    if (p->left == 0 && !p->ended) {
        p->ended = true;
        caller_ends(p->c);
    }
}

static void goes(struct player *p, bool answered) {
    struct caller *c = p->c;
    p->c = NULL;
    caller_is_done(c, answered);
}

/* What an endpoint says of itself is told as it is for the caller, or not understood. */
static void is_local(const struct caller *c) {
    assert_false(c->status == 200 && c->whole && strstr(c->head.target.at, "swagger.json") &&
                 text_equal(c->whole_body, TEXT(DESCRIPTION)));
}

/* Takes what there is; the front forgets a request whose reply is over. */
static void takes(struct player *p) {
    ssize_t result = PULL_END;
    if (p->c->cut) {
        goes(p, false);
        return;
    }
    if (!p->c->replied)
        return;
    is_local(p->c);
    if (!p->c->whole && p->c->length > 0 && p->c->head.method != METHOD_HEAD)
        caller_pulls(p->c, &result);
    if (result == PULL_CUT)
        goes(p, false);
    else if (result == PULL_END && (p->ended || one_in(2)))
        goes(p, true);
}

static struct player *some_player(void) {
    struct player *p = &players[any(PLAYERS)];
    return p->c ? p : NULL;
}

/* Endpoints */

static struct conn *some_conn(void) {
    for (int tries = 0; world.conn_count && tries < 30; tries++) {
        int newest = world.conn_count, span = newest < 40 ? newest : 40;
        struct conn *c = peer(newest - (int)any((unsigned)span));
        if (!c->closed)
            return c;
    }
    return NULL;
}

/* Documents, answers about them, and JSON in JSON: whole, in part, to be closed. */
static const char *const gathered[] = {
    JSON_OK "ETag: \"one\"\r\nContent-Length: 48\r\n\r\n" DESCRIPTION,
    JSON_OK
    "Cache-Control: no-cache\r\nLast-Modified: then\r\nContent-Length: 48\r\n\r\n" DESCRIPTION,
    JSON_OK "Cache-Control: max-age=1\r\nETag: \"two\"\r\nContent-Length: 48\r\n\r\n" DESCRIPTION,
    JSON_OK "Cache-Control: no-store\r\nTransfer-Encoding: chunked\r\n\r\n30\r\n" DESCRIPTION
            "\r\n0\r\n\r\n",
    JSON_OK "Connection: close\r\n\r\n" DESCRIPTION,
    JSON_OK "Content-Length: 49\r\n\r\n" DESCRIPTION,
    "HTTP/1.1 304 Not Modified\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nETag: \"two\"\r\nCache-Control: no-store\r\n\r\n",
    JSON_OK "Content-Length: 11\r\n\r\n" WRAPPED,
    JSON_OK "Content-Length: 12\r\n\r\n" WRAPPED,
    JSON_OK "Transfer-Encoding: chunked\r\n\r\nb\r\n" WRAPPED "\r\n0\r\n\r\n",
    JSON_OK "Transfer-Encoding: chunked\r\n\r\nb\r\n" WRAPPED "\r\n",
    JSON_OK "\r\n" WRAPPED,
    JSON_OK "Content-Length: 100000\r\n\r\n\"some",
    JSON_OK "Transfer-Encoding: chunked\r\n\r\n3\r\n\"ab\r\n",
    "\"",
    "2\r\n{}\r\n",
};

static const char *const answers[] = {
    "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 429 Too Many\r\nRetry-After: 1\r\nContent-Length: 3\r\n\r\nyyy",
    "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy",
    "HTTP/1.1 503 No\r\nRetry-After: 2\r\nContent-Length: 4\r\n\r\nbu",
    "HTTP/1.1 424 Failed\r\nms-azureml-model-error-reason: model_not_ready\r\n"
    "Content-Length: 1\r\n\r\nx",
    "HTTP/1.1 424 Failed\r\nms-azureml-model-error-statuscode: 429\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 500 Oops\r\nContent-Length: 1\r\n\r\nx",
    "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nsome",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "HTTP/1.1 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 2",
    "garbage\r\n\r\n",
    OK "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
};

static void answers_something(struct conn *c) {
    static const int ends[] = {CONN_END, CONN_TRUNCATED, CONN_FAILED};
    switch (any(9)) {
    case 0:
        peer_closes(c, ends[any(3)]);
        break;
    case 1:
        c->send_fails = true;
        break;
    case 2:
        c->send_limit = any(3) * 10000;
        break;
    case 3:
        c->send_limit = SIZE_MAX;
        c->may_write = true;
        peer_sends(c, "");
        break;
    case 4:
        peer_sends(c, gathered[any(ARRAY_LEN(gathered))]);
        break;
    default:
        peer_sends(c, one_in(2) ? OK : answers[any(ARRAY_LEN(answers))]);
    }
}

/* Dials */

static void dials_something(void) {
    static const enum reason why[] = {REASON_connection_refused, REASON_dns_error,
                                      REASON_certificate_error, REASON_out_of_resources};
    for (unsigned i = 0; i < BACKENDS; i++) {
        if (!dials_waiting(host_of(i)) && !dials_waiting("moved.example"))
            continue;
        if (one_in(3))
            dial_fails(why[any(ARRAY_LEN(why))]);
        else
            dial_succeeds();
        return;
    }
}

/* The control thread */

/* The value says where it belongs. */
static struct supply *key_for(unsigned backend) {
    char first[64], second[64];
    const char *host = backend == 0 && one_in(4) ? "moved.example" : host_of(backend);
    snprintf(first, sizeof first, "key@%s#%u", host, any(3));
    snprintf(second, sizeof second, "key@%s#%u", host, any(3));
    struct supply *s = supply_for(backend, first, one_in(2) ? second : NULL);
    if (host != host_of(backend)) {
        endpoint_moves(host, host);
        endpoint_unref(&s->endpoint);
        s->endpoint = endpoint_ref(world.endpoint);
    }
    s->answered = s->revision - 1;
    return s;
}

static void supplies(void) {
    unsigned backend = any(BACKENDS);
    struct supply *s = NULL;
    switch (any(6)) {
    case 0:
        s = supply_pending();
        break;
    case 1:
        s = supply_refused(REASON_token_rejected);
        break;
    case 2:
        s = key_for(backend);
        s->expires = world.loop.now + any(3) * USEC_PER_SEC + 1;
        break;
    default:
        s = key_for(backend);
    }
    if (world.gateway->config->backend_count > backend)
        supply_comes_to(backend, s);
    else
        supply_unref(&s);
}

static void change_route(struct config_route *r) {
    r->retry.attempts = 1 + any(4);
    r->retry.budget_percent = any(2) * 20;
    r->hedge_after = any(2) * 100 * USEC_PER_MS;
    r->wait_for_ready = any(2) * 20 * USEC_PER_SEC;
    r->response_timeout = (1 + any(40)) * USEC_PER_SEC;
    r->total_timeout = any(2) * 60 * USEC_PER_SEC;
    r->queue_timeout = (1 + any(10)) * USEC_PER_SEC;
    r->idempotent = any(2);
    r->unwrap_json = any(2);
    r->subpaths = any(2);
    r->replay_bytes = any(2) * 64 * 1024;
    r->breaker.failures = any(4);
    for (unsigned i = 0; i < BACKENDS; i++) {
        r->backends[i].priority = any(2);
        r->backends[i].weight = any(3);
    }
}

static void reloads(bool well) {
    struct scene *s = scene_copied();
    change_route(&s->route);
    if (one_in(4))
        s->gate = one_in(3) ? NULL : gate_made(any(9), 1 + any(4), any(20));
    if (!well && one_in(6))
        scene_is_emptied(s);
    scene_is_loaded(s);
}

/* Another worker */

static void on_guest_wake(struct gate_port *port) {
    (void)port;
    guests_granted++;
}

static void guests_go(void) {
    for (size_t i = 0; i < ARRAY_LEN(guests); i++)
        (void)gate_leave(&guests[i], world.loop.now);
    while (gate_take(&elsewhere, world.loop.now)) {
    }
}

static void guests_move(void) {
    struct gate_ticket *t = &guests[any(ARRAY_LEN(guests))];
    usec_t now = world.loop.now;
    if (t->place != GATE_OUTSIDE)
        (void)gate_leave(t, now);
    else if (one_in(2) &&
             gate_enter(&elsewhere, t, 99, 1 + any(7), any(BACKENDS), false, now) == GATE_FULL)
        assert_null(t->port);
    while (gate_take(&elsewhere, now)) {
    }
}

/* The game */

static void move(void) {
    struct player *p = some_player();
    struct conn *c = some_conn();
    world.told_count = 0;
    unsigned which = any(100);
    if (which < 14)
        comes();
    else if (which < 34 && p)
        sends(p);
    else if (which < 37 && p)
        goes(p, false);
    else if (which < 50 && p)
        takes(p);
    else if (which < 56)
        dials_something();
    else if (which < 76 && c)
        answers_something(c);
    else if (which < 80)
        supplies();
    else if (which < 82 || !world.gateway->config->route_count)
        reloads(false);
    else if (which < 85)
        guests_move();
    else if (which < 91)
        time_passes((usec_t)(1 + any(3000)) * USEC_PER_MS);
    else
        turn();
    if (one_in(20))
        world.refuse_dials = !world.refuse_dials;
}

/* Endpoints answer what came whole, as well as they can. */
static void all_answer(void) {
    for (int i = 1; i <= world.conn_count; i++) {
        struct conn *c = peer(i);
        if (c->closed || !c->ready)
            continue;
        c->send_fails = false;
        c->send_limit = SIZE_MAX;
        c->may_write = true;
        peer_sends(c, "");
        if (!c->closed && c->ready && c->sent.len > c->answered_to) {
            c->answered_to = c->sent.len;
            bool swagger = strstr(peer_got(c) + c->used_from, "swagger.json") != NULL;
            peer_sends(c, swagger ? gathered[any(4)] : one_in(2) ? OK : gathered[8]);
        }
    }
}

static unsigned left(void) {
    unsigned n = 0;
    for (size_t i = 0; i < PLAYERS; i++)
        n += players[i].c != NULL;
    return n;
}

/* From now on everything works, and everybody comes to an end in time. */
static void all_get_well(void) {
    guests_go();
    world.refuse_dials = false;
    reloads(true);
    for (unsigned i = 0; i < BACKENDS; i++)
        supply_comes_to(i, key_for(i));
    for (int round = 0; left() && round < 2000; round++) {
        world.told_count = 0;
        turn();
        all_answer();
        for (size_t i = 0; i < PLAYERS; i++) {
            if (players[i].c)
                sends(&players[i]);
            if (players[i].c)
                takes(&players[i]);
        }
        time_passes(100 * USEC_PER_MS);
    }
    assert_int_equal(left(), 0);
}

/* "key@HOST#" at HOST only. */
static void keys_stayed_where_they_belong(void) {
    for (int i = 1; i <= world.conn_count; i++) {
        struct conn *c = peer(i);
        char wanted[96];
        snprintf(wanted, sizeof wanted, "@%s#", c->host);
        for (const char *at = peer_got(c); (at = strstr(at, "key@")); at += 4)
            assert_memory_equal(at + 3, wanted, strlen(wanted));
        snprintf(wanted, sizeof wanted, "\r\nHost: %s\r\n", c->host);
        for (const char *at = peer_got(c); (at = strstr(at, "\r\nHost:")); at += 4)
            assert_memory_equal(at, wanted, strlen(wanted));
    }
}

static void nothing_is_left(void) {
    struct gate_figures figures;
    for (unsigned i = 0; i < world.gate_count; i++) {
        gate_look(world.gates[i], world.loop.now, &figures);
        assert_int_equal(figures.inside, 0);
        assert_int_equal(figures.waiting, 0);
    }
    assert_int_equal(world.gateway->in_flight, 0);
    gateway_free(&world.gateway);
    struct tally_sum *sum = malloc(sizeof *sum);
    tally_read(world.tally, sum);
    for (int i = 0; i < TALLY_GAUGES; i++)
        assert_int_equal(sum->gauges[i], 0);
    tally_read(world.others, sum);
    for (int i = 0; i < TALLY_GAUGES; i++)
        assert_int_equal(sum->gauges[i], 0);
    free(sum);
}

static void set_up(void) {
    static unsigned statuses[] = {429, 503, 500};
    static char *const headers[] = {(char *)(uintptr_t) "Authorization",
                                    (char *)(uintptr_t) "api-key",
                                    (char *)(uintptr_t) "x-functions-key"};
    world.route.retry = (struct retry_rules){.attempts = 3,
                                             .backoff = 100 * USEC_PER_MS,
                                             .max_backoff = USEC_PER_SEC,
                                             .max_wait = 60 * USEC_PER_SEC,
                                             .statuses = statuses,
                                             .status_count = ARRAY_LEN(statuses),
                                             .budget_percent = 20};
    world.route.breaker = (struct breaker_rules){.failures = 3,
                                                 .open = 500 * USEC_PER_MS,
                                                 .max_open = 4 * USEC_PER_SEC,
                                                 .recovery = 5 * USEC_PER_SEC};
    world.route.queue_timeout = 5 * USEC_PER_SEC;
    backends_are(BACKENDS);
    for (unsigned i = 0; i < BACKENDS; i++)
        world.list[i].auth.header = headers[i];
    world.gate = gate_made(any(9), 1 + any(4), 10);
    change_route(&world.route);
    gate_port_init(&elsewhere, world.gate, on_guest_wake);
    for (unsigned i = 0; i < BACKENDS; i++) {
        supply_unref(&world.supplies[i]);
        world.supplies[i] = one_in(3) ? supply_pending() : key_for(i);
    }
    gateway_restarts(supply_ref(world.supplies[0]));
}

static void random_moves(void **state) {
    for (int game = first_game; game < first_game + games; game++) {
        if (game > first_game)
            world_begin(state);
        random_begins((uint64_t)game);
        if (games == 1)
            print_message("game %d\n", game);
        set_up();
        for (int i = 0; i < MOVES; i++)
            move();
        all_get_well();
        gate_port_done(&elsewhere);
        keys_stayed_where_they_belong();
        nothing_is_left();
        if (game + 1 < first_game + games)
            world_end(state);
    }
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(random_moves, world_begin, world_end),
    };
    if (argc > 1)
        first_game = atoi(argv[1]), games = argc > 2 ? atoi(argv[2]) : 1;
    memset(filler, 'x', sizeof filler);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
