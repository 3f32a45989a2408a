/* SPDX-License-Identifier: MIT */
/* Endpoints that are not ready yet: one exchange asks again and again, the others wait for it. */
#include "expect.h"
#include "fake.h"

#define NOT_READY "HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\ncold"
#define NO_MODEL                                                                                   \
    "HTTP/1.1 424 Failed Dependency\r\nms-azureml-model-error-reason: model_not_ready\r\n"         \
    "ms-azureml-model-error-statuscode: 503\r\nContent-Length: 4\r\n\r\ncold"
#define NO_DEPLOYMENT "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ncold"

static void begin(unsigned backends) {
    world.route.wait_for_ready = 60 * USEC_PER_SEC;
    retries_usual(3, 20);
    breaker_usual();
    backends_are(backends);
    gateway_restarts_whole();
}

/* The longest that whoever asks rests. */
static void rests(void) {
    later(2 * USEC_PER_SEC);
    last_byte_follows();
}

static void asks_until_ready(const char *answer) {
    begin(1);
    struct caller *c = caller_posts("/score", "body");
    for (int i = 0; i < 10; i++) {
        assert_non_null(conn_with("\r\n\r\nbody"));
        buf_clear(&peer(0)->sent);
        peer_sends(peer(0), answer);
        assert_false(c->replied);
        assert_int_equal(world.conn_count, 1); /* which is clean */
        rests();
    }
    is_served(c, conn_with("\r\n\r\nbody"));
    assert_all_over();
}

static void cold_503(void **state) {
    (void)state;
    asks_until_ready(NOT_READY);
}

static void cold_424(void **state) {
    (void)state;
    asks_until_ready(NO_MODEL);
}

static void cold_404(void **state) {
    (void)state;
    asks_until_ready(NO_DEPLOYMENT);
}

/* Which means that there is one, and that it does not have what was asked for. */
static void a_404_of_a_deployment_is_an_answer(void **state) {
    (void)state;
    begin(1);
    struct caller *c = caller_posts("/score", "body");
    peer_sends(peer(0), "HTTP/1.1 404 Not Found\r\nazureml-model-deployment: blue\r\n"
                        "Content-Length: 4\r\n\r\nnone");
    is_answered(c, 404);
    assert_all_over();
}

static void takes_no_connections_yet(void **state) {
    (void)state;
    struct caller *c[4];
    begin(1);
    world.refuse_dials = true;
    for (int i = 0; i < 4; i++)
        c[i] = caller_posts("/score", "body");
    host_is_down(host_of(0), REASON_connection_refused);
    world.refuse_dials = false;
    for (int i = 0; i < 10; i++) {
        rests();
        for (int k = 0; k < 4; k++)
            assert_false(c[k]->replied);
    }
    host_is_down(host_of(0), REASON_NONE);
    rests();
    for (int i = 0; i < 4; i++) {
        peer_sends(conn_with("\r\n\r\nbody"), OK);
        later(0);
    }
    for (int i = 0; i < 4; i++)
        is_answered(c[i], 200);
    /* The breaker did not take the cold start for failures: others are served at once. */
    c[0] = caller_posts("/score", "another");
    is_served(c[0], conn_with("\r\n\r\nanother"));
    assert_all_over();
}

static void is_off_by_default(void **state) {
    (void)state;
    begin(1);
    world.route.wait_for_ready = 0;
    struct caller *c = caller_posts("/score", "body");
    peer_sends(peer(0), NO_DEPLOYMENT);
    is_answered(c, 404);
    c = caller_posts("/score", "body");
    peer_sends(peer(0), NOT_READY);
    is_answered(c, 503);
    assert_all_over();
}

