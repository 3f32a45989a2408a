/* SPDX-License-Identifier: MIT */
/* A gateway that goes over to another plan, with exchanges in every state. */
#include "expect.h"
#include "fake.h"

#include <stdlib.h>

#define DENIED   "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"
#define TOO_MANY "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n"

static void begin(void) {
    retries_usual(3, 20);
    world.route.queue_timeout = 10 * USEC_PER_SEC;
    gateway_restarts(supply_made("key", NULL));
}

static void begin_gated(unsigned limit) {
    world.gate = gate_made(limit, 0, 10);
    begin();
}

static void reloads(void) {
    scene_is_loaded(scene_copied());
}

static void set_header(struct scene *s, struct config_header *header, const char *value) {
    *header = (struct config_header){(char *)(uintptr_t) "X-Plan", (char *)(uintptr_t)value};
    s->route.set_headers = header;
    s->route.set_header_count = 1;
}

static int64_t gauge(enum tally_gauge which) {
    static struct tally_sum sum;
    tally_read(world.tally, &sum);
    return sum.gauges[which];
}

static void what_is_in_flight_keeps_its_times(void **state) {
    (void)state;
    begin();
    struct caller *old = caller_gets("/score?old");
    struct scene *s = scene_copied();
    s->route.response_timeout = USEC_PER_SEC;
    scene_is_loaded(s);
    struct caller *new = caller_gets("/score?new");
    later(USEC_PER_SEC);
    is_refused(new, 504, "response_timeout");
    assert_false(old->replied);
    later(188 * USEC_PER_SEC);
    is_served(old, conn_with("?old"));
    assert_all_over();
}

static void what_is_being_sent_goes_on(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 10", NULL};
    begin();
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, "first", 5);
    turn();
    struct scene *s = scene_copied();
    s->route.body_bytes = 3;
    scene_is_loaded(s);
    caller_sends(c, "later", 5);
    caller_ends(c);
    assert_contains(peer_got(peer(1)), "\r\n\r\nfirstlater");
    is_served(c, peer(1));
    assert_all_over();
}

