/* SPDX-License-Identifier: MIT */
/* Routes with several backends: who gets a request, what happens when one fails, and that each
 * keeps its credential for itself. */
#include "expect.h"
#include "fake.h"

#include <stdlib.h>

#define BUSY   "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
#define DENIED "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"

static void prepare(unsigned n) {
    world.route.queue_timeout = 10 * USEC_PER_SEC;
    retries_usual(4, 100);
    breaker_usual();
    backends_are(n);
}

/* The second is for when the first fails. */
static void begin_ordered(void) {
    prepare(2);
    world.list[1].priority = 1;
    gateway_restarts_whole();
}

static bool is_at(const struct conn *c, unsigned backend) {
    return c && strcmp(c->host, host_of(backend)) == 0;
}

static void is_served_at(struct caller *c, const char *word, unsigned backend) {
    assert_true(is_at(conn_with(word), backend));
    is_served(c, conn_with(word));
}

static void lowest_priority_serves(void **state) {
    (void)state;
    begin_ordered();
    for (int i = 0; i < 10; i++) {
        struct caller *c = caller_gets("/score?word");
        is_served_at(c, "?word", 0);
    }
    assert_int_equal(world.conn_count, 1);
    assert_all_over();
}

static void goes_elsewhere_at_once(void **state) {
    (void)state;
    begin_ordered();
    host_is_down(host_of(0), REASON_connection_refused);
    struct caller *c = caller_posts("/score", "body");
    is_served_at(c, "body", 1); /* not a moment later */
    host_is_down(host_of(0), REASON_certificate_error);
    c = caller_posts("/score", "body");
    is_served_at(c, "body", 1); /* though it is no use trying that one again */
    assert_all_over();
}

/* Which has not had it yet. */
static void no_budget_keeps_it_from_another_that_is_up(void **state) {
    (void)state;
    prepare(2);
    world.list[1].priority = 1;
    world.route.retry.budget_percent = 0;
    world.route.breaker.failures = 0; /* it would see to that */
    gateway_restarts_whole();
    host_is_down(host_of(0), REASON_connection_refused);
    for (int i = 0; i < 60; i++)
        is_served_at(caller_posts("/score", "body"), "body", 1);
    assert_all_over();
}

static void connect_timeout_goes_elsewhere(void **state) {
    (void)state;
    begin_ordered();
    world.refuse_dials = true;
    struct caller *c = caller_posts("/score", "body");
    assert_int_equal(dials_waiting(host_of(0)), 1);
    time_passes(world.route.connect_timeout);
    assert_int_equal(dials_waiting(host_of(0)), 0);
    assert_int_equal(dials_waiting(host_of(1)), 1);
    world.refuse_dials = false;
    turn();
    is_served_at(c, "body", 1);
    assert_all_over();
}

static void busy_one_goes_elsewhere_at_once(void **state) {
    (void)state;
    static const char *const busy[] = {
        "HTTP/1.1 429 No\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 No\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"};
    begin_ordered();
    for (int i = 0; i < 2; i++) {
        struct caller *c = caller_posts("/score", "body");
        assert_true(is_at(conn_with("body"), 0));
        peer_sends(conn_with("body"), busy[i]);
        turn();
        is_served_at(c, "body", 1);
    }
    assert_all_over();
}

/* With nobody left to try, it rests; then any of them will do. */
static void all_busy(void **state) {
    (void)state;
    begin_ordered();
    struct caller *c = caller_gets("/score?word");
    peer_sends(conn_with("?word"), BUSY);
    turn();
    peer_sends(conn_with("?word"), BUSY);
    turn();
    assert_null(conn_with("?word"));
    assert_false(c->replied);
    later(200 * USEC_PER_MS);
    is_served_at(c, "?word", 0);
    assert_all_over();
}

static void large_body_goes_elsewhere_if_nothing_was_sent(void **state) {
    (void)state;
    static char body[200000];
    const char *fields[] = {"Content-Length: 200000", NULL};
    begin_ordered();
    host_is_down(host_of(0), REASON_connection_refused);
    struct caller *c = caller_begins("POST", "/score", fields);
    size_t taken = caller_sends(c, body, sizeof body);
    turn();
    while (taken < sizeof body)
        taken += caller_sends(c, body + taken, sizeof body - taken);
    caller_ends(c);
    is_served_at(c, "Content-Length: 200000", 1);
    assert_all_over();
}