/* One finds out, two go when it has, and two more with each answer. */
static void others_wait_for_the_canary(void **state) {
    (void)state;
    static const char *const targets[] = {"/score?c0", "/score?c1", "/score?c2", "/score?c3",
                                          "/score?c4", "/score?c5", "/score?c6", "/score?c7"};
    struct caller *c[8];
    begin(1);
    c[0] = caller_gets(targets[0]);
    peer_sends(peer(0), NOT_READY);
    for (int i = 1; i < 8; i++)
        c[i] = caller_gets(targets[i]);
    assert_int_equal(world.conn_count, 1);
    rests();
    assert_non_null(conn_with("?c0"));
    assert_null(conn_with("?c1"));
    is_served(c[0], conn_with("?c0"));
    later(0);
    assert_non_null(conn_with("?c2"));
    assert_null(conn_with("?c3"));
    is_served(c[1], conn_with("?c1"));
    later(0);
    assert_non_null(conn_with("?c4"));
    assert_null(conn_with("?c5"));
    for (int i = 2; i < 8; i++) {
        const char *word = targets[i] + strlen("/score");
        assert_non_null(conn_with(word));
        is_served(c[i], conn_with(word));
        later(0);
    }
    assert_all_over();
}

static void next_one_asks_when_the_canary_has_gone(void **state) {
    (void)state;
    begin(1);
    struct caller *first = caller_gets("/score?first");
    peer_sends(peer(0), NOT_READY);
    struct caller *second = caller_gets("/score?second"), *third = caller_gets("/score?third");
    caller_is_done(first, false);
    later(0);
    assert_non_null(conn_with("?second"));
    assert_null(conn_with("?third"));
    is_served(second, conn_with("?second"));
    later(0);
    is_served(third, conn_with("?third"));
    assert_all_over();
}

/* Those that were let go are not there any more when the answer would come. */
static void nobody_is_forgotten_when_the_released_have_gone(void **state) {
    (void)state;
    begin(1);
    struct caller *first = caller_gets("/score?first");
    peer_sends(peer(0), NOT_READY);
    struct caller *second = caller_gets("/score?second"), *third = caller_gets("/score?third");
    struct caller *fourth = caller_gets("/score?fourth");
    rests();
    is_served(first, conn_with("?first"));
    later(0);
    caller_is_done(second, false);
    caller_is_done(third, false);
    later(0);
    assert_non_null(conn_with("?fourth"));
    is_served(fourth, conn_with("?fourth"));
    assert_all_over();
}

static void nobody_is_forgotten_when_the_released_fail(void **state) {
    (void)state;
    begin(1);
    struct caller *first = caller_gets("/score?first");
    peer_sends(peer(0), NOT_READY);
    struct caller *second = caller_posts("/score?second", "");
    struct caller *third = caller_posts("/score?third", "");
    struct caller *fourth = caller_gets("/score?fourth");
    rests();
    is_served(first, conn_with("?first"));
    later(0);
    peer_closes(conn_with("?second"), CONN_FAILED);
    peer_closes(conn_with("?third"), CONN_FAILED);
    is_refused(second, 502, "connection_closed");
    is_refused(third, 502, "connection_closed");
    later(0);
    is_served(fourth, conn_with("?fourth"));
    assert_all_over();
}

static void released_ones_that_meet_the_cold_wait_again(void **state) {
    (void)state;
    begin(1);
    struct caller *first = caller_gets("/score?first");
    peer_sends(peer(0), NOT_READY);
    struct caller *second = caller_gets("/score?second"), *third = caller_gets("/score?third");
    rests();
    is_served(first, conn_with("?first"));
    later(0);
    peer_sends(conn_with("?second"), NOT_READY);
    peer_sends(conn_with("?third"), NOT_READY);
    turn();
    assert_null(conn_with("?second"));
    rests();
    assert_null(conn_with("?third")); /* one of them asks for both */
    is_served(second, conn_with("?second"));
    later(0);
    is_served(third, conn_with("?third"));
    assert_all_over();
}

/* The time that it waits for the endpoint is over: what the endpoint says is good enough. */
static void deadline_brings_the_answer_of_the_endpoint(void **state) {
    (void)state;
    begin(1);
    usec_t until = world.loop.now + world.route.wait_for_ready;
    struct caller *first = caller_posts("/score?first", "body");
    peer_sends(peer(0), NO_MODEL);
    struct caller *second = caller_gets("/score?second");
    while (!first->replied) {
        assert_true(world.loop.now < until);
        rests();
        if (conn_with("?first"))
            peer_sends(conn_with("?first"), NO_MODEL);
    }
    assert_true(until - world.loop.now <= 4 * USEC_PER_SEC);
    assert_int_equal(first->whole_body.len, 4);
    is_answered(first, 424);
    assert_false(second->replied);
    later(0); /* the second asks itself, for what is left of its time */
    assert_non_null(conn_with("?second"));
    is_served(second, conn_with("?second"));
    assert_all_over();
}