static void answer_that_streams_goes_on(void **state) {
    (void)state;
    ssize_t result;
    begin();
    struct caller *c = caller_gets("/score");
    peer_sends(peer(1), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    reloads();
    reloads();
    assert_string_equal(caller_pulls(c, &result), "abc");
    peer_sends(peer(1), "3\r\ndef\r\n0\r\n\r\n");
    assert_string_equal(caller_pulls(c, &result), "def");
    assert_int_equal(result, PULL_END);
    caller_is_done(c, true);
    assert_all_over();
}

static void dial_goes_on(void **state) {
    (void)state;
    struct config_header header;
    begin();
    world.refuse_dials = true;
    struct caller *c = caller_gets("/score?old");
    struct scene *s = scene_copied();
    set_header(s, &header, "new");
    scene_is_loaded(s);
    assert_int_equal(gauge(TALLY_DIALLING), 1);
    world.refuse_dials = false;
    turn();
    assert_lacks(peer_got(peer(1)), "X-Plan");
    is_served(c, peer(1));
    assert_true(peer(1)->closed); /* nobody sends such heads any more */
    c = caller_gets("/score?new");
    assert_contains(peer_got(peer(2)), "\r\nX-Plan: new\r\n");
    is_served(c, peer(2));
    assert_all_over();
}

static void new_supply_is_for_the_new_ones(void **state) {
    (void)state;
    begin();
    struct caller *c = caller_gets("/score?one");
    reloads();
    is_served(c, peer(1));
    supply_comes(supply_made("changed", NULL));
    c = caller_gets("/score?two");
    assert_contains(peer_got(peer(0)), "Bearer changed");
    is_served(c, peer(0));
    assert_all_over();
}

static void who_waits_for_a_supply_goes_by_the_new_one(void **state) {
    (void)state;
    struct config_header header;
    begin();
    supply_comes(supply_pending());
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    struct scene *s = scene_copied();
    set_header(s, &header, "new");
    scene_is_loaded(s);
    assert_int_equal(world.gateway->routes[0]->waiting_count, 2);
    supply_comes(supply_made("key", NULL));
    turn();
    assert_contains(peer_got(peer(1)), "?first HTTP");
    assert_contains(peer_got(peer(1)), "\r\nX-Plan: new\r\n");
    is_served(first, peer(1));
    is_served(second, peer(2));
    assert_all_over();
}

static void who_waits_finds_a_supply_in_the_new_one(void **state) {
    (void)state;
    begin();
    supply_comes(supply_pending());
    struct caller *c = caller_gets("/score");
    struct supply *ready = supply_made("key", NULL), *pending = world.supplies[0];
    world.supplies[0] = ready;
    supply_unref(&pending);
    reloads();
    turn();
    assert_contains(peer_got(peer(1)), "Bearer key");
    is_served(c, peer(1));
    assert_all_over();
}

static void who_rests_goes_by_the_new_one(void **state) {
    (void)state;
    struct config_header header;
    begin();
    struct caller *c = caller_posts("/score", "body");
    peer_sends(peer(1), TOO_MANY);
    struct scene *s = scene_copied();
    set_header(s, &header, "new");
    scene_is_loaded(s);
    later(100 * USEC_PER_MS);
    assert_contains(peer_got(conn_with("body")), "\r\nX-Plan: new\r\n");
    is_served(c, conn_with("body"));
    assert_all_over();
}

/* What the caller wrote where the new route writes itself is not sent beside that. */
static void what_the_new_one_writes_is_not_the_callers(void **state) {
    (void)state;
    static const char *const fields[] = {"X-Plan: caller's",  "API-Key: caller's",
                                         "X-Other: caller's", "azureml-model-deployment: caller's",
                                         "User-Agent: me",    NULL};
    struct config_header header;
    world.route.client_deployment = true;
    begin();
    supply_comes(supply_pending());
    struct caller *c = caller_begins("GET", "/score", fields);
    caller_ends(c);
    turn();
    struct scene *s = scene_copied();
    set_header(s, &header, "ours");
    s->route.backends[0].auth.header = (char *)(uintptr_t) "api-key";
    s->route.client_deployment = false;
    scene_is_loaded(s);
    supply_comes(supply_made("secret", NULL));
    turn();
    assert_contains(peer_got(peer(1)), "\r\nX-Plan: ours\r\n");
    assert_contains(peer_got(peer(1)), "\r\napi-key: Bearer secret\r\n");
    assert_contains(peer_got(peer(1)), "\r\nX-Other: caller's\r\nUser-Agent: me\r\nVia: ");
    assert_lacks(peer_got(peer(1)), "\r\nX-Plan: caller's");
    assert_lacks(peer_got(peer(1)), "\r\nAPI-Key:");
    assert_lacks(peer_got(peer(1)), "azureml-model-deployment");
    is_served(c, peer(1));
    assert_all_over();
}

/* Gates */

static void queue_keeps_its_order(void **state) {
    (void)state;
    begin_gated(1);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    struct caller *third = caller_gets("/score?third");
    reloads();
    struct caller *fourth = caller_gets("/score?fourth");
    assert_int_equal(gauge(TALLY_QUEUED), 3);
    assert_null(conn_with("?second"));
    is_served(first, conn_with("?first"));
    reloads();
    assert_null(conn_with("?third"));
    is_served(second, conn_with("?second"));
    is_served(third, conn_with("?third"));
    is_served(fourth, conn_with("?fourth"));
    assert_int_equal(world.conn_count, 1);
    assert_all_over();
}

static void queue_keeps_its_time(void **state) {
    (void)state;
    begin_gated(1);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    later(6 * USEC_PER_SEC);
    reloads();
    later(4 * USEC_PER_SEC);
    is_refused(second, 429, "queue_timeout");
    is_served(first, conn_with("?first"));
    assert_all_over();
}

static void queue_takes_the_time_of_the_new_one(void **state) {
    (void)state;
    begin_gated(1);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    struct scene *s = scene_copied();
    s->route.queue_timeout = 2 * USEC_PER_SEC;
    scene_is_loaded(s);
    later(2 * USEC_PER_SEC);
    is_refused(second, 429, "queue_timeout");
    is_served(first, conn_with("?first"));
    assert_all_over();
}

/* Granted by the old route, taken by the new one. */
static void place_that_was_granted_is_not_lost(void **state) {
    (void)state;
    begin_gated(1);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    peer_sends(peer(1), OK);
    reloads();
    turn();
    is_served(second, conn_with("?second"));
    caller_is_done(first, true);
    assert_all_over();
}

static void queue_of_a_gate_that_ends_is_served(void **state) {
    (void)state;
    begin_gated(1);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    struct caller *third = caller_gets("/score?third");
    struct scene *s = scene_copied();
    s->gate = NULL;
    scene_is_loaded(s);
    struct caller *fourth = caller_gets("/score?fourth");
    is_served(fourth, conn_with("?fourth"));
    is_served(first, conn_with("?first"));
    is_served(second, conn_with("?second"));
    is_served(third, conn_with("?third"));
    assert_all_over();
}

/* In its order, before those that come now, and even where the queue takes nobody. */
static void old_queue_goes_to_another_gate(void **state) {
    (void)state;
    begin_gated(1);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    struct caller *third = caller_gets("/score?third");
    struct scene *s = scene_copied();
    s->gate = gate_made(1, 0, 0);
    scene_is_loaded(s);
    is_refused(caller_gets("/score?fourth"), 429, "queue_full");
    is_served(second, conn_with("?second")); /* whatever becomes of the first */
    is_served(third, conn_with("?third"));
    is_served(first, conn_with("?first"));
    assert_all_over();
}

/* Whoever waits is not held up by the endpoint that was configured before. */
static void old_queue_goes_to_another_endpoint(void **state) {
    (void)state;
    begin_gated(1);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    struct scene *s = scene_copied();
    s->gate = gate_made(1, 0, 10);
    endpoint_moves("new.example", "new.example");
    struct supply *old = world.supplies[0];
    world.supplies[0] = supply_made("another", NULL);
    supply_unref(&old);
    scene_is_loaded(s);
    turn();
    assert_string_equal(conn_with("?second")->host, "new.example");
    assert_contains(peer_got(conn_with("?second")), "Bearer another");
    is_served(second, conn_with("?second"));
    is_served(first, conn_with("?first"));
    assert_all_over();
}

static void route_that_gets_a_gate(void **state) {
    (void)state;
    begin();
    struct caller *first = caller_gets("/score?first");
    struct scene *s = scene_copied();
    s->gate = gate_made(1, 0, 0);
    scene_is_loaded(s);
    struct caller *second = caller_gets("/score?second");
    is_refused(caller_gets("/score?third"), 429, "queue_full");
    is_served(first, conn_with("?first")); /* which has no place to give back */
    is_refused(caller_gets("/score?third"), 429, "queue_full");
    is_served(second, conn_with("?second"));
    assert_all_over();
}

static void callers_take_turns_at_a_gate_that_is_new(void **state) {
    (void)state;
    begin();
    supply_comes(supply_pending());
    struct caller *first = caller_named("greedy", "greedy 1");
    struct caller *second = caller_named("greedy", "greedy 2");
    struct caller *third = caller_named("greedy", "greedy 3");
    struct caller *other = caller_named("modest", "modest 1");
    struct scene *s = scene_copied();
    s->gate = gate_made(1, 0, 10);
    scene_is_loaded(s);
    supply_comes(supply_made("key", NULL));
    turn();
    is_served(first, conn_with("greedy 1"));
    is_served(second, conn_with("greedy 2"));
    is_served(other, conn_with("modest 1"));
    is_served(third, conn_with("greedy 3"));
    assert_all_over();
}

/* Routes that go */

static void route_that_is_removed(void **state) {
    (void)state;
    begin_gated(2);
    struct caller *first = caller_gets("/score?first"), *second = caller_gets("/score?second");
    struct caller *queued = caller_gets("/score?queued");
    struct scene *s = scene_copied();
    scene_is_emptied(s);
    scene_is_loaded(s);
    is_refused(caller_gets("/score?none"), 404, "no_route");
    is_served(first, conn_with("?first"));
    is_served(queued, conn_with("?queued"));
    peer_sends(conn_with("?second"), TOO_MANY);
    turn();
    later(100 * USEC_PER_MS);
    is_served(second, conn_with("?second"));
    for (int i = 1; i <= world.conn_count; i++)
        assert_true(peer(i)->closed);
    assert_all_over();
}

static void nothing_comes_any_more_for_a_removed_route(void **state) {
    (void)state;
    begin();
    supply_comes(supply_pending());
    struct caller *c = caller_gets("/score");
    struct scene *s = scene_copied();
    scene_is_emptied(s);
    scene_is_loaded(s);
    is_refused(c, 503, "no_credential");
    assert_all_over();
}

static void route_that_comes_back(void **state) {
    (void)state;
    begin();
    struct caller *c = caller_gets("/score?old");
    struct scene *s = scene_copied();
    scene_is_emptied(s);
    scene_is_loaded(s);
    reloads();
    struct caller *new = caller_gets("/score?new");
    is_served(new, conn_with("?new"));
    is_served(c, conn_with("?old"));
    assert_all_over();
}

/* Credentials */

static void refusal_after_a_reload(void **state) {
    (void)state;
    begin();
    struct caller *c = caller_posts("/score", "body");
    reloads();
    peer_sends(peer(1), DENIED);
    turn();
    assert_false(c->replied);
    /* It is told of the supply in force, or it would wait for ever. */
    assert_true(world.told_count > 0);
    assert_int_equal(world.told[world.told_count - 1].generation, 2);
    supply_comes(supply_made("another", NULL));
    turn();
    assert_contains(peer_got(conn_with("body")), "Bearer another");
    is_served(c, conn_with("body"));
    assert_all_over();
}

static void refusal_of_a_key_that_was_changed_meanwhile(void **state) {
    (void)state;
    begin();
    struct caller *c = caller_posts("/score", "body");
    reloads();
    supply_comes(supply_made("another", NULL));
    peer_sends(peer(1), DENIED);
    turn();
    assert_contains(peer_got(conn_with("body")), "Bearer another");
    is_served(c, conn_with("body"));
    assert_all_over();
}

static void refused_key_stays_refused(void **state) {
    (void)state;
    begin();
    supply_comes(supply_made("bad", "good"));
    struct caller *c = caller_gets("/score?one");
    peer_sends(conn_with("?one"), DENIED);
    turn();
    is_served(c, conn_with("Bearer good"));
    reloads();
    c = caller_gets("/score?two");
    assert_non_null(conn_with("Bearer good"));
    is_served(c, conn_with("?two"));
    assert_all_over();
}

/* Connections */

static void warm_connections_stay(void **state) {
    (void)state;
    begin();
    struct caller *c = caller_gets("/score?one");
    is_served(c, peer(1));
    struct scene *s = scene_copied();
    s->route.response_timeout = USEC_PER_SEC;
    scene_is_loaded(s);
    assert_int_equal(gauge(TALLY_IDLE), 1);
    c = caller_gets("/score?two");
    assert_int_equal(world.conn_count, 1);
    reloads();
    is_served(c, peer(1));
    c = caller_gets("/score?three"); /* given back to those that go on */
    assert_int_equal(world.conn_count, 1);
    is_served(c, peer(1));
    assert_all_over();
}

static void warm_connections_of_other_settings_are_closed(void **state) {
    (void)state;
    begin();
    struct caller *c = caller_gets("/score?one");
    is_served(c, peer(1));
    struct scene *s = scene_copied();
    s->route.connect_timeout = USEC_PER_SEC;
    scene_is_loaded(s);
    assert_true(peer(1)->closed);
    assert_int_equal(gauge(TALLY_IDLE), 0);
    assert_all_over();
}

static void warm_connections_of_another_endpoint_are_closed(void **state) {
    (void)state;
    begin();
    struct caller *warm = caller_gets("/score?one"), *busy = caller_gets("/score?busy");
    is_served(warm, peer(1));
    endpoint_moves("moved.example", "moved.example");
    supply_unref(&world.supplies[0]);
    world.supplies[0] = supply_made("moved-key", NULL);
    reloads();
    assert_true(peer(1)->closed);
    struct caller *c = caller_gets("/score?two");
    assert_string_equal(conn_with("?two")->host, "moved.example");
    is_served(busy, peer(2));
    assert_true(peer(2)->closed);
    is_served(c, conn_with("?two"));
    assert_lacks(peer_got(peer(1)), "moved-key");
    assert_lacks(peer_got(peer(2)), "moved-key");
    assert_all_over();
}

/* Everything at once */

/* Before each reload one more request of each kind comes, and all of them end well. */
static void many_reloads_with_all_kinds(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 5", NULL};
    struct caller *waiting[20], *sending[20], *resting[20];
    begin_gated(100);
    for (int i = 0; i < 20; i++) {
        waiting[i] = caller_gets("/score?waiting");
        sending[i] = caller_begins("POST", "/score?sending", fields);
        resting[i] = caller_gets("/score?resting");
        peer_sends(conn_with("?resting"), TOO_MANY);
        struct scene *s = scene_copied();
        s->route.response_timeout = (100 + i) * USEC_PER_SEC;
        s->route.connect_timeout = (5 + i % 3) * USEC_PER_SEC;
        if (i % 4 == 3)
            s->gate = i % 8 == 3 ? NULL : gate_made(100, 0, 10);
        scene_is_loaded(s);
        turn();
    }
    for (int i = 0; i < 20; i++) {
        caller_sends(sending[i], "later", 5);
        caller_ends(sending[i]);
    }
    for (int i = 0; i < 20; i++) {
        later(100 * USEC_PER_MS);
        struct conn *c;
        while ((c = conn_with("/score?")))
            peer_sends(c, OK);
    }
    for (int i = 0; i < 20; i++) {
        is_answered(waiting[i], 200);
        is_answered(sending[i], 200);
        is_answered(resting[i], 200);
    }
    assert_all_over();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_in_flight_keeps_its_times),
        TEST(what_is_being_sent_goes_on),
        TEST(answer_that_streams_goes_on),
        TEST(dial_goes_on),
        TEST(new_supply_is_for_the_new_ones),
        TEST(who_waits_for_a_supply_goes_by_the_new_one),
        TEST(who_waits_finds_a_supply_in_the_new_one),
        TEST(who_rests_goes_by_the_new_one),
        TEST(what_the_new_one_writes_is_not_the_callers),
        TEST(queue_keeps_its_order),
        TEST(queue_keeps_its_time),
        TEST(queue_takes_the_time_of_the_new_one),
        TEST(place_that_was_granted_is_not_lost),
        TEST(queue_of_a_gate_that_ends_is_served),
        TEST(old_queue_goes_to_another_gate),
        TEST(old_queue_goes_to_another_endpoint),
        TEST(route_that_gets_a_gate),
        TEST(callers_take_turns_at_a_gate_that_is_new),
        TEST(route_that_is_removed),
        TEST(nothing_comes_any_more_for_a_removed_route),
        TEST(route_that_comes_back),
        TEST(refusal_after_a_reload),
        TEST(refusal_of_a_key_that_was_changed_meanwhile),
        TEST(refused_key_stays_refused),
        TEST(warm_connections_stay),
        TEST(warm_connections_of_other_settings_are_closed),
        TEST(warm_connections_of_another_endpoint_are_closed),
        TEST(many_reloads_with_all_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
