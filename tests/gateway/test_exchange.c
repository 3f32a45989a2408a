/* SPDX-License-Identifier: MIT */
/* The exchange between a fake front and a fake upstream, with time moved by hand. */
#include "expect.h"
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A first request on a new connection, which ends idle in the pool. */
static void warm_up(void) {
    struct caller *c = caller_posts("/score", "warm");
    peer_sends(peer(0), OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
    buf_clear(&peer(1)->sent);
}

static void request_and_answer(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score?a=1", "{\"data\":[]}");
    const char *got = peer_got(peer(1));
    assert_contains(got, "POST /v1/score?a=1 HTTP/1.1\r\nHost: endpoint.example\r\n");
    assert_contains(got, "\r\nAuthorization: Bearer primary-key\r\n");
    assert_contains(got, "\r\nContent-Length: 11\r\n\r\n{\"data\":[]}");
    assert_contains(got, "\r\nVia: 1.1 scoregate\r\n");
    assert_false(c->replied);
    peer_sends(peer(1), OK);
    assert_int_equal(c->status, 200);
    assert_true(c->whole);
    assert_int_equal(c->whole_body.len, 2);
    assert_string_equal(reply_field(c, "Cache-Control"), "no-store");
    assert_non_null(reply_field(c, "x-ms-client-request-id"));
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
}

static void connection_is_used_again(void **state) {
    (void)state;
    warm_up();
    struct caller *c = caller_posts("/score", "two");
    assert_int_equal(world.conn_count, 1);
    assert_contains(peer_got(peer(1)), "\r\n\r\ntwo");
    peer_sends(peer(1), OK);
    caller_is_done(c, true);
}

static void no_route(void **state) {
    (void)state;
    struct caller *c = caller_gets("/other");
    assert_problem(c, 404, "no_route");
    caller_is_done(c, true);
    assert_int_equal(world.conn_count, 0);
}

static void method_is_refused(void **state) {
    (void)state;
    struct caller *c = caller_begins("DELETE", "/score", NULL);
    assert_problem(c, 405, "method_not_allowed");
    assert_string_equal(reply_field(c, "Allow"), "GET, HEAD, POST, OPTIONS");
    caller_is_done(c, true);
}

static void foreign_origin_never_reaches_the_endpoint(void **state) {
    (void)state;
    const char *fields[] = {"Origin: https://evil.example", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    assert_problem(c, 403, "origin_not_allowed");
    turn();
    assert_int_equal(world.conn_count, 0);
    caller_is_done(c, true);
}

static void body_larger_than_allowed(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 1048577", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    assert_problem(c, 413, "body_too_large");
    caller_is_done(c, true);
}

static void chunked_body_larger_than_allowed(void **state) {
    (void)state;
    static char megabyte[1024 * 1024 + 1];
    const char *fields[] = {"Transfer-Encoding: chunked", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, megabyte, sizeof megabyte);
    assert_problem(c, 413, "body_too_large");
    turn();
    assert_int_equal(world.conn_count, 0);
    caller_is_done(c, true);
}

static void chunked_body_that_is_complete_gets_a_length(void **state) {
    (void)state;
    const char *fields[] = {"Transfer-Encoding: chunked", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, "abc", 3);
    caller_sends(c, "de", 2);
    caller_ends(c);
    turn();
    assert_contains(peer_got(peer(1)), "\r\nContent-Length: 5\r\n\r\nabcde");
    peer_sends(peer(1), OK);
    caller_is_done(c, true);
}

static void chunked_body_streams(void **state) {
    (void)state;
    const char *fields[] = {"Transfer-Encoding: chunked", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, "abc", 3);
    turn();
    assert_contains(peer_got(peer(1)), "\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    caller_sends(c, "defg", 4);
    assert_contains(peer_got(peer(1)), "3\r\nabc\r\n4\r\ndefg\r\n");
    caller_ends(c);
    assert_contains(peer_got(peer(1)), "4\r\ndefg\r\n0\r\n\r\n");
    peer_sends(peer(1), OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
}

static void large_upload_is_windowed(void **state) {
    (void)state;
    static char piece[64 * 1024];
    memset(piece, 'x', sizeof piece);
    const char *fields[] = {"Content-Length: 524288", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    peer(1)->send_limit = 0;
    size_t taken = 0, n;
    while ((n = caller_sends(c, piece, sizeof piece)) > 0)
        taken += n;
    assert_true(taken >= 64 * 1024 && taken <= 256 * 1024);
    assert_false(c->wants_body);
    peer(1)->send_limit = SIZE_MAX;
    peer(1)->may_write = true;
    peer(1)->ready(peer(1)->owner);
    assert_true(c->wants_body);
    while (taken < 524288) {
        size_t part = 524288 - taken < sizeof piece ? 524288 - taken : sizeof piece;
        taken += caller_sends(c, piece, part);
    }
    caller_ends(c);
    const char *body = strstr(peer_got(peer(1)), "\r\n\r\n") + 4;
    assert_int_equal(strlen(body), 524288);
    peer_sends(peer(1), OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
}

/* While a piece is being offered the front does not hear that more is wanted. */
static void piece_larger_than_the_window_is_taken_at_once(void **state) {
    (void)state;
    static char piece[128 * 1024];
    const char *fields[] = {"Content-Length: 524288", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    assert_int_equal(caller_sends(c, piece, sizeof piece), sizeof piece);
    peer(1)->send_limit = 10 * 1024;
    size_t taken = caller_sends(c, piece, sizeof piece);
    assert_in_range(taken, 64 * 1024, sizeof piece - 1);
    assert_false(c->wants_body);
    peer(1)->send_limit = SIZE_MAX;
    peer(1)->may_write = true;
    peer(1)->ready(peer(1)->owner);
    assert_true(c->wants_body);
    caller_is_done(c, false);
}

static void long_answer_streams_under_back_pressure(void **state) {
    (void)state;
    static char large[100 * 1024 + 1];
    memset(large, 'y', sizeof large - 1);
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 102400\r\n\r\n");
    peer_sends(peer(1), large);
    assert_true(c->replied);
    assert_false(c->whole);
    assert_int_equal(c->length, 102400);
    assert_true(peer(1)->incoming.len > 64 * 1024); /* what does not fit stays where it is */
    ssize_t result;
    assert_int_equal(strlen(caller_pulls(c, &result)), 102400);
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
}

static void events_arrive_as_they_are_sent(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n");
    assert_true(c->replied);
    assert_true(c->length == REPLY_NO_LENGTH);
    ssize_t result;
    peer_sends(peer(1), "b\r\ndata: one\n\n\r\n");
    assert_true(c->body_ready);
    assert_string_equal(caller_pulls(c, &result), "data: one\n\n");
    assert_int_equal(result, PULL_LATER);
    peer_sends(peer(1), "b\r\ndata: two\n\n\r\n0\r\n\r\n");
    assert_string_equal(caller_pulls(c, &result), "data: two\n\n");
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
}

static void short_answer_waits_a_moment_for_its_rest(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    assert_false(c->replied);
    peer_sends(peer(1), "cd");
    assert_true(c->whole);
    caller_is_done(c, true);
}

static void short_answer_streams_when_its_rest_is_late(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    time_passes(4 * USEC_PER_MS);
    assert_true(c->replied);
    assert_false(c->whole);
    ssize_t result;
    assert_string_equal(caller_pulls(c, &result), "ab");
    assert_int_equal(result, PULL_LATER);
    peer_sends(peer(1), "cd");
    assert_string_equal(caller_pulls(c, &result), "cd");
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
}

static void cut_body_is_cut(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    peer_closes(peer(1), CONN_END);
    ssize_t result;
    assert_string_equal(caller_pulls(c, &result), "abc");
    assert_int_equal(result, PULL_CUT);
    caller_is_done(c, false);
}

static void short_answer_that_is_cut_is_502(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    peer_closes(peer(1), CONN_END);
    assert_problem(c, 502, "answer_incomplete");
    caller_is_done(c, true);
}

static void answer_until_close_needs_a_clean_end(void **state) {
    (void)state;
    ssize_t result;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\n\r\nabc");
    peer_closes(peer(1), CONN_END);
    assert_string_equal(caller_pulls(c, &result), "abc");
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
    c = caller_gets("/score");
    peer_sends(peer(2), "HTTP/1.1 200 OK\r\n\r\nabc");
    peer_closes(peer(2), CONN_TRUNCATED);
    assert_string_equal(caller_pulls(c, &result), "abc");
    assert_int_equal(result, PULL_CUT);
    caller_is_done(c, false);
}

static void malformed_answer(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nabcde");
    assert_problem(c, 502, "malformed_answer");
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 0);
}

static void bytes_behind_the_answer_end_the_connection(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), OK "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    assert_int_equal(c->whole_body.len, 2);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 0);
}

static void response_timeout(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    time_passes(189 * USEC_PER_SEC);
    assert_false(c->replied);
    time_passes(2 * USEC_PER_SEC);
    assert_problem(c, 504, "response_timeout");
    caller_is_done(c, true);
}

static void idle_timeout_in_the_body(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    ssize_t result;
    caller_pulls(c, &result);
    time_passes(59 * USEC_PER_SEC);
    assert_false(c->cut);
    time_passes(2 * USEC_PER_SEC);
    assert_true(c->cut);
    caller_is_done(c, false);
}

/* The endpoint has its whole time to go on from when there is room again. */
static void slow_caller_is_no_idle_endpoint(void **state) {
    (void)state;
    static char large[32 * 1024 + 1];
    memset(large, 'y', sizeof large - 1);
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8000\r\n");
    peer_sends(peer(1), large);
    time_passes(90 * USEC_PER_SEC);
    ssize_t result;
    caller_pulls(c, &result);
    assert_int_equal(result, PULL_LATER);
    time_passes(30 * USEC_PER_SEC);
    assert_false(c->cut);
    peer_sends(peer(1), "\r\n0\r\n\r\n");
    caller_pulls(c, &result);
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
}

static void total_timeout(void **state) {
    (void)state;
    world.route.total_timeout = 10 * USEC_PER_SEC;
    struct caller *c = caller_posts("/score", "x");
    time_passes(11 * USEC_PER_SEC);
    assert_problem(c, 504, "total_timeout");
    caller_is_done(c, true);
}

static void connect_timeout(void **state) {
    (void)state;
    world.refuse_dials = true;
    struct caller *c = caller_posts("/score", "x");
    time_passes(6 * USEC_PER_SEC);
    assert_problem(c, 504, "connect_timeout");
    caller_is_done(c, true);
}

static void response_timeout_holds_while_connecting(void **state) {
    (void)state;
    world.route.response_timeout = 2 * USEC_PER_SEC;
    world.refuse_dials = true;
    struct caller *c = caller_gets("/score");
    later(2 * USEC_PER_SEC - 1);
    assert_false(c->replied);
    later(1);
    is_refused(c, 504, "response_timeout");
    assert_int_equal(dials_waiting("endpoint.example"), 0);
}

static void dial_failures_are_told_apart(void **state) {
    (void)state;
    world.refuse_dials = true;
    struct caller *c = caller_posts("/score", "x");
    dial_fails(REASON_certificate_error);
    assert_problem(c, 502, "certificate_error");
    caller_is_done(c, true);
}

static void caller_stalls_in_its_body(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 10", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, "abc", 3);
    turn();
    time_passes(61 * USEC_PER_SEC);
    assert_problem(c, 408, "caller_timeout");
    assert_true(c->close);
    caller_is_done(c, true);
}

static void caller_gone_ends_the_exchange_upstream(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    caller_is_done(c, false);
    assert_true(peer(1)->closed);
    assert_int_equal(world.gateway->in_flight, 0);
}

static void fresh_connection_that_dies_is_502(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_closes(peer(1), CONN_FAILED);
    assert_problem(c, 502, "connection_closed");
    assert_int_equal(world.conn_count, 1);
    caller_is_done(c, true);
}

static void reused_connection_that_dies_replays_get(void **state) {
    (void)state;
    warm_up();
    struct caller *c = caller_gets("/score");
    peer_closes(peer(1), CONN_FAILED);
    turn();
    assert_int_equal(world.conn_count, 2);
    assert_contains(peer_got(peer(2)), "GET /v1/score HTTP/1.1\r\n");
    peer_sends(peer(2), OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
}

static void whole_post_is_never_sent_twice(void **state) {
    (void)state;
    warm_up();
    struct caller *c = caller_posts("/score", "pay");
    assert_contains(peer_got(peer(1)), "\r\n\r\npay");
    peer_closes(peer(1), CONN_FAILED);
    turn();
    assert_problem(c, 502, "connection_closed");
    assert_int_equal(world.conn_count, 1);
    caller_is_done(c, true);
}

/* The endpoint has all of it, though the front has not said yet that there is no more. */
static void whole_post_is_never_sent_twice_before_its_end(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 4", NULL};
    warm_up();
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    caller_sends(c, "body", 4);
    assert_contains(peer_got(peer(1)), "\r\n\r\nbody");
    peer_closes(peer(1), CONN_END);
    caller_ends(c);
    turn();
    assert_int_equal(world.conn_count, 1);
    is_refused(c, 502, "connection_closed");
}

static void idempotent_route_replays_post(void **state) {
    (void)state;
    world.route.idempotent = true;
    warm_up();
    struct caller *c = caller_posts("/score", "pay");
    peer_closes(peer(1), CONN_END);
    turn();
    peer_sends(peer(2), OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
}

static void tail_is_held_on_an_old_connection(void **state) {
    (void)state;
    warm_up();
    time_passes(2 * USEC_PER_SEC);
    struct caller *c = caller_posts("/score", "pay");
    assert_contains(peer_got(peer(1)), "\r\n\r\npa");
    assert_lacks(peer_got(peer(1)), "\r\n\r\npay");
    peer(1)->acknowledged = true;
    time_passes(12 * USEC_PER_MS);
    assert_contains(peer_got(peer(1)), "\r\n\r\npay");
    peer_sends(peer(1), OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
}

static void tail_goes_out_in_the_end(void **state) {
    (void)state;
    warm_up();
    time_passes(2 * USEC_PER_SEC);
    struct caller *c = caller_posts("/score", "pay");
    time_passes(12 * USEC_PER_MS);
    assert_lacks(peer_got(peer(1)), "\r\n\r\npay");
    time_passes(12 * USEC_PER_MS);
    assert_contains(peer_got(peer(1)), "\r\n\r\npay");
    peer_sends(peer(1), OK);
    caller_is_done(c, true);
}

static void post_is_replayed_when_its_tail_was_held(void **state) {
    (void)state;
    warm_up();
    time_passes(2 * USEC_PER_SEC);
    struct caller *c = caller_posts("/score", "pay");
    peer_closes(peer(1), CONN_FAILED);
    turn();
    assert_int_equal(world.conn_count, 2);
    assert_contains(peer_got(peer(2)), "\r\n\r\npay");
    assert_int_equal(world.learnt, 1);
    peer_sends(peer(2), OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
}

/* A dial takes longer than the acknowledgements that the dead connection still owed. */
static void replay_after_a_held_tail_waits_for_its_connection(void **state) {
    (void)state;
    warm_up();
    time_passes(2 * USEC_PER_SEC);
    struct caller *c = caller_posts("/score", "pay");
    world.refuse_dials = true;
    peer_closes(peer(1), CONN_FAILED);
    alarm(20); /* a timer that is never satisfied would fire for ever */
    time_passes(100 * USEC_PER_MS);
    alarm(0);
    dial_succeeds();
    assert_contains(peer_got(peer(2)), "\r\n\r\npay");
    peer_sends(peer(2), OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
}

static void tail_of_a_body_that_comes_late_is_held(void **state) {
    (void)state;
    warm_up();
    time_passes(2 * USEC_PER_SEC);
    const char *fields[] = {"Content-Length: 3", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    assert_int_equal(caller_sends(c, "pay", 3), 3);
    caller_ends(c);
    assert_contains(peer_got(peer(1)), "\r\n\r\npa");
    assert_lacks(peer_got(peer(1)), "\r\n\r\npay");
    peer_closes(peer(1), CONN_FAILED);
    turn();
    assert_contains(peer_got(peer(2)), "\r\n\r\npay");
    peer_sends(peer(2), OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
}

static void tail_of_a_request_without_body_is_held(void **state) {
    (void)state;
    warm_up();
    time_passes(2 * USEC_PER_SEC);
    struct caller *c = caller_gets("/score");
    assert_lacks(peer_got(peer(1)), "\r\n\r\n");
    peer(1)->acknowledged = true;
    time_passes(12 * USEC_PER_MS);
    assert_contains(peer_got(peer(1)), "\r\n\r\n");
    peer_sends(peer(1), OK);
    caller_is_done(c, true);
}

static void unkept_body_takes_no_doubtful_connection(void **state) {
    (void)state;
    warm_up();
    time_passes(2 * USEC_PER_SEC);
    const char *fields[] = {"Content-Length: 524288", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    assert_int_equal(world.conn_count, 2);
    caller_is_done(c, false);
}

static void early_refusal_reaches_the_caller(void **state) {
    (void)state;
    static char piece[1024];
    const char *fields[] = {"Content-Length: 524288", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    caller_sends(c, piece, sizeof piece);
    peer_sends(peer(1), "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig");
    assert_int_equal(c->status, 413);
    assert_int_equal(c->whole_body.len, 3);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 0);
}

static void early_refusal_survives_a_send_error(void **state) {
    (void)state;
    static char piece[1024];
    const char *fields[] = {"Content-Length: 524288", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    buf_add_string(&peer(1)->incoming, "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
    peer(1)->send_fails = true;
    caller_sends(c, piece, sizeof piece);
    assert_int_equal(c->status, 413);
    caller_is_done(c, true);
}

static void early_success_waits_for_the_upload(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 6", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, "abc", 3);
    turn();
    peer_sends(peer(1), OK);
    assert_false(c->replied);
    caller_sends(c, "def", 3);
    caller_ends(c);
    assert_contains(peer_got(peer(1)), "\r\n\r\nabcdef");
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
}

static void without_a_credential_401_passes(void **state) {
    (void)state;
    struct supply *open = supply_made(NULL, NULL);
    open->open = true;
    supply_comes(open);
    struct caller *c = caller_gets("/score");
    assert_lacks(peer_got(peer(1)), "Authorization");
    peer_sends(peer(1), "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(c->status, 401);
    caller_is_done(c, true);
}

static void swagger_of_another_origin_gets_no_credential(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score/swagger.json");
    assert_contains(peer_got(peer(1)), "GET /v1/swagger.json HTTP/1.1\r\n");
    assert_contains(peer_got(peer(1)), "Bearer primary-key");
    caller_is_done(c, false);
    endpoint_moves("endpoint.example", "elsewhere.example");
    supply_comes(supply_made("primary-key", NULL));
    c = caller_gets("/score/swagger.json");
    assert_lacks(peer_got(peer(2)), "Bearer");
    caller_is_done(c, false);
}

static void answer_head_must_fit_the_callers_memory(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    c->head_room = 100;
    peer_sends(peer(1), OK);
    assert_problem(c, 502, "answer_head_too_large");
    caller_is_done(c, true);
}

static void head_answer_keeps_its_length(void **state) {
    (void)state;
    struct caller *c = caller_begins("HEAD", "/score", NULL);
    caller_ends(c);
    turn();
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n");
    assert_true(c->replied);
    assert_int_equal(c->length, 12345);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
}

static void not_modified_keeps_its_length(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 304 Not Modified\r\nContent-Length: 12345\r\n\r\n");
    assert_int_equal(c->status, 304);
    assert_int_equal(c->length, 12345);
    caller_is_done(c, true);
    assert_int_equal(world.given_back, 1);
}

static void what_a_route_sets_stays_with_its_origin(void **state) {
    (void)state;
    struct config_header secret = {(char *)(uintptr_t) "X-Internal", (char *)(uintptr_t) "yes"};
    world.route.set_headers = &secret;
    world.route.set_header_count = 1;
    endpoint_moves("endpoint.example", "elsewhere.example");
    gateway_restarts(supply_made("primary-key", NULL));
    struct caller *c = caller_gets("/score");
    assert_contains(peer_got(peer(1)), "X-Internal: yes\r\n");
    caller_is_done(c, false);
    c = caller_gets("/score/swagger.json");
    assert_lacks(peer_got(peer(2)), "X-Internal");
    assert_lacks(peer_got(peer(2)), "Bearer");
    caller_is_done(c, false);
}

static void draining_ends_the_callers_connection(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    world.gateway->draining = true;
    peer_sends(peer(1), OK);
    assert_true(c->close);
    caller_is_done(c, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(request_and_answer),
        TEST(connection_is_used_again),
        TEST(no_route),
        TEST(method_is_refused),
        TEST(foreign_origin_never_reaches_the_endpoint),
        TEST(body_larger_than_allowed),
        TEST(chunked_body_larger_than_allowed),
        TEST(chunked_body_that_is_complete_gets_a_length),
        TEST(chunked_body_streams),
        TEST(large_upload_is_windowed),
        TEST(piece_larger_than_the_window_is_taken_at_once),
        TEST(long_answer_streams_under_back_pressure),
        TEST(events_arrive_as_they_are_sent),
        TEST(short_answer_waits_a_moment_for_its_rest),
        TEST(short_answer_streams_when_its_rest_is_late),
        TEST(cut_body_is_cut),
        TEST(short_answer_that_is_cut_is_502),
        TEST(answer_until_close_needs_a_clean_end),
        TEST(malformed_answer),
        TEST(bytes_behind_the_answer_end_the_connection),
        TEST(response_timeout),
        TEST(idle_timeout_in_the_body),
        TEST(slow_caller_is_no_idle_endpoint),
        TEST(total_timeout),
        TEST(connect_timeout),
        TEST(response_timeout_holds_while_connecting),
        TEST(dial_failures_are_told_apart),
        TEST(caller_stalls_in_its_body),
        TEST(caller_gone_ends_the_exchange_upstream),
        TEST(fresh_connection_that_dies_is_502),
        TEST(reused_connection_that_dies_replays_get),
        TEST(whole_post_is_never_sent_twice),
        TEST(whole_post_is_never_sent_twice_before_its_end),
        TEST(idempotent_route_replays_post),
        TEST(tail_is_held_on_an_old_connection),
        TEST(tail_goes_out_in_the_end),
        TEST(post_is_replayed_when_its_tail_was_held),
        TEST(replay_after_a_held_tail_waits_for_its_connection),
        TEST(tail_of_a_body_that_comes_late_is_held),
        TEST(tail_of_a_request_without_body_is_held),
        TEST(unkept_body_takes_no_doubtful_connection),
        TEST(early_refusal_reaches_the_caller),
        TEST(early_refusal_survives_a_send_error),
        TEST(early_success_waits_for_the_upload),
        TEST(without_a_credential_401_passes),
        TEST(swagger_of_another_origin_gets_no_credential),
        TEST(answer_head_must_fit_the_callers_memory),
        TEST(head_answer_keeps_its_length),
        TEST(not_modified_keeps_its_length),
        TEST(what_a_route_sets_stays_with_its_origin),
        TEST(draining_ends_the_callers_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
