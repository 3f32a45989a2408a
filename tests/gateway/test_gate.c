/* SPDX-License-Identifier: MIT */
/* Exchanges at the gate of their route: who waits, who goes next, and that a place is never lost,
 * whatever becomes of the one who has it. */
#include "expect.h"
#include "fake.h"

#include "gateway/attempt.h"

#include <stdlib.h>

static char filler[256 * 1024];

/* The linker puts this in the place of malloc(). There is enough for an answer of our own. */
static bool memory_is_out;
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);

void *__wrap_malloc(size_t n) {
    return memory_is_out && n >= ATTEMPT_RX_BYTES ? NULL : __real_malloc(n);
}

static void begin(unsigned limit, unsigned queue) {
    world.route.queue_timeout = 10 * USEC_PER_SEC;
    world.gate = gate_made(limit, 0, queue);
    gateway_restarts(supply_made("key", NULL));
}

static void assert_gate(unsigned inside, unsigned waiting) {
    struct gate_figures figures;
    gate_figures_now(&figures);
    assert_int_equal(figures.inside, inside);
    assert_int_equal(figures.waiting, waiting);
}

/* Who waits is served with the next place. */
static void goes_next(struct caller *c, const char *body) {
    assert_false(c->replied);
    caller_goes_on(c);
    assert_non_null(conn_with(body));
    is_served(c, conn_with(body));
}

static void limit_is_kept_and_order_too(void **state) {
    (void)state;
    static const char *const bodies[] = {"first", "second", "third", "fourth", "fifth", "sixth"};
    struct caller *c[6];
    begin(2, 10);
    for (int i = 0; i < 6; i++)
        c[i] = caller_posts("/score", bodies[i]);
    assert_int_equal(world.conn_count, 2);
    assert_gate(2, 4);
    assert_int_equal(c[2]->left, 0);
    assert_int_equal(c[3]->left, 6); /* whoever waits behind others keeps it */
    for (int i = 0; i < 6; i++) {
        goes_next(c[i], bodies[i]);
        if (i < 4)
            caller_goes_on(c[i + 2]);
        assert_true(i >= 4 || c[i + 2]->left == 0);
    }
    assert_int_equal(world.conn_count, 2);
    assert_all_over();
}

static void callers_take_turns_by_name(void **state) {
    (void)state;
    begin(1, 10);
    struct caller *first = caller_named("greedy", "greedy 1");
    struct caller *second = caller_named("greedy", "greedy 2");
    struct caller *third = caller_named("greedy", "greedy 3");
    struct caller *other = caller_named("modest", "modest 1");
    is_served(first, conn_with("greedy 1"));
    goes_next(second, "greedy 2");
    assert_null(conn_with("greedy 3"));
    goes_next(other, "modest 1");
    goes_next(third, "greedy 3");
    assert_all_over();
}

static void callers_take_turns_by_address(void **state) {
    (void)state;
    static const unsigned char far[16] = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 7};
    begin(1, 10);
    struct caller *first = caller_gets("/score?near1"), *second = caller_gets("/score?near2");
    struct caller *third = caller_gets("/score?near3");
    world.caller_address = far;
    struct caller *other = caller_gets("/score?far1");
    is_served(first, conn_with("near1"));
    goes_next(second, "near2");
    assert_null(conn_with("near3"));
    goes_next(other, "far1");
    goes_next(third, "near3");
    assert_all_over();
}

static void full_queue_is_told_at_once(void **state) {
    (void)state;
    struct gate_figures figures;
    char wanted[16];
    begin(1, 1);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    gate_figures_now(&figures);
    snprintf(wanted, sizeof wanted, "%d",
             (int)((figures.expected_wait + USEC_PER_SEC - 1) / USEC_PER_SEC));
    assert_int_equal(atoi(wanted), 2); /* a second for each, until it is known better */
    struct caller *third = caller_gets("/score?third");
    assert_problem(third, 429, "queue_full");
    assert_string_equal(reply_field(third, "Retry-After"), wanted);
    caller_is_done(third, true);
    assert_gate(1, 1);
    is_served(first, conn_with("first"));
    goes_next(second, "second");
    assert_all_over();
}

