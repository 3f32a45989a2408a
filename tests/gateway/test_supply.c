/* SPDX-License-Identifier: MIT */
/* Requests that come before the endpoint or its credential, and what becomes of those on their way
 * when either is replaced. */
#include "expect.h"
#include "fake.h"

#include <stdlib.h>

static char filler[256 * 1024];

static void begin_pending(void) {
    gateway_restarts(supply_pending());
}

static unsigned waiting(void) {
    return world.gateway->routes[0]->waiting_count;
}

static void ends_well(struct caller *c, struct conn *conn) {
    peer_sends(conn, OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
}

static void ends_with(struct caller *c, unsigned status, const char *reason) {
    assert_problem(c, status, reason);
    caller_is_done(c, true);
    assert_int_equal(waiting(), 0);
}

/* Row K1: nobody is refused because the first token is still on its way. */
static void burst_waits_and_goes_on_in_order(void **state) {
    (void)state;
    struct caller *callers[1000];
    begin_pending();
    for (int i = 0; i < 1000; i++) {
        char body[32];
        snprintf(body, sizeof body, "number %d", i);
        callers[i] = caller_posts("/score", body);
    }
    assert_int_equal(world.conn_count, 0);
    supply_comes(supply_made("key", NULL));
    turn();
    assert_int_equal(world.conn_count, 1000);
    assert_int_equal(waiting(), 0);
    for (int i = 0; i < 1000; i++) {
        char body[32];
        snprintf(body, sizeof body, "\r\n\r\nnumber %d", i);
        assert_contains(peer_got(peer(i + 1)), body);
        assert_contains(peer_got(peer(i + 1)), "\r\nAuthorization: Bearer key\r\n");
        ends_well(callers[i], peer(i + 1));
    }
    assert_int_equal(world.told_count, 0);
}

static void queue_is_bounded(void **state) {
    (void)state;
    struct caller *callers[GATEWAY_WAITING_MAX];
    begin_pending();
    for (int i = 0; i < GATEWAY_WAITING_MAX; i++)
        callers[i] = caller_gets("/score");
    struct caller *more = caller_gets("/score");
    assert_problem(more, 503, "no_credential");
    assert_string_equal(reply_field(more, "Retry-After"), "1");
    caller_is_done(more, true);
    assert_int_equal(waiting(), GATEWAY_WAITING_MAX);
    caller_is_done(callers[7], false); /* leaves at once, and makes room for one */
    callers[7] = caller_gets("/score");
    assert_false(callers[7]->replied);
    supply_comes(supply_pending()); /* nothing changes, nobody loses its place */
    assert_int_equal(waiting(), GATEWAY_WAITING_MAX);
    supply_comes(supply_made("key", NULL));
    turn();
    for (int i = 0; i < GATEWAY_WAITING_MAX; i++) {
        int place = i < 7 ? i + 1 : i > 7 ? i : GATEWAY_WAITING_MAX;
        ends_well(callers[i], peer(place));
    }
}

/* Row K15. */
static void waiting_ends_with_the_response_timeout(void **state) {
    (void)state;
    begin_pending();
    struct caller *c = caller_posts("/score", "x");
    time_passes(100 * USEC_PER_SEC);
    supply_comes(supply_pending()); /* the time goes on */
    time_passes(90 * USEC_PER_SEC - 1);
    assert_false(c->replied);
    time_passes(1);
    ends_with(c, 504, "response_timeout");
    supply_comes(supply_made("key", NULL));
    turn();
    assert_int_equal(world.conn_count, 0);
}

static void who_waited_has_its_other_deadlines(void **state) {
    (void)state;
    begin_pending();
    struct caller *c = caller_posts("/score", "x");
    time_passes(100 * USEC_PER_SEC);
    supply_comes(supply_made("key", NULL));
    time_passes(5 * USEC_PER_SEC);
    ends_with(c, 504, "connect_timeout");
}

static void waiting_ends_with_the_total_timeout(void **state) {
    (void)state;
    world.route.total_timeout = 10 * USEC_PER_SEC;
    begin_pending();
    struct caller *c = caller_posts("/score", "x");
    time_passes(10 * USEC_PER_SEC);
    ends_with(c, 504, "total_timeout");
}

static void caller_gone_leaves_the_queue(void **state) {
    (void)state;
    begin_pending();
    struct caller *first = caller_posts("/score", "first");
    struct caller *second = caller_posts("/score", "second");
    caller_is_done(first, false);
    assert_int_equal(waiting(), 1);
    supply_comes(supply_made("key", NULL));
    turn();
    assert_int_equal(world.conn_count, 1);
    assert_contains(peer_got(peer(1)), "\r\n\r\nsecond");
    ends_well(second, peer(1));
}

static void refused_supply_fails_who_waits_and_who_comes(void **state) {
    (void)state;
    begin_pending();
    struct caller *c = caller_posts("/score", "x");
    supply_comes(supply_refused(REASON_token_rejected));
    ends_with(c, 502, "token_rejected");
    ends_with(caller_posts("/score", "x"), 502, "token_rejected");
    supply_comes(supply_refused(REASON_endpoint_not_found));
    ends_with(caller_gets("/score/swagger.json"), 502, "endpoint_not_found");
    assert_int_equal(world.conn_count, 0);
    supply_comes(supply_made("key", NULL));
    c = caller_gets("/score");
    ends_well(c, peer(1));
}

static void expired_credential_is_not_sent(void **state) {
    (void)state;
    struct supply *s = supply_made("old", NULL);
    s->expires = world.loop.now + 10 * USEC_PER_SEC;
    supply_comes(s);
    time_passes(10 * USEC_PER_SEC - 1);
    struct caller *last = caller_gets("/score");
    assert_contains(peer_got(peer(1)), "Bearer old");
    time_passes(1);
    struct caller *c = caller_gets("/score");
    assert_int_equal(waiting(), 1);
    assert_int_equal(world.conn_count, 1);
    ends_well(last, peer(1)); /* what is on its way is not touched */
    buf_clear(&peer(1)->sent);
    supply_comes(supply_made("new", NULL));
    turn();
    assert_contains(peer_got(peer(1)), "Bearer new"); /* on the connection that is warm */
    ends_well(c, peer(1));
}

static void credential_that_expires_while_dialling_is_not_sent(void **state) {
    (void)state;
    struct supply *s = supply_made("old", NULL);
    s->expires = world.loop.now + USEC_PER_SEC;
    supply_comes(s);
    world.refuse_dials = true;
    struct caller *c = caller_gets("/score");
    time_passes(USEC_PER_SEC);
    dial_succeeds();
    assert_string_equal(peer_got(peer(1)), "");
    assert_int_equal(waiting(), 1);
    world.refuse_dials = false;
    supply_comes(supply_made("new", NULL));
    turn();
    assert_contains(peer_got(peer(2)), "Bearer new");
    ends_well(c, peer(2));
}

static void newest_credential_is_sent_after_dialling(void **state) {
    (void)state;
    world.refuse_dials = true;
    struct caller *c = caller_gets("/score");
    supply_comes(supply_made("newer", NULL));
    dial_succeeds();
    assert_contains(peer_got(peer(1)), "Bearer newer");
    ends_well(c, peer(1));
}

static void same_endpoint_keeps_its_connections(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    ends_well(c, peer(1));
    supply_comes(supply_made("new", NULL));
    assert_false(peer(1)->closed);
    buf_clear(&peer(1)->sent);
    c = caller_gets("/score");
    assert_int_equal(world.conn_count, 1);
    assert_contains(peer_got(peer(1)), "Bearer new");
    ends_well(c, peer(1));
}

static void another_endpoint_takes_over(void **state) {
    (void)state;
    struct caller *warm = caller_gets("/score"), *busy = caller_gets("/score");
    ends_well(warm, peer(1));
    endpoint_moves("moved.example", "moved.example");
    supply_comes(supply_made("moved-key", NULL));
    assert_true(peer(1)->closed);
    struct caller *c = caller_gets("/score");
    assert_string_equal(peer(3)->host, "moved.example");
    assert_contains(peer_got(peer(3)), "Host: moved.example\r\n");
    assert_contains(peer_got(peer(3)), "Bearer moved-key");
    assert_false(peer(2)->closed);
    assert_lacks(peer_got(peer(2)), "moved-key");
    ends_well(busy, peer(2)); /* in peace, but its connection is not kept */
    assert_true(peer(2)->closed);
    ends_well(c, peer(3));
    assert_false(peer(3)->closed);
}

/* The old pool lives as long as an answer that streams out of it. */
static void old_endpoint_lives_while_it_answers(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\n\r\npart");
    endpoint_moves("second.example", "second.example");
    supply_comes(supply_made("key", NULL));
    endpoint_moves("third.example", "third.example");
    supply_comes(supply_made("key", NULL));
    ssize_t result;
    assert_string_equal(caller_pulls(c, &result), "part");
    peer_sends(peer(1), "more");
    peer_closes(peer(1), CONN_END);
    assert_string_equal(caller_pulls(c, &result), "more");
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
}

static void endpoint_that_moves_before_the_start(void **state) {
    (void)state;
    struct caller *c = caller_begins("GET", "/score", NULL);
    caller_ends(c);
    endpoint_moves("moved.example", "moved.example");
    supply_comes(supply_made("moved-key", NULL));
    turn();
    assert_string_equal(peer(1)->host, "moved.example");
    assert_contains(peer_got(peer(1)), "GET /v1/score HTTP/1.1\r\nHost: moved.example\r\n");
    assert_lacks(peer_got(peer(1)), "endpoint.example");
    assert_contains(peer_got(peer(1)), "Bearer moved-key");
    ends_well(c, peer(1));
}

static struct caller *moves_while_dialling(void) {
    world.refuse_dials = true;
    struct caller *c = caller_posts("/score", "body");
    endpoint_moves("moved.example", "moved.example");
    supply_comes(supply_made("moved-key", NULL));
    return c;
}

static void goes_to_the_new_endpoint(struct caller *c) {
    assert_false(c->replied);
    world.refuse_dials = false;
    turn();
    assert_string_equal(peer(0)->host, "moved.example");
    assert_contains(peer_got(peer(0)), "POST /v1/score HTTP/1.1\r\nHost: moved.example\r\n"
                                       "Content-Type: application/json\r\n");
    assert_contains(peer_got(peer(0)), "Bearer moved-key");
    assert_contains(peer_got(peer(0)), "\r\n\r\nbody");
    ends_well(c, peer(0));
}

static void connection_to_the_old_endpoint_is_not_used(void **state) {
    (void)state;
    struct caller *c = moves_while_dialling();
    dial_succeeds();
    assert_string_equal(peer_got(peer(1)), "");
    assert_true(peer(1)->closed);
    goes_to_the_new_endpoint(c);
}

static void failed_dial_to_the_old_endpoint_is_forgiven(void **state) {
    (void)state;
    struct caller *c = moves_while_dialling();
    dial_fails(REASON_dns_error);
    goes_to_the_new_endpoint(c);
}

static void connect_timeout_of_the_old_endpoint_is_forgiven(void **state) {
    (void)state;
    struct caller *c = moves_while_dialling();
    time_passes(5 * USEC_PER_SEC);
    assert_false(c->replied);
    time_passes(5 * USEC_PER_SEC); /* that of the new one is not */
    ends_with(c, 504, "connect_timeout");
}

static void endpoint_that_moves_twice(void **state) {
    (void)state;
    struct caller *c = moves_while_dialling();
    dial_succeeds();
    endpoint_moves("moved.example", "moved.example");
    supply_comes(supply_made("moved-key", NULL));
    dial_succeeds();
    goes_to_the_new_endpoint(c);
}

static void endpoint_that_is_lost_while_dialling(void **state) {
    (void)state;
    world.refuse_dials = true;
    struct caller *c = caller_gets("/score");
    supply_comes(supply_refused(REASON_endpoint_not_found));
    dial_succeeds();
    ends_with(c, 502, "endpoint_not_found");
    assert_string_equal(peer_got(peer(1)), "");
}

/* The head that an endpoint gets from a request that waited for its name is that of any other. */
static void compare_heads(const char *method, const char *target, bool chunked) {
    const char *fields[] = {"X-Ms-Client-Request-Id: the-id",
                            "Accept: application/json",
                            "User-Agent: test",
                            "Authorization: Basic callers",
                            chunked ? "Transfer-Encoding: chunked" : "X-Other: y",
                            NULL};
    struct buf early;
    buf_init(&early, 64 * 1024);
    for (int late = 0; late < 2; late++) {
        gateway_restarts(late ? supply_pending() : supply_made("key", NULL));
        struct caller *c = caller_begins(method, target, fields);
        if (!chunked)
            caller_ends(c);
        turn();
        if (late)
            supply_comes(supply_made("key", NULL));
        turn();
        if (late)
            assert_string_equal(peer_got(peer(0)), buf_text(&early).at);
        else
            buf_add_string(&early, peer_got(peer(0)));
        caller_is_done(c, false);
    }
    assert_true(early.len > 100);
    buf_done(&early);
}

static void late_endpoint_gets_the_same_head(void **state) {
    (void)state;
    route_table_free(&world.config.table);
    world.config.table = route_table_new();
    assert_true(route_table_add(world.config.table, TEXT("/score"), true, 0));
    struct config_header header = {(char *)(uintptr_t) "X-Set", (char *)(uintptr_t) "by the route"};
    world.route.set_headers = &header;
    world.route.set_header_count = 1;
    world.route.own.deployment = (char *)(uintptr_t) "blue";
    compare_heads("GET", "/score?a=1&b=2", false);
    compare_heads("HEAD", "/score", false);
    compare_heads("POST", "/score/below/it?x", true);
    compare_heads("GET", "/score/swagger.json", false);
    endpoint_moves("endpoint.example", "elsewhere.example");
    compare_heads("GET", "/score/swagger.json", false);
}

static void head_request_waits_too(void **state) {
    (void)state;
    begin_pending();
    struct caller *c = caller_begins("HEAD", "/score", NULL);
    caller_ends(c);
    turn();
    supply_comes(supply_made("key", NULL));
    turn();
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n");
    assert_int_equal(c->length, 12345);
    caller_is_done(c, true);
}

/* The endpoint is known, its key is not. */
static void pending_key_of_a_known_endpoint(void **state) {
    (void)state;
    struct supply *s = supply_pending();
    s->endpoint = endpoint_ref(world.endpoint);
    gateway_restarts(s);
    struct caller *c = caller_gets("/score");
    assert_int_equal(waiting(), 1);
    supply_comes(supply_made("key", NULL));
    turn();
    assert_contains(peer_got(peer(1)), "GET /v1/score HTTP/1.1\r\nHost: endpoint.example\r\n");
    assert_contains(peer_got(peer(1)), "Bearer key");
    ends_well(c, peer(1));
}

static void chunked_body_that_ends_while_waiting_gets_a_length(void **state) {
    (void)state;
    const char *fields[] = {"Transfer-Encoding: chunked", NULL};
    begin_pending();
    struct caller *c = caller_begins("POST", "/score", fields);
    assert_int_equal(caller_sends(c, "abc", 3), 3);
    turn();
    caller_ends(c);
    supply_comes(supply_made("key", NULL));
    turn();
    assert_contains(peer_got(peer(1)), "Content-Length: 3\r\n\r\nabc");
    assert_lacks(peer_got(peer(1)), "chunked");
    ends_well(c, peer(1));
}

/* Only what came with the head is here meanwhile. */
static void body_stays_with_the_caller_while_waiting(void **state) {
    (void)state;
    const char *fields[] = {"Transfer-Encoding: chunked", NULL};
    begin_pending();
    world.route.replay_bytes = 100 * 1024;
    struct caller *c = caller_begins("POST", "/score", fields);
    assert_int_equal(caller_sends(c, filler, 10 * 1024), 10 * 1024);
    turn();
    assert_int_equal(caller_sends(c, filler, 1024), 0);
    assert_false(c->wants_body);
    supply_comes(supply_made("key", NULL));
    turn();
    assert_true(c->wants_body);
    assert_int_equal(caller_sends(c, filler, 1024), 1024);
    caller_ends(c);
    assert_contains(peer_got(peer(1)), "Transfer-Encoding: chunked\r\n");
    struct buf *sent = &peer(1)->sent;
    assert_true(sent->len > 11 * 1024);
    assert_memory_equal(sent->at + sent->len - 7, "\r\n0\r\n\r\n", 7);
    ends_well(c, peer(1));
}

static void large_body_waits_with_the_caller(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 200000", NULL};
    begin_pending();
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    assert_int_equal(caller_sends(c, filler, 200000), 0);
    supply_comes(supply_made("key", NULL));
    turn();
    assert_true(c->wants_body);
    assert_int_equal(caller_sends(c, filler, 200000), 200000);
    caller_ends(c);
    assert_contains(peer_got(peer(1)), "Content-Length: 200000\r\n\r\n");
    const char *body = strstr(peer_got(peer(1)), "\r\n\r\n") + 4;
    struct buf *sent = &peer(1)->sent;
    assert_int_equal(sent->len - (size_t)(body - sent->at), 200000);
    assert_memory_equal(body, filler, 200000);
    ends_well(c, peer(1));
}

static void body_that_is_too_large_is_refused_before_it_waits(void **state) {
    (void)state;
    const char *fields[] = {"Transfer-Encoding: chunked", NULL};
    begin_pending();
    world.route.body_bytes = 1000;
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, filler, 1001);
    ends_with(c, 413, "body_too_large");
}