static void who_waits_for_another_is_told_at_its_deadline(void **state) {
    (void)state;
    begin(1);
    struct caller *first = caller_gets("/score?first");
    peer_sends(peer(0), NOT_READY);
    struct caller *second = caller_gets("/score?second");
    rests(); /* the first asks, and is not answered */
    later(57 * USEC_PER_SEC);
    assert_false(second->replied);
    later(USEC_PER_SEC);
    assert_non_null(reply_field(second, "Retry-After"));
    is_refused(second, 503, "not_ready");
    is_served(first, conn_with("?first"));
    assert_all_over();
}

static void large_body_is_not_held(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 200000", NULL};
    static char body[200000];
    begin(1);
    struct caller *c = caller_begins("POST", "/score", fields);
    size_t taken = caller_sends(c, body, sizeof body);
    turn();
    while (taken < sizeof body)
        taken += caller_sends(c, body + taken, sizeof body - taken);
    caller_ends(c);
    peer_sends(peer(0), NOT_READY);
    is_answered(c, 503);
    assert_all_over();
}

/* It waits for the canary without being taken, then goes as a whole. */
static void large_body_waits_for_the_canary(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 200000", NULL};
    static char body[200000];
    begin(1);
    struct caller *first = caller_gets("/score?first");
    peer_sends(peer(0), NOT_READY);
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    assert_int_equal(caller_sends(c, body, sizeof body), 0);
    rests();
    is_served(first, conn_with("?first"));
    later(0);
    for (size_t taken = 0; taken < sizeof body;)
        taken += caller_sends(c, body + taken, sizeof body - taken);
    caller_ends(c);
    is_served(c, conn_with("Content-Length: 200000"));
    assert_all_over();
}

static void goes_elsewhere_first(void **state) {
    (void)state;
    begin(2);
    struct caller *c = caller_gets("/score?first");
    struct conn *cold = peer(0);
    peer_sends(cold, NOT_READY);
    turn();
    assert_int_equal(world.conn_count, 2);
    assert_string_not_equal(peer(2)->host, cold->host);
    peer_sends(peer(2), NOT_READY);
    turn();
    assert_false(c->replied); /* now there is nobody else */
    rests();
    assert_non_null(conn_with("?first"));
    is_served(c, conn_with("?first"));
    assert_all_over();
}

/* What it took to wake the endpoint is not held against the request. */
static void attempts_begin_when_it_is_ready(void **state) {
    (void)state;
    begin(1);
    struct caller *c = caller_gets("/score?first");
    for (int i = 0; i < 5; i++) {
        peer_sends(peer(0), NOT_READY);
        rests();
    }
    peer_sends(peer(0), "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n");
    assert_false(c->replied);
    later(100 * USEC_PER_MS); /* as after a first attempt */
    is_served(c, conn_with("?first"));
    assert_all_over();
}

/* Once it is ready the time of the cold start does not end what comes then. */
static void back_off_outlives_the_time_of_waiting(void **state) {
    (void)state;
    begin(1);
    world.route.wait_for_ready = 3 * USEC_PER_SEC;
    struct caller *c = caller_gets("/score?first");
    peer_sends(peer(0), NOT_READY);
    rests();
    peer_sends(peer(0), "HTTP/1.1 429 No\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n");
    assert_false(c->replied);
    later(5 * USEC_PER_SEC - 1);
    assert_null(conn_with("?first"));
    later(1);
    last_byte_follows();
    is_served(c, conn_with("?first"));
    assert_all_over();
}