static void no_queue_at_all(void **state) {
    (void)state;
    begin(1, 0);
    struct caller *first = caller_gets("/score?first");
    is_refused(caller_gets("/score"), 429, "queue_full");
    is_served(first, conn_with("first"));
    struct caller *third = caller_gets("/score?third");
    is_served(third, conn_with("third"));
    assert_all_over();
}

static void waiting_ends_with_the_queue_timeout(void **state) {
    (void)state;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    later(10 * USEC_PER_SEC - 1);
    assert_false(second->replied);
    later(1);
    assert_problem(second, 429, "queue_timeout");
    int seconds = atoi(reply_field(second, "Retry-After"));
    assert_in_range(seconds, 10, 30); /* nobody was let in for ten */
    caller_is_done(second, true);
    assert_gate(1, 0);
    is_served(first, conn_with("first"));
    assert_int_equal(world.conn_count, 1);
    assert_all_over();
}

/* Bodies */

static void body_stays_with_the_caller(void **state) {
    (void)state;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first");
    struct caller *second = caller_posts("/score", "came with the head");
    struct caller *third = caller_posts("/score", "stays there");
    assert_int_equal(third->left, strlen("stays there"));
    assert_false(third->wants_body);
    is_served(first, conn_with("first"));
    goes_next(second, "came with the head");
    assert_true(third->wants_body);
    goes_next(third, "\r\n\r\nstays there");
    assert_all_over();
}

static void chunked_body_stays_with_the_caller(void **state) {
    (void)state;
    const char *fields[] = {"Transfer-Encoding: chunked", NULL};
    begin(1, 10);
    struct caller *first = caller_gets("/score?first");
    struct caller *second = caller_begins("POST", "/score", fields);
    assert_int_equal(caller_sends(second, "abc", 3), 3);
    turn();
    assert_gate(1, 1);
    assert_int_equal(caller_sends(second, "defg", 4), 0);
    assert_false(second->wants_body);
    is_served(first, conn_with("first"));
    assert_true(second->wants_body);
    assert_int_equal(caller_sends(second, "defg", 4), 4);
    caller_ends(second);
    goes_next(second, "\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n");
    assert_all_over();
}

/* Larger than what is kept, and than the window: the rest flows once it is inside. */
static void large_body_stays_with_the_caller(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 200000", NULL};
    begin(1, 10);
    struct caller *first = caller_gets("/score?first");
    struct caller *second = caller_begins("POST", "/score", fields);
    size_t taken = caller_sends(second, filler, 200000);
    assert_in_range(taken, 0, 64 * 1024);
    turn();
    assert_int_equal(caller_sends(second, filler + taken, 200000 - taken), 0);
    is_served(first, conn_with("first"));
    while (taken < 200000) {
        assert_true(second->wants_body);
        taken += caller_sends(second, filler + taken, 200000 - taken);
    }
    caller_ends(second);
    struct conn *conn = conn_with("Content-Length: 200000");
    const char *body = strstr(peer_got(conn), "Content-Length: 200000\r\n\r\n") + 26;
    assert_int_equal(strlen(body), 200000);
    assert_memory_equal(body, filler, 200000);
    is_served(second, conn);
    assert_all_over();
}

/* Callers that go away: the next goes at once. */

static void caller_gone_while_queued(void **state) {
    (void)state;
    begin(1, 1);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    caller_is_done(second, false);
    assert_gate(1, 0);
    struct caller *third = caller_gets("/score?third"); /* into its place in the queue */
    assert_false(third->replied);
    is_served(first, conn_with("first"));
    goes_next(third, "third");
    assert_all_over();
}