static void draining_worker_finishes_who_waits(void **state) {
    (void)state;
    begin_pending();
    struct caller *first = caller_gets("/score"), *second = caller_gets("/score");
    world.gateway->draining = true;
    supply_comes(supply_made("key", NULL));
    turn();
    peer_sends(peer(1), OK);
    assert_int_equal(first->status, 200);
    assert_true(first->close);
    caller_is_done(first, true);
    caller_is_done(second, false); /* cut, as when the drain time is over */
}

static void who_waits_when_the_worker_quits_is_cut(void **state) {
    (void)state;
    begin_pending();
    struct caller *c = caller_gets("/score");
    caller_is_done(c, false);
    assert_int_equal(waiting(), 0);
    gateway_restarts(supply_pending()); /* frees the old one */
}

static void fill(void) {
    for (size_t i = 0; i < sizeof filler; i++)
        filler[i] = (char)('a' + i % 23);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(burst_waits_and_goes_on_in_order),
        TEST(queue_is_bounded),
        TEST(waiting_ends_with_the_response_timeout),
        TEST(who_waited_has_its_other_deadlines),
        TEST(waiting_ends_with_the_total_timeout),
        TEST(caller_gone_leaves_the_queue),
        TEST(refused_supply_fails_who_waits_and_who_comes),
        TEST(expired_credential_is_not_sent),
        TEST(credential_that_expires_while_dialling_is_not_sent),
        TEST(newest_credential_is_sent_after_dialling),
        TEST(same_endpoint_keeps_its_connections),
        TEST(another_endpoint_takes_over),
        TEST(old_endpoint_lives_while_it_answers),
        TEST(endpoint_that_moves_before_the_start),
        TEST(connection_to_the_old_endpoint_is_not_used),
        TEST(failed_dial_to_the_old_endpoint_is_forgiven),
        TEST(connect_timeout_of_the_old_endpoint_is_forgiven),
        TEST(endpoint_that_moves_twice),
        TEST(endpoint_that_is_lost_while_dialling),
        TEST(late_endpoint_gets_the_same_head),
        TEST(head_request_waits_too),
        TEST(pending_key_of_a_known_endpoint),
        TEST(chunked_body_that_ends_while_waiting_gets_a_length),
        TEST(body_stays_with_the_caller_while_waiting),
        TEST(large_body_waits_with_the_caller),
        TEST(body_that_is_too_large_is_refused_before_it_waits),
        TEST(draining_worker_finishes_who_waits),
        TEST(who_waits_when_the_worker_quits_is_cut),
    };
    fill();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
