/* SPDX-License-Identifier: MIT */
/* Requests that are sent a second time because the first answer is slow. */
#include "expect.h"
#include "fake.h"

#include <stdlib.h>

#define HEDGE_AFTER (200 * USEC_PER_MS)
#define BUSY        "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"
#define DENIED      "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"

static void prepare(unsigned backends) {
    world.route.hedge_after = HEDGE_AFTER;
    world.route.idempotent = true;
    retries_usual(3, 20);
    backends_are(backends);
}

static void begin(unsigned backends) {
    prepare(backends);
    gateway_restarts_whole();
}

/* How many requests are in progress at endpoints. */
static unsigned attempts(void) {
    unsigned n = 0;
    for (int i = 1; i <= world.conn_count; i++)
        n += !peer(i)->closed && peer(i)->ready;
    return n;
}

/* A request that is hedged: on the first connection, and on the second. */
static struct caller *hedged(unsigned backends) {
    begin(backends);
    struct caller *c = caller_posts("/score", "body");
    later(HEDGE_AFTER - 1);
    assert_int_equal(world.conn_count, 1);
    later(1);
    assert_int_equal(world.conn_count, 2);
    assert_contains(peer_got(peer(2)), "\r\n\r\nbody");
    return c;
}

static uint64_t hedges(void) {
    static struct tally_sum sum;
    tally_read(world.tally, &sum);
    return sum.retries[TALLY_RETRY_HEDGE];
}

static void second_answer_wins(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    assert_string_not_equal(peer(1)->host, peer(2)->host);
    assert_int_equal(hedges(), 1);
    is_served(c, peer(2));
    assert_true(peer(1)->closed); /* its answer may come yet */
    assert_false(peer(2)->closed);
    assert_all_over();
}

static void first_answer_wins(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    is_served(c, peer(1));
    assert_true(peer(2)->closed);
    assert_false(peer(1)->closed);
    assert_all_over();
}

static void same_backend_if_there_is_no_other(void **state) {
    (void)state;
    struct caller *c = hedged(1);
    assert_string_equal(peer(1)->host, peer(2)->host);
    later(10 * USEC_PER_SEC);
    assert_int_equal(world.conn_count, 2); /* never a third */
    is_served(c, peer(2));
    assert_all_over();
}

static void each_with_its_own_key(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    for (int i = 1; i <= 2; i++) {
        bool first = strcmp(peer(i)->host, host_of(0)) == 0;
        assert_contains(peer_got(peer(i)), first ? "Bearer key-1\r\n" : "Bearer key-2\r\n");
    }
    is_served(c, peer(1));
    assert_all_over();
}

static void an_answer_that_streams_wins_too(void **state) {
    (void)state;
    ssize_t result;
    struct caller *c = hedged(2);
    peer_sends(peer(2), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_int_equal(c->status, 200);
    assert_true(peer(1)->closed);
    assert_string_equal(caller_pulls(c, &result), "abc");
    peer_sends(peer(2), "0\r\n\r\n");
    assert_string_equal(caller_pulls(c, &result), "");
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
    assert_all_over();
}

static void busy_second_is_not_heard(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    peer_sends(peer(2), BUSY);
    assert_false(c->replied);
    turn();
    assert_int_equal(attempts(), 1);
    is_served(c, peer(1));
    assert_all_over();
}

static void busy_first_is_not_heard(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    peer_sends(peer(1), BUSY);
    assert_false(c->replied);
    is_served(c, peer(2));
    assert_all_over();
}

static void both_are_busy(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    peer_sends(peer(1), BUSY);
    peer_sends(peer(2), BUSY);
    assert_false(c->replied);
    assert_int_equal(attempts(), 0);
    later(200 * USEC_PER_MS);
    assert_int_equal(attempts(), 1); /* the third and last */
    struct conn *last = conn_with("body");
    later(HEDGE_AFTER);
    assert_int_equal(attempts(), 1); /* it was hedged once */
    peer_sends(last, BUSY);
    is_answered(c, 503);
    assert_all_over();
}

static void first_dies_then_second_answers(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    peer_closes(peer(1), CONN_FAILED);
    assert_false(c->replied);
    is_served(c, peer(2));
    assert_all_over();
}

static void first_breaks_off_then_second_answers(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nCont");
    peer_closes(peer(1), CONN_FAILED);
    assert_false(c->replied);
    is_served(c, peer(2));
    assert_all_over();
}

static void first_talks_nonsense_then_second_answers(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    peer_sends(peer(1), "nonsense\r\n\r\n");
    assert_false(c->replied);
    assert_true(peer(1)->closed);
    is_served(c, peer(2));
    assert_all_over();
}

static void both_die(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    peer_closes(peer(2), CONN_FAILED);
    peer_closes(peer(1), CONN_FAILED);
    assert_false(c->replied); /* it may be repeated */
    later(200 * USEC_PER_MS);
    is_served(c, conn_with("body"));
    assert_all_over();
}

static void second_finds_no_connection(void **state) {
    (void)state;
    begin(2);
    struct caller *c = caller_posts("/score", "body");
    host_is_down(host_of(0), REASON_connection_refused);
    host_is_down(host_of(1), REASON_connection_refused);
    later(HEDGE_AFTER);
    assert_false(c->replied);
    assert_int_equal(world.conn_count, 1);
    is_served(c, peer(1));
    assert_all_over();
}

/* Both are refused with the same key: that is one refusal. */
static void both_are_denied(void **state) {
    (void)state;
    prepare(1);
    gateway_restarts(supply_for(0, "old", "other"));
    struct caller *c = caller_posts("/score", "body");
    later(HEDGE_AFTER);
    assert_int_equal(world.conn_count, 2);
    peer_sends(peer(1), DENIED);
    peer_sends(peer(2), DENIED);
    turn();
    assert_contains(peer_got(conn_with("Bearer other")), "\r\n\r\nbody");
    is_served(c, conn_with("Bearer other"));
    assert_all_over();
}

/* The fourth key, the last one, on both. */
static void many_keys_are_denied(void **state) {
    (void)state;
    static const char *const keys[] = {"k1", "k2", "k3"};
    prepare(1);
    gateway_restarts(supply_for(0, "k0", NULL));
    struct caller *c = caller_posts("/score", "body");
    for (int i = 0; i < 3; i++) {
        peer_sends(conn_with("body"), DENIED);
        supply_comes(supply_for(0, keys[i], NULL));
        turn();
    }
    later(HEDGE_AFTER);
    assert_int_equal(attempts(), 2);
    struct conn *first = conn_with("k3");
    peer_sends(first, DENIED);
    if (conn_with("k3"))
        peer_sends(conn_with("k3"), DENIED);
    turn();
    assert_true(c->replied);
    is_refused(c, 502, "credential_refused");
    assert_all_over();
}

static void caller_goes(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    caller_is_done(c, false);
    assert_true(peer(1)->closed && peer(2)->closed);
    assert_all_over();
}

static void time_runs_out_for_both(void **state) {
    (void)state;
    struct caller *c = hedged(2);
    later(world.route.response_timeout);
    is_refused(c, 504, "response_timeout");
    assert_true(peer(1)->closed && peer(2)->closed);
    assert_all_over();
}

/* Who is not hedged */

static void not_hedged(struct caller *c) {
    later(10 * HEDGE_AFTER);
    assert_int_equal(world.conn_count, 1);
    is_served(c, peer(1));
    assert_int_equal(hedges(), 0);
    assert_all_over();
}

static void what_may_be_done_once_only(void **state) {
    (void)state;
    begin(2);
    world.route.idempotent = false;
    not_hedged(caller_posts("/score", "body"));
}

static void what_only_reads_is(void **state) {
    (void)state;
    begin(2);
    world.route.idempotent = false;
    struct caller *c = caller_gets("/score");
    later(HEDGE_AFTER);
    assert_int_equal(world.conn_count, 2);
    is_served(c, peer(2));
    assert_all_over();
}

static void what_is_not_kept(void **state) {
    (void)state;
    static char body[100000];
    const char *fields[] = {"Content-Length: 100000", NULL};
    begin(2);
    struct caller *c = caller_begins("POST", "/score", fields);
    size_t taken = caller_sends(c, body, sizeof body);
    turn();
    while (taken < sizeof body)
        taken += caller_sends(c, body + taken, sizeof body - taken);
    caller_ends(c);
    not_hedged(c);
}

static void what_is_not_whole(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 10", NULL};
    begin(2);
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, "first", 5);
    turn();
    later(10 * HEDGE_AFTER);
    assert_int_equal(world.conn_count, 1);
    caller_sends(c, "later", 5);
    caller_ends(c);
    peer_sends(peer(1), OK);
    is_answered(c, 200);
    assert_all_over();
}