static void weights_are_shares(void **state) {
    (void)state;
    prepare(3);
    world.list[0].weight = 5;
    world.list[1].weight = 3;
    world.list[2].weight = 0; /* only if there is nobody else */
    gateway_restarts_whole();
    unsigned count[3] = {0};
    for (int i = 0; i < 80; i++) {
        struct caller *c = caller_gets("/score?word");
        for (unsigned b = 0; b < 3; b++)
            count[b] += is_at(conn_with("?word"), b);
        is_served(c, conn_with("?word"));
    }
    assert_int_equal(count[0], 50);
    assert_int_equal(count[1], 30);
    host_is_down(host_of(0), REASON_connection_refused);
    host_is_down(host_of(1), REASON_connection_refused);
    later(USEC_PER_MS);
    /* Both warm connections are dead; one of them is tried. */
    struct caller *c = caller_gets("/score?word");
    for (int i = 1; i <= world.conn_count; i++)
        peer_closes(peer(i), CONN_END);
    turn();
    is_served_at(c, "?word", 2);
    assert_all_over();
}

/* The breaker */

static void fails(unsigned backend, unsigned n) {
    host_is_down(host_of(backend), REASON_connection_refused);
    while (n--) {
        struct caller *c = caller_gets("/score?word");
        if (conn_with("?word"))
            is_served(c, conn_with("?word"));
        else
            is_refused(c, 502, "connection_refused");
    }
    host_is_down(host_of(backend), REASON_NONE);
}

static void breaker_opens_after_requests_not_attempts(void **state) {
    (void)state;
    prepare(1);
    gateway_restarts_whole();
    host_is_down(host_of(0), REASON_connection_refused);
    struct caller *c[3];
    for (int i = 0; i < 2; i++) { /* four attempts each */
        c[i] = caller_gets("/score");
        for (int k = 0; k < 5; k++)
            later(USEC_PER_SEC);
        is_refused(c[i], 502, "connection_refused");
    }
    c[0] = caller_gets("/score");
    assert_false(c[0]->replied); /* the third fails, and opens it */
    c[1] = caller_gets("/score");
    assert_non_null(reply_field(c[1], "Retry-After"));
    assert_in_range(atoi(reply_field(c[1], "Retry-After")), 9, 11);
    is_refused(c[1], 503, "breaker_open");
    later(100 * USEC_PER_MS);
    is_refused(c[0], 503, "breaker_open");
    assert_all_over();
}

static void open_one_is_left_out(void **state) {
    (void)state;
    static struct tally_sum sum;
    begin_ordered();
    fails(0, 3);
    tally_read(world.tally, &sum);
    assert_int_equal(sum.backends[0], TALLY_OPEN);
    struct caller *c = caller_gets("/score?word");
    assert_int_equal(dials_waiting(host_of(0)), 0);
    is_served_at(c, "?word", 1);
    assert_all_over();
}

static void short_rest_instead_of_a_refusal(void **state) {
    (void)state;
    prepare(1);
    world.route.breaker.open = 500 * USEC_PER_MS;
    world.route.retry.attempts = 1;
    gateway_restarts_whole();
    fails(0, 3);
    struct caller *c = caller_gets("/score?word");
    assert_false(c->replied);
    assert_null(conn_with("?word"));
    later(550 * USEC_PER_MS);
    is_served_at(c, "?word", 0);
    assert_all_over();
}

/* While one request is under way to see, the others wait for a moment. */
static void others_wait_for_the_probe(void **state) {
    (void)state;
    static struct tally_sum sum;
    prepare(1);
    world.route.retry.attempts = 1;
    gateway_restarts_whole();
    fails(0, 3);
    later(11 * USEC_PER_SEC);
    struct caller *probe = caller_posts("/score", "probe");
    struct caller *other = caller_gets("/score?other");
    /* A connection is proof enough where there was none. */
    assert_non_null(conn_with("probe"));
    tally_read(world.tally, &sum);
    assert_int_equal(sum.backends[0], TALLY_CLOSED);
    is_served(other, conn_with("?other"));
    is_served(probe, conn_with("probe"));
    assert_all_over();
}