static void caller_gone_when_granted(void **state) {
    (void)state;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    struct caller *third = caller_gets("/score?third");
    peer_sends(conn_with("first"), OK); /* the second is granted, and not told yet */
    caller_is_done(second, false);
    caller_is_done(first, true);
    turn();
    assert_null(conn_with("second"));
    goes_next(third, "third");
    assert_all_over();
}

static void caller_gone_while_connecting(void **state) {
    (void)state;
    begin(1, 10);
    world.refuse_dials = true;
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    assert_int_equal(dials_waiting("endpoint.example"), 1);
    caller_is_done(first, false);
    turn();
    assert_int_equal(dials_waiting("endpoint.example"), 1); /* the second's */
    world.refuse_dials = false;
    turn();
    goes_next(second, "second");
    assert_all_over();
}

static void caller_gone_while_sending(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 10", NULL};
    begin(1, 10);
    struct caller *first = caller_begins("POST", "/score?first", fields);
    caller_sends(first, "half", 4);
    turn();
    struct caller *second = caller_gets("/score?second");
    caller_is_done(first, false);
    turn();
    assert_true(peer(1)->closed);
    goes_next(second, "second");
    assert_all_over();
}

static void caller_gone_while_waiting(void **state) {
    (void)state;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    caller_is_done(first, false);
    turn();
    assert_true(peer(1)->closed); /* or its answer would be the next one's */
    goes_next(second, "second");
    assert_all_over();
}

static void caller_gone_while_relaying(void **state) {
    (void)state;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nsome");
    assert_true(first->replied);
    turn();
    assert_gate(1, 1);
    caller_is_done(first, false);
    turn();
    assert_true(peer(1)->closed);
    goes_next(second, "second");
    assert_all_over();
}

/* Places */

static void slow_reader_keeps_no_place(void **state) {
    (void)state;
    ssize_t result;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_int_equal(first->status, 200);
    peer_sends(peer(1), "3\r\ndef\r\n0\r\n\r\n");
    turn();
    goes_next(second, "second"); /* nobody has pulled a byte yet */
    assert_string_equal(caller_pulls(first, &result), "abcdef");
    assert_int_equal(result, PULL_END);
    caller_is_done(first, true);
    assert_all_over();
}

static void caller_that_reads_its_answer_late_keeps_no_place(void **state) {
    (void)state;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    peer_sends(peer(1), OK);
    turn();
    goes_next(second, "second");
    caller_is_done(first, true);
    assert_all_over();
}

static void failure_gives_the_place_back(void **state) {
    (void)state;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    host_is_down("endpoint.example", REASON_connection_refused);
    peer_sends(peer(1), "garbage\r\n\r\n");
    is_refused(first, 502, "malformed_answer");
    is_refused(second, 502, "connection_refused");
    host_is_down("endpoint.example", REASON_NONE);
    struct caller *third = caller_gets("/score?third");
    is_served(third, conn_with("third"));
    assert_all_over();
}

static void place_without_memory_is_given_back(void **state) {
    (void)state;
    begin(1, 10);
    memory_is_out = true;
    struct caller *first = caller_gets("/score?first");
    memory_is_out = false;
    is_refused(first, 503, "out_of_resources");
    assert_gate(0, 0);
    struct caller *second = caller_gets("/score?second"), *third = caller_gets("/score?third");
    is_served(second, conn_with("second"));
    goes_next(third, "third");
    assert_all_over();
}

static void repeat_goes_before_the_queue(void **state) {
    (void)state;
    static unsigned too_many[] = {429};
    world.route.retry = (struct retry_rules){.attempts = 2,
                                             .backoff = 100 * USEC_PER_MS,
                                             .max_backoff = USEC_PER_SEC,
                                             .max_wait = 60 * USEC_PER_SEC,
                                             .statuses = too_many,
                                             .status_count = 1,
                                             .budget_percent = 20};
    begin(1, 2);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    struct caller *third = caller_gets("/score?third");
    peer_sends(peer(1), "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n");
    turn();
    assert_non_null(conn_with("second")); /* while the first rests, its place is not empty */
    struct caller *fourth = caller_gets("/score?fourth");
    buf_clear(&peer(1)->sent);
    later(100 * USEC_PER_MS);
    assert_gate(1, 3); /* one more than the queue takes: it was inside */
    is_served(second, peer(1));
    goes_next(first, "first");
    goes_next(third, "third");
    goes_next(fourth, "fourth");
    assert_all_over();
}