static void what_has_its_answer_on_the_way(void **state) {
    (void)state;
    begin(2);
    struct caller *c = caller_posts("/score", "body");
    peer_sends(peer(1), "HTTP/1.1 20");
    later(10 * HEDGE_AFTER);
    assert_int_equal(world.conn_count, 1);
    peer_sends(peer(1), "0 OK\r\nContent-Length: 0\r\n\r\n");
    is_answered(c, 200);
    assert_all_over();
}

static void what_finds_no_free_place(void **state) {
    (void)state;
    prepare(1);
    world.gate = gate_made(1, 0, 10);
    gateway_restarts_whole();
    not_hedged(caller_posts("/score", "body"));
}

static void what_takes_the_last_free_place(void **state) {
    (void)state;
    struct gate_figures figures;
    prepare(1);
    world.gate = gate_made(2, 0, 10);
    gateway_restarts_whole();
    struct caller *c = caller_posts("/score", "body");
    later(HEDGE_AFTER);
    assert_int_equal(world.conn_count, 2);
    struct caller *next = caller_gets("/score?next");
    gate_figures_now(&figures);
    assert_int_equal(figures.inside, 2);
    assert_int_equal(figures.waiting, 1);
    is_served(c, peer(2)); /* both places are free at once */
    gate_figures_now(&figures);
    assert_int_equal(figures.inside, 1);
    is_served(next, conn_with("?next"));
    assert_all_over();
}

static void what_finds_no_budget(void **state) {
    (void)state;
    prepare(1);
    world.route.retry.budget_percent = 0;
    world.gate = gate_made(2, 0, 10);
    gateway_restarts_whole();
    not_hedged(caller_posts("/score", "body"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(second_answer_wins),
        TEST(first_answer_wins),
        TEST(same_backend_if_there_is_no_other),
        TEST(each_with_its_own_key),
        TEST(an_answer_that_streams_wins_too),
        TEST(busy_second_is_not_heard),
        TEST(busy_first_is_not_heard),
        TEST(both_are_busy),
        TEST(first_dies_then_second_answers),
        TEST(first_breaks_off_then_second_answers),
        TEST(first_talks_nonsense_then_second_answers),
        TEST(both_die),
        TEST(second_finds_no_connection),
        TEST(both_are_denied),
        TEST(many_keys_are_denied),
        TEST(caller_goes),
        TEST(time_runs_out_for_both),
        TEST(what_may_be_done_once_only),
        TEST(what_only_reads_is),
        TEST(what_is_not_kept),
        TEST(what_is_not_whole),
        TEST(what_has_its_answer_on_the_way),
        TEST(what_finds_no_free_place),
        TEST(what_takes_the_last_free_place),
        TEST(what_finds_no_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