static void others_wait_for_the_answer_of_the_probe(void **state) {
    (void)state;
    static struct tally_sum sum;
    prepare(1);
    world.route.retry.attempts = 1;
    gateway_restarts_whole();
    for (int i = 0; i < 3; i++) {
        struct caller *c = caller_gets("/score?word");
        peer_sends(conn_with("?word"), BUSY);
        is_answered(c, 503);
    }
    is_refused(caller_gets("/score"), 503, "breaker_open");
    later(11 * USEC_PER_SEC);
    struct caller *probe = caller_gets("/score?probe");
    last_byte_follows();
    assert_non_null(conn_with("?probe"));
    tally_read(world.tally, &sum);
    assert_int_equal(sum.backends[0], TALLY_PROBING);
    struct caller *second = caller_gets("/score?second"), *third = caller_gets("/score?third");
    later(50 * USEC_PER_MS);
    assert_null(conn_with("?second"));
    caller_is_done(probe, false); /* says nothing; another one sees */
    later(50 * USEC_PER_MS);
    last_byte_follows();
    struct conn *next = conn_with("?second") ? conn_with("?second") : conn_with("?third");
    assert_non_null(next);
    assert_true(!conn_with("?second") || !conn_with("?third"));
    peer_sends(next, OK);
    later(50 * USEC_PER_MS);
    last_byte_follows();
    peer_sends(conn_with(second->replied ? "?third" : "?second"), OK);
    is_answered(second, 200);
    is_answered(third, 200);
    tally_read(world.tally, &sum);
    assert_int_equal(sum.backends[0], TALLY_CLOSED);
    assert_all_over();
}

/* The verdict of a slow model is waited for as long as one would queue for it. */
static void slow_probe_keeps_others_as_a_queue_would(void **state) {
    (void)state;
    prepare(1);
    world.route.retry.attempts = 1;
    world.route.queue_timeout = 10 * USEC_PER_SEC;
    gateway_restarts_whole();
    for (int i = 0; i < 3; i++) {
        struct caller *c = caller_gets("/score?word");
        peer_sends(conn_with("?word"), BUSY);
        is_answered(c, 503);
    }
    later(11 * USEC_PER_SEC);
    struct caller *probe = caller_gets("/score?probe"), *other = caller_gets("/score?other");
    for (int i = 0; i < 199; i++)
        later(50 * USEC_PER_MS);
    assert_false(other->replied);
    for (int i = 0; i < 3; i++)
        later(50 * USEC_PER_MS);
    is_refused(other, 503, "breaker_open");
    is_served(probe, conn_with("?probe"));
    assert_all_over();
}

static void one_that_is_back_begins_gently(void **state) {
    (void)state;
    prepare(2);
    world.route.retry.attempts = 4;
    gateway_restarts_whole();
    fails(0, 6);
    later(11 * USEC_PER_SEC);
    unsigned first = 0, second = 0;
    for (int i = 0; i < 100; i++) {
        struct caller *c = caller_gets("/score?word");
        last_byte_follows();
        first += is_at(conn_with("?word"), 0);
        is_served(c, conn_with("?word"));
    }
    for (int i = 0; i < 10; i++)
        later(USEC_PER_SEC);
    for (int i = 0; i < 100; i++) {
        struct caller *c = caller_gets("/score?word");
        last_byte_follows();
        second += is_at(conn_with("?word"), 0);
        is_served(c, conn_with("?word"));
    }
    assert_in_range(first, 5, 35);
    assert_in_range(second, 49, 51);
    assert_all_over();
}

/* Credentials */

static void begin_different(void) {
    prepare(2);
    world.list[0].deployment = (char *)(uintptr_t) "blue";
    world.list[1].deployment = (char *)(uintptr_t) "green";
    world.list[1].auth.header = (char *)(uintptr_t) "api-key";
    world.list[1].auth.prefix = (char *)(uintptr_t) "";
    world.list[1].priority = 1;
    gateway_restarts_whole();
}

static void each_gets_its_own_head(void **state) {
    (void)state;
    const char *fields[] = {"api-key: the caller's", "Authorization: Basic callers",
                            "azureml-model-deployment: callers", NULL};
    begin_different();
    struct caller *c = caller_begins("GET", "/score?word", fields);
    caller_ends(c);
    turn();
    struct conn *first = conn_with("?word");
    assert_contains(peer_got(first), "\r\nHost: one.example\r\nazureml-model-deployment: blue\r\n");
    assert_contains(peer_got(first), "\r\nAuthorization: Bearer key-1\r\n");
    assert_lacks(peer_got(first), "api-key");
    assert_lacks(peer_got(first), "callers");
    peer_sends(first, BUSY);
    turn();
    struct conn *second = conn_with("?word");
    assert_contains(peer_got(second),
                    "\r\nHost: two.example\r\nazureml-model-deployment: green\r\n");
    assert_contains(peer_got(second), "\r\napi-key: key-2\r\n");
    assert_lacks(peer_got(second), "key-1");
    assert_lacks(peer_got(second), "Authorization");
    assert_lacks(peer_got(second), "caller's");
    assert_lacks(peer_got(second), "callers");
    is_served(c, second);
    assert_all_over();
}