/* Those that wait for the canary go by the new configuration. */
static void reload_takes_those_that_wait_along(void **state) {
    (void)state;
    begin(1);
    struct caller *first = caller_gets("/score?first");
    peer_sends(peer(0), NOT_READY);
    struct caller *c[5];
    for (int i = 0; i < 5; i++)
        c[i] = caller_gets("/score?other");
    rests();
    assert_non_null(conn_with("?first"));
    scene_is_loaded(scene_copied());
    is_served(first, conn_with("?first"));
    for (int i = 0; i < 5; i++) {
        later(0);
        assert_non_null(conn_with("?other"));
        peer_sends(conn_with("?other"), OK);
    }
    for (int i = 0; i < 5; i++)
        is_answered(c[i], 200);
    assert_all_over();
}

static void canary_that_rests_goes_on_after_a_reload(void **state) {
    (void)state;
    begin(1);
    struct caller *first = caller_gets("/score?first");
    peer_sends(peer(0), NOT_READY);
    struct caller *second = caller_gets("/score?second");
    scene_is_loaded(scene_copied());
    later(0);
    assert_null(conn_with("?second")); /* the first still finds out */
    rests();
    is_served(first, conn_with("?first"));
    later(0);
    is_served(second, conn_with("?second"));
    assert_all_over();
}

/* A caller that is slow to take its answer keeps nobody waiting. */
static void slow_reader_of_a_cold_answer(void **state) {
    (void)state;
    begin(1);
    struct caller *first = caller_gets("/score?first");
    peer_sends(peer(0), NOT_READY);
    struct caller *second = caller_gets("/score?second");
    while (!first->replied) {
        rests();
        if (conn_with("?first"))
            peer_sends(conn_with("?first"), NOT_READY);
    }
    later(0);
    assert_non_null(conn_with("?second"));
    is_served(second, conn_with("?second"));
    is_answered(first, 503);
    assert_all_over();
}

/* No answer at all, to the end. */
static void deadline_without_a_connection(void **state) {
    (void)state;
    begin(1);
    host_is_down(host_of(0), REASON_connection_refused);
    struct caller *c = caller_posts("/score", "body");
    while (!c->replied)
        rests();
    assert_non_null(reply_field(c, "Retry-After"));
    is_refused(c, 503, "not_ready");
    assert_all_over();
}

/* One that is sent in spite of an open breaker says that the endpoint is back. */
static void answer_closes_the_breaker(void **state) {
    (void)state;
    static struct tally_sum sum;
    struct caller *c[2];
    begin(1);
    world.route.wait_for_ready = 0;
    host_is_down(host_of(0), REASON_connection_refused);
    world.route.retry.attempts = 1;
    for (int i = 0; i < 3; i++)
        is_refused(caller_gets("/score"), 502, "connection_refused");
    is_refused(caller_gets("/score"), 503, "breaker_open");
    later(world.route.breaker.open * 2);
    world.route.wait_for_ready = 60 * USEC_PER_SEC;
    c[0] = caller_gets("/score?first");
    rests();
    host_is_down(host_of(0), REASON_NONE);
    rests();
    is_served(c[0], conn_with("?first"));
    c[1] = caller_gets("/score?second");
    is_served(c[1], conn_with("?second"));
    tally_read(world.tally, &sum);
    assert_int_equal(sum.backends[0], TALLY_CLOSED);
    assert_all_over();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(cold_503),
        TEST(cold_424),
        TEST(cold_404),
        TEST(a_404_of_a_deployment_is_an_answer),
        TEST(takes_no_connections_yet),
        TEST(is_off_by_default),
        TEST(others_wait_for_the_canary),
        TEST(next_one_asks_when_the_canary_has_gone),
        TEST(nobody_is_forgotten_when_the_released_have_gone),
        TEST(nobody_is_forgotten_when_the_released_fail),
        TEST(released_ones_that_meet_the_cold_wait_again),
        TEST(deadline_brings_the_answer_of_the_endpoint),
        TEST(who_waits_for_another_is_told_at_its_deadline),
        TEST(large_body_is_not_held),
        TEST(large_body_waits_for_the_canary),
        TEST(goes_elsewhere_first),
        TEST(attempts_begin_when_it_is_ready),
        TEST(back_off_outlives_the_time_of_waiting),
        TEST(reload_takes_those_that_wait_along),
        TEST(canary_that_rests_goes_on_after_a_reload),
        TEST(slow_reader_of_a_cold_answer),
        TEST(deadline_without_a_connection),
        TEST(answer_closes_the_breaker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