/* A place that becomes free behind the turn wakes nobody: the worker does not sleep then. */
static void failed_dial_lets_the_next_one_in(void **state) {
    (void)state;
    world.route.retry = (struct retry_rules){.attempts = 2,
                                             .backoff = 100 * USEC_PER_MS,
                                             .max_backoff = USEC_PER_SEC,
                                             .budget_percent = 20};
    begin(1, 10);
    world.refuse_dials = true;
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    assert_false(gateway_is_due(world.gateway));
    dial_fails(REASON_connection_refused);
    assert_false(first->replied);
    assert_true(gateway_is_due(world.gateway));
    turn();
    assert_false(gateway_is_due(world.gateway));
    world.refuse_dials = false;
    turn();
    is_served(second, conn_with("second"));
    later(100 * USEC_PER_MS);
    is_served(first, conn_with("first"));
    assert_all_over();
}

/* Times */

static void response_timeout_begins_behind_the_queue(void **state) {
    (void)state;
    world.route.response_timeout = 5 * USEC_PER_SEC;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    later(4 * USEC_PER_SEC);
    is_served(first, conn_with("first"));
    later(5 * USEC_PER_SEC - 1);
    assert_false(second->replied);
    later(1);
    is_refused(second, 504, "response_timeout");
    assert_all_over();
}

static void total_timeout_counts_the_queue(void **state) {
    (void)state;
    world.route.total_timeout = 6 * USEC_PER_SEC;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first");
    later(2 * USEC_PER_SEC);
    struct caller *second = caller_gets("/score?second");
    later(3 * USEC_PER_SEC);
    is_served(first, conn_with("first"));
    later(3 * USEC_PER_SEC - 1);
    assert_false(second->replied);
    later(1);
    is_refused(second, 504, "total_timeout");
    assert_all_over();
}

static void total_timeout_ends_the_queue(void **state) {
    (void)state;
    world.route.total_timeout = 6 * USEC_PER_SEC;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    later(6 * USEC_PER_SEC);
    is_refused(first, 504, "total_timeout");
    is_refused(second, 504, "total_timeout");
    assert_all_over();
}

/* Others */

static void drain_serves_who_waits(void **state) {
    (void)state;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    world.gateway->draining = true;
    peer_sends(peer(1), OK);
    assert_true(first->close);
    caller_is_done(first, true);
    turn();
    peer_sends(conn_with("second"), OK);
    assert_int_equal(second->status, 200);
    assert_true(second->close);
    caller_is_done(second, true);
    assert_all_over();
}

static unsigned others_woken;

static void on_other_wake(struct gate_port *port) {
    (void)port;
    others_woken++;
}

/* A worker is woken when another one makes room, and only then. */
static void other_workers_share_the_gate(void **state) {
    (void)state;
    struct gate_port port;
    struct gate_ticket ticket = {0};
    begin(1, 10);
    gate_port_init(&port, world.gate, on_other_wake);
    assert_int_equal(gate_enter(&port, &ticket, 7, 1, 0, false, world.loop.now), GATE_INSIDE);
    struct caller *c = caller_gets("/score?ours");
    assert_int_equal(world.conn_count, 0);
    assert_false(gate_leave(&ticket, world.loop.now));
    assert_int_equal(world.woken, 1);
    turn();
    assert_int_equal(gate_enter(&port, &ticket, 7, 1, 0, false, world.loop.now), GATE_WAITING);
    others_woken = 0;
    is_served(c, conn_with("ours"));
    assert_int_equal(others_woken, 1);
    assert_ptr_equal(gate_take(&port, world.loop.now), &ticket);
    assert_int_equal(world.woken, 1);
    (void)gate_leave(&ticket, world.loop.now);
    gate_port_done(&port);
    assert_all_over();
}