/* A refused key is one backend's affair. */
static void refusal_at_one_does_not_touch_the_other(void **state) {
    (void)state;
    begin_different();
    struct caller *c = caller_gets("/score?word");
    peer_sends(conn_with("?word"), DENIED);
    turn();
    assert_int_equal(world.told_count, 1);
    assert_int_equal(world.told[0].backend, 0);
    assert_contains(peer_got(conn_with("?word")), "\r\napi-key: key-2\r\n");
    is_served_at(c, "?word", 1);
    /* The next one tries again with a new key. */
    supply_comes_to(0, supply_for(0, "key-1b", NULL));
    c = caller_gets("/score?word");
    assert_contains(peer_got(conn_with("?word")), "Bearer key-1b");
    is_served_at(c, "?word", 0);
    assert_int_equal(world.told_count, 1);
    assert_all_over();
}

static void pending_one_waits_for_nobody(void **state) {
    (void)state;
    begin_different();
    supply_comes_to(0, supply_pending());
    struct caller *c = caller_gets("/score?word");
    is_served_at(c, "?word", 1);
    supply_comes_to(1, supply_pending());
    c = caller_gets("/score?word");
    assert_int_equal(world.gateway->routes[0]->waiting_count, 1);
    supply_comes_to(1, supply_for(1, "key-2b", NULL));
    turn();
    assert_contains(peer_got(conn_with("?word")), "api-key: key-2b");
    is_served_at(c, "?word", 1);
    assert_all_over();
}

/* The breaker of one is no reason to refuse what another one will serve in a moment. */
static void pending_one_is_waited_for_while_a_breaker_is_open(void **state) {
    (void)state;
    begin_ordered();
    fails(0, 3);
    supply_comes_to(1, supply_pending());
    struct caller *c = caller_gets("/score?word");
    for (int i = 0; i < 3; i++)
        later(USEC_PER_SEC);
    assert_false(c->replied);
    supply_comes_to(1, supply_for(1, "key-2b", NULL));
    later(USEC_PER_SEC);
    last_byte_follows();
    assert_contains(peer_got(conn_with("?word")), "Bearer key-2b");
    is_served_at(c, "?word", 1);
    assert_all_over();
}

static void refused_one_is_left_out(void **state) {
    (void)state;
    begin_different();
    supply_comes_to(0, supply_refused(REASON_token_rejected));
    struct caller *c = caller_gets("/score?word");
    is_served_at(c, "?word", 1);
    supply_comes_to(1, supply_pending());
    c = caller_gets("/score?word");
    assert_false(c->replied); /* the other one may still come */
    supply_comes_to(1, supply_refused(REASON_endpoint_not_found));
    assert_problem(c, 502, "token_rejected");
    caller_is_done(c, true);
    assert_all_over();
}

static void expired_one_is_left_out(void **state) {
    (void)state;
    begin_different();
    struct supply *s = supply_for(0, "short", NULL);
    s->expires = world.loop.now + USEC_PER_SEC;
    supply_comes_to(0, s);
    struct caller *c = caller_gets("/score?word");
    is_served_at(c, "?word", 0);
    later(USEC_PER_SEC);
    c = caller_gets("/score?word");
    is_served_at(c, "?word", 1);
    assert_all_over();
}

/* To another place, while a connection to the old one is made: the other backend is not asked. */
static void endpoint_that_moves(void **state) {
    (void)state;
    begin_different();
    world.refuse_dials = true;
    struct caller *c = caller_gets("/score?word");
    endpoint_moves("moved.example", "moved.example");
    supply_comes_to(0, supply_made("key-moved", NULL));
    dial_succeeds();
    assert_string_equal(peer_got(peer(1)), "");
    world.refuse_dials = false;
    turn();
    assert_string_equal(conn_with("?word")->host, "moved.example");
    assert_contains(peer_got(conn_with("?word")), "Bearer key-moved");
    is_served(c, conn_with("?word"));
    assert_all_over();
}