static void higher_limit_lets_in_at_once(void **state) {
    (void)state;
    begin(0, 10);
    gate_set_known(world.gate, 0, 1);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    assert_null(conn_with("second"));
    gate_set_known(world.gate, 0, 2);
    assert_int_equal(world.woken, 1);
    turn();
    goes_next(second, "second");
    is_served(first, conn_with("first"));
    assert_all_over();
}

/* Who is let in and has nothing to be sent with waits outside, and keeps nobody out. */
static void credential_that_expires_in_the_queue(void **state) {
    (void)state;
    begin(1, 10);
    struct supply *s = supply_made("short", NULL);
    s->expires = world.loop.now + USEC_PER_SEC;
    supply_comes(s);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    later(2 * USEC_PER_SEC);
    is_served(first, peer(1));
    assert_gate(0, 0);
    assert_int_equal(world.gateway->routes[0]->waiting_count, 1);
    supply_comes(supply_made("long", NULL));
    turn();
    assert_contains(peer_got(conn_with("second")), "Bearer long");
    is_served(second, conn_with("second"));
    assert_all_over();
}

static void request_for_a_supply_is_not_at_the_gate(void **state) {
    (void)state;
    begin(1, 10);
    supply_comes(supply_pending());
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    assert_gate(0, 0);
    supply_comes(supply_made("key", NULL));
    turn();
    assert_gate(1, 1);
    is_served(first, conn_with("first"));
    goes_next(second, "second");
    assert_all_over();
}

static void figures_of_the_tally(void **state) {
    (void)state;
    static struct tally_sum sum;
    begin(1, 10);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    tally_read(world.tally, &sum);
    assert_int_equal(sum.gauges[TALLY_IN_FLIGHT], 2);
    assert_int_equal(sum.gauges[TALLY_QUEUED], 1);
    assert_int_equal(sum.gauges[TALLY_ACTIVE], 1);
    is_served(first, conn_with("first"));
    tally_read(world.tally, &sum);
    assert_int_equal(sum.gauges[TALLY_QUEUED], 0);
    goes_next(second, "second");
    tally_read(world.tally, &sum);
    assert_int_equal(sum.gauges[TALLY_IDLE], 1);
    assert_all_over();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(limit_is_kept_and_order_too),
        TEST(callers_take_turns_by_name),
        TEST(callers_take_turns_by_address),
        TEST(full_queue_is_told_at_once),
        TEST(no_queue_at_all),
        TEST(waiting_ends_with_the_queue_timeout),
        TEST(body_stays_with_the_caller),
        TEST(chunked_body_stays_with_the_caller),
        TEST(large_body_stays_with_the_caller),
        TEST(caller_gone_while_queued),
        TEST(caller_gone_when_granted),
        TEST(caller_gone_while_connecting),
        TEST(caller_gone_while_sending),
        TEST(caller_gone_while_waiting),
        TEST(caller_gone_while_relaying),
        TEST(slow_reader_keeps_no_place),
        TEST(caller_that_reads_its_answer_late_keeps_no_place),
        TEST(failure_gives_the_place_back),
        TEST(place_without_memory_is_given_back),
        TEST(repeat_goes_before_the_queue),
        TEST(failed_dial_lets_the_next_one_in),
        TEST(response_timeout_begins_behind_the_queue),
        TEST(total_timeout_counts_the_queue),
        TEST(total_timeout_ends_the_queue),
        TEST(drain_serves_who_waits),
        TEST(other_workers_share_the_gate),
        TEST(higher_limit_lets_in_at_once),
        TEST(credential_that_expires_in_the_queue),
        TEST(request_for_a_supply_is_not_at_the_gate),
        TEST(figures_of_the_tally),
    };
    for (size_t i = 0; i < sizeof filler; i++)
        filler[i] = (char)('a' + i % 23);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