static void swagger_carries_the_right_key_too(void **state) {
    (void)state;
    begin_different();
    host_is_down(host_of(0), REASON_connection_refused);
    struct caller *c = caller_gets("/score/swagger.json");
    assert_contains(peer_got(peer(0)), "GET /v1/swagger.json HTTP/1.1\r\nHost: two.example\r\n");
    assert_contains(peer_got(peer(0)), "api-key: key-2\r\n");
    assert_lacks(peer_got(peer(0)), "key-1");
    is_served(c, peer(0));
    assert_all_over();
}

/* Lanes */

/* Full is not failed: it waits, or goes where there is room at the same priority. */
static void full_one_leaves_it_to_its_equal(void **state) {
    (void)state;
    prepare(2);
    world.gate = gate_made(0, 1, 10);
    gateway_restarts_whole();
    struct caller *c[4];
    c[0] = caller_gets("/score?c0");
    c[1] = caller_gets("/score?c1");
    assert_string_not_equal(conn_with("?c0")->host, conn_with("?c1")->host);
    c[2] = caller_gets("/score?c2");
    c[3] = caller_gets("/score?c3");
    struct conn *freed = conn_with("?c1");
    is_served(c[1], freed);
    assert_ptr_equal(conn_with("?c2"), freed);
    is_served(c[2], freed);
    is_served(c[3], freed);
    is_served(c[0], conn_with("?c0"));
    assert_all_over();
}

/* Whoever queues for a backend whose breaker opens goes to the other one. */
static void queue_moves_on_when_a_breaker_opens(void **state) {
    (void)state;
    prepare(2);
    world.list[1].priority = 1;
    world.route.breaker.failures = 1;
    world.gate = gate_made(0, 1, 10);
    gateway_restarts_whole();
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    assert_null(conn_with("?second"));
    peer_closes(conn_with("?first"), CONN_FAILED);
    turn();
    assert_true(is_at(conn_with("?second"), 1) || is_at(conn_with("?first"), 1));
    if (conn_with("?second"))
        is_served_at(second, "?second", 1);
    later(100 * USEC_PER_MS);
    is_served_at(first, "?first", 1);
    assert_all_over();
}

/* Whoever is let in where it cannot be served any more keeps its turn for the other one. */
static void turn_is_kept_when_the_backend_cannot_be_used(void **state) {
    (void)state;
    prepare(2);
    world.list[1].priority = 1;
    world.gate = gate_made(0, 1, 10);
    gateway_restarts_whole();
    struct supply *s = supply_for(0, "short", NULL);
    s->expires = world.loop.now + USEC_PER_SEC;
    supply_comes_to(0, s);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    struct caller *third = caller_gets("/score?third");
    later(USEC_PER_SEC);
    struct caller *fourth = caller_gets("/score?fourth"), *fifth = caller_gets("/score?fifth");
    is_served_at(first, "?first", 0);
    is_served_at(fourth, "?fourth", 1);
    is_served_at(second, "?second", 1);
    is_served_at(third, "?third", 1);
    is_served_at(fifth, "?fifth", 1);
    assert_all_over();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(lowest_priority_serves),
        TEST(goes_elsewhere_at_once),
        TEST(connect_timeout_goes_elsewhere),
        TEST(busy_one_goes_elsewhere_at_once),
        TEST(all_busy),
        TEST(large_body_goes_elsewhere_if_nothing_was_sent),
        TEST(no_budget_keeps_it_from_another_that_is_up),
        TEST(weights_are_shares),
        TEST(breaker_opens_after_requests_not_attempts),
        TEST(open_one_is_left_out),
        TEST(short_rest_instead_of_a_refusal),
        TEST(others_wait_for_the_probe),
        TEST(others_wait_for_the_answer_of_the_probe),
        TEST(slow_probe_keeps_others_as_a_queue_would),
        TEST(one_that_is_back_begins_gently),
        TEST(each_gets_its_own_head),
        TEST(refusal_at_one_does_not_touch_the_other),
        TEST(pending_one_waits_for_nobody),
        TEST(pending_one_is_waited_for_while_a_breaker_is_open),
        TEST(refused_one_is_left_out),
        TEST(expired_one_is_left_out),
        TEST(endpoint_that_moves),
        TEST(swagger_carries_the_right_key_too),
        TEST(full_one_leaves_it_to_its_equal),
        TEST(queue_moves_on_when_a_breaker_opens),
        TEST(turn_is_kept_when_the_backend_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
