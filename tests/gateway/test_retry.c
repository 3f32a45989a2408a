/* SPDX-License-Identifier: MIT */
/* What is sent again, when, and what the caller gets if it is not. */
#include "expect.h"
#include "fake.h"

#include <stdlib.h>

#define TOO_MANY  "HTTP/1.1 429 No\r\nContent-Length: 0\r\n\r\n"
#define ANSWER(s) "HTTP/1.1 " s " No\r\nContent-Length: 4\r\nX-Own: yes\r\n\r\nbody"
#define AFTER(s, seconds)                                                                          \
    "HTTP/1.1 " s " No\r\nRetry-After: " seconds "\r\nContent-Length: 4\r\n\r\nbody"
#define MODEL(s)                                                                                   \
    "HTTP/1.1 424 Failed Dependency\r\nms-azureml-model-error-statuscode: " s                      \
    "\r\nContent-Length: 4\r\n\r\nbody"
#define BACKOFF (100 * USEC_PER_MS)

static unsigned statuses[8] = {429, 503};
static char filler[256 * 1024];

static void begin(void) {
    world.route.retry = (struct retry_rules){.attempts = 3,
                                             .backoff = BACKOFF,
                                             .max_backoff = 2 * BACKOFF,
                                             .max_wait = 60 * USEC_PER_SEC,
                                             .statuses = statuses,
                                             .status_count = 2,
                                             .budget_percent = 20};
    gateway_restarts(supply_made("key", NULL));
}

static void retries_on(unsigned status) {
    statuses[2] = status;
    world.route.retry.status_count = 3;
}

/* It rests, for BACKOFF at most, and is sent again as it was. */
static void is_sent_again(struct caller *c, const char *word) {
    assert_false(c->replied);
    turn();
    assert_null(conn_with(word));
    later(BACKOFF);
    assert_non_null(conn_with(word));
}

static struct caller *posts_and_gets(const char *answer) {
    struct caller *c = caller_posts("/score", "the body");
    peer_sends(conn_with("the body"), answer);
    return c;
}

static void comes_again(const char *answer) {
    begin();
    struct caller *c = posts_and_gets(answer);
    is_sent_again(c, "\r\n\r\nthe body");
    assert_int_equal(world.conn_count, 1); /* the one that was answered on is clean */
    is_served(c, peer(1));
    assert_all_over();
}

static void passes(const char *answer, unsigned status) {
    begin();
    struct caller *c = posts_and_gets(answer);
    assert_int_equal(c->whole_body.len, 4);
    is_answered(c, status);
    assert_int_equal(world.conn_count, 1);
    assert_all_over();
}

static void too_many_comes_again(void **state) {
    (void)state;
    comes_again(TOO_MANY);
}

static void retry_after_is_kept(void **state) {
    (void)state;
    begin();
    struct caller *c = posts_and_gets(AFTER("429", "3"));
    later(3 * USEC_PER_SEC - 1);
    assert_false(c->replied);
    assert_null(conn_with("the body"));
    later(1);
    last_byte_follows();
    is_served(c, conn_with("the body"));
    assert_all_over();
}

static void retry_after_that_comes_too_late(void **state) {
    (void)state;
    begin();
    world.route.response_timeout = 3 * USEC_PER_SEC;
    struct caller *c = posts_and_gets(AFTER("429", "3"));
    assert_string_equal(reply_field(c, "Retry-After"), "3");
    assert_memory_equal(c->whole_body.at, "body", 4);
    is_answered(c, 429);
    world.route.response_timeout = 190 * USEC_PER_SEC;
    world.route.total_timeout = 3 * USEC_PER_SEC;
    c = posts_and_gets(AFTER("503", "4"));
    is_answered(c, 503);
    assert_all_over();
}

static void last_answer_is_the_callers(void **state) {
    (void)state;
    begin();
    struct caller *c = posts_and_gets(TOO_MANY);
    is_sent_again(c, "the body");
    peer_sends(peer(1), AFTER("503", "0"));
    turn();
    later(2 * BACKOFF);
    peer_sends(conn_with("the body"), ANSWER("429"));
    assert_string_equal(reply_field(c, "X-Own"), "yes");
    is_answered(c, 429);
    struct tally_sum *sum = calloc(1, sizeof *sum);
    tally_read(world.tally, sum);
    assert_int_equal(sum->retries[TALLY_RETRY_STATUS], 2);
    free(sum);
    assert_all_over();
}

/* A 503 says by itself nothing of whether the model acted. */
static void plain_503_passes(void **state) {
    (void)state;
    passes(ANSWER("503"), 503);
}

static void said_503_comes_again(void **state) {
    (void)state;
    comes_again(AFTER("503", "0"));
}

static void idempotent_503_comes_again(void **state) {
    (void)state;
    world.route.idempotent = true;
    comes_again(ANSWER("503"));
}

static void model_429_comes_again(void **state) {
    (void)state;
    comes_again(MODEL("429"));
}

static void model_503_is_a_503(void **state) {
    (void)state;
    passes(MODEL("503"), 424);
}

static void model_503_of_an_idempotent_route(void **state) {
    (void)state;
    world.route.idempotent = true;
    comes_again(MODEL("503"));
}

static void model_500_passes(void **state) {
    (void)state;
    world.route.idempotent = true;
    passes(MODEL("500"), 424);
}

static void model_that_did_not_take_it(void **state) {
    (void)state;
    comes_again("HTTP/1.1 424 Failed Dependency\r\nms-azureml-model-error-reason: "
                "too_many_pending_request\r\nContent-Length: 4\r\n\r\nbody");
}

static void others_never_unless_configured(void **state) {
    (void)state;
    static const struct {
        const char *answer;
        unsigned status;
    } cases[] = {
        {ANSWER("408"), 408}, {ANSWER("500"), 500}, {ANSWER("502"), 502}, {ANSWER("504"), 504}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin();
        world.route.idempotent = true;
        struct caller *c = posts_and_gets(cases[i].answer);
        is_answered(c, cases[i].status);
        retries_on(cases[i].status);
        c = posts_and_gets(cases[i].answer);
        is_sent_again(c, "the body");
        is_served(c, peer(0));
        world.route.idempotent = false;
        c = posts_and_gets(cases[i].answer);
        is_answered(c, cases[i].status);
    }
    assert_all_over();
}

static void get_comes_again_like_an_idempotent_one(void **state) {
    (void)state;
    begin();
    struct caller *c = caller_gets("/score?word");
    peer_sends(peer(1), ANSWER("503"));
    is_sent_again(c, "?word");
    is_served(c, peer(1));
    assert_all_over();
}

static void large_body_is_sent_once(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 100000", NULL};
    begin();
    struct caller *c = caller_begins("POST", "/score", fields);
    size_t taken = caller_sends(c, filler, 100000);
    turn();
    while (taken < 100000)
        taken += caller_sends(c, filler + taken, 100000 - taken);
    caller_ends(c);
    peer_sends(peer(1), TOO_MANY);
    is_answered(c, 429);
    assert_all_over();
}

/* Nothing of it was sent: it may still go, once. */
static void large_body_that_found_no_connection(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 100000", NULL};
    begin();
    host_is_down("endpoint.example", REASON_connection_refused);
    struct caller *c = caller_begins("POST", "/score", fields);
    size_t taken = caller_sends(c, filler, 100000);
    turn();
    host_is_down("endpoint.example", REASON_NONE);
    later(BACKOFF);
    while (taken < 100000) {
        assert_true(c->wants_body);
        taken += caller_sends(c, filler + taken, 100000 - taken);
    }
    caller_ends(c);
    struct conn *conn = conn_with("Content-Length: 100000\r\n\r\n");
    const char *body = strstr(peer_got(conn), "\r\n\r\n") + 4;
    assert_int_equal(strlen(body), 100000);
    assert_memory_equal(body, filler, 100000);
    is_served(c, conn);
    assert_all_over();
}

/* The endpoint answers before the caller is through: what is still to come goes with the repeat. */
static void caller_that_is_still_sending(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 10", NULL};
    begin();
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, "first", 5);
    turn();
    peer_sends(peer(1), TOO_MANY);
    turn();
    assert_false(c->replied);
    assert_true(peer(1)->closed); /* half a request was sent there */
    assert_int_equal(caller_sends(c, "later", 5), 0);
    later(BACKOFF);
    assert_true(c->wants_body);
    assert_int_equal(caller_sends(c, "later", 5), 5);
    caller_ends(c);
    assert_contains(peer_got(peer(2)), "\r\n\r\nfirstlater");
    is_served(c, peer(2));
    assert_all_over();
}

static void chunked_caller_that_is_still_sending(void **state) {
    (void)state;
    const char *fields[] = {"Transfer-Encoding: chunked", NULL};
    begin();
    struct caller *c = caller_begins("POST", "/score", fields);
    caller_sends(c, "first", 5);
    turn();
    peer_sends(peer(1), TOO_MANY);
    later(BACKOFF);
    caller_sends(c, "later", 5);
    caller_ends(c);
    assert_contains(peer_got(peer(2)), "\r\n\r\n5\r\nfirst\r\n5\r\nlater\r\n0\r\n\r\n");
    is_served(c, peer(2));
    assert_all_over();
}

static void caller_that_goes_while_it_rests(void **state) {
    (void)state;
    begin();
    struct caller *c = posts_and_gets(TOO_MANY);
    caller_is_done(c, false);
    later(BACKOFF);
    assert_null(conn_with("the body"));
    assert_all_over();
}

/* The reserve is ten; each request earns a fifth. */
static void budget_is_kept(void **state) {
    (void)state;
    begin();
    unsigned repeats = 0, n;
    for (n = 0; n < 100; n++) {
        struct caller *c = posts_and_gets(TOO_MANY);
        while (!c->replied) {
            repeats++;
            later(2 * BACKOFF);
            peer_sends(conn_with("the body"), TOO_MANY);
            turn();
        }
        is_answered(c, 429);
    }
    assert_in_range(repeats, 25, 10 + n / 5 + (2 * BACKOFF) * repeats / USEC_PER_SEC + 1);
    assert_all_over();
}

static void no_budget_no_repeat(void **state) {
    (void)state;
    world.route.retry.budget_percent = 0;
    begin();
    world.route.retry.budget_percent = 0;
    gateway_restarts(supply_made("key", NULL));
    is_answered(posts_and_gets(TOO_MANY), 429);
    assert_all_over();
}

/* Connections */

static void refused_connection_comes_again(enum reason why) {
    begin();
    host_is_down("endpoint.example", why);
    struct caller *c = caller_posts("/score", "the body");
    assert_false(c->replied);
    host_is_down("endpoint.example", REASON_NONE);
    is_sent_again(c, "the body");
    is_served(c, peer(1));
    assert_all_over();
}

static void refused_then_fine(void **state) {
    (void)state;
    refused_connection_comes_again(REASON_connection_refused);
}

static void dns_error_then_fine(void **state) {
    (void)state;
    refused_connection_comes_again(REASON_dns_error);
}

static void fails_to_the_end(enum reason why) {
    begin();
    host_is_down("endpoint.example", why);
    struct caller *c = caller_posts("/score", "the body");
    later(BACKOFF);
    assert_false(c->replied);
    later(2 * BACKOFF);
    is_refused(c, 502, reason_word(why));
    assert_all_over();
}

static void refused_to_the_end(void **state) {
    (void)state;
    fails_to_the_end(REASON_connection_refused);
}

/* An endpoint that dies amid a handshake looks like one that cannot do it. */
static void handshakes_that_fail_to_the_end(void **state) {
    (void)state;
    fails_to_the_end(REASON_tls_error);
}

static void certificate_error_is_final(void **state) {
    (void)state;
    begin();
    host_is_down("endpoint.example", REASON_certificate_error);
    is_refused(caller_posts("/score", "the body"), 502, "certificate_error");
    assert_all_over();
}

static void lost_without_an_answer(void **state) {
    (void)state;
    begin();
    struct caller *c = caller_posts("/score", "the body");
    peer_closes(peer(1), CONN_FAILED);
    is_refused(c, 502, "connection_closed");
    world.route.idempotent = true;
    c = caller_posts("/score", "the body");
    peer_closes(peer(2), CONN_FAILED);
    is_sent_again(c, "the body");
    is_served(c, peer(3));
    assert_all_over();
}

static void half_an_answer_is_not_repeated(void **state) {
    (void)state;
    begin();
    world.route.idempotent = true;
    struct caller *c = caller_posts("/score", "the body");
    peer_sends(peer(1), "HTTP/1.1 429 No\r\nCont");
    peer_closes(peer(1), CONN_FAILED);
    is_refused(c, 502, "answer_incomplete");
    assert_all_over();
}

/* An answer that is not over when it is dropped takes its connection along. */
static void dropped_answer_leaves_nothing_behind(void **state) {
    (void)state;
    begin();
    struct caller *c = posts_and_gets("HTTP/1.1 429 No\r\nContent-Length: 40000\r\n\r\nsome");
    assert_true(peer(1)->closed);
    is_sent_again(c, "the body");
    peer_sends(peer(2), OK "HTTP/1.1 200 OK\r\n"); /* more than was asked for */
    is_answered(c, 200);
    assert_true(peer(2)->closed);
    assert_all_over();
}

/* It is not the backend's time that counts but the caller's. */
static void deadline_spans_all_attempts(void **state) {
    (void)state;
    begin();
    world.route.total_timeout = 10 * USEC_PER_SEC;
    struct caller *c = posts_and_gets(AFTER("429", "6"));
    later(6 * USEC_PER_SEC);
    last_byte_follows();
    assert_non_null(conn_with("the body"));
    later(4 * USEC_PER_SEC);
    is_refused(c, 504, "total_timeout");
    assert_all_over();
}

static unsigned crowded(void) {
    unsigned n = 0;
    for (unsigned i = 0; i < world.told_count; i++)
        n += world.told[i].crowded;
    return n;
}

static void crowd_is_told_once_a_second(void **state) {
    (void)state;
    begin();
    world.route.retry.attempts = 1;
    for (int i = 0; i < 5; i++)
        is_answered(posts_and_gets(TOO_MANY), 429);
    assert_int_equal(crowded(), 1);
    later(USEC_PER_SEC - 1);
    struct caller *c = caller_posts("/score", "the body");
    last_byte_follows();
    peer_sends(conn_with("the body"), MODEL("429"));
    is_answered(c, 424);
    assert_int_equal(crowded(), 2);
    assert_int_equal(world.told[1].revision, world.revision);
    is_answered(posts_and_gets(ANSWER("503")), 503);
    assert_int_equal(crowded(), 2);
    assert_all_over();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(too_many_comes_again),
        TEST(retry_after_is_kept),
        TEST(retry_after_that_comes_too_late),
        TEST(last_answer_is_the_callers),
        TEST(plain_503_passes),
        TEST(said_503_comes_again),
        TEST(idempotent_503_comes_again),
        TEST(model_429_comes_again),
        TEST(model_503_is_a_503),
        TEST(model_503_of_an_idempotent_route),
        TEST(model_500_passes),
        TEST(model_that_did_not_take_it),
        TEST(others_never_unless_configured),
        TEST(get_comes_again_like_an_idempotent_one),
        TEST(large_body_is_sent_once),
        TEST(large_body_that_found_no_connection),
        TEST(caller_that_is_still_sending),
        TEST(chunked_caller_that_is_still_sending),
        TEST(caller_that_goes_while_it_rests),
        TEST(budget_is_kept),
        TEST(no_budget_no_repeat),
        TEST(refused_then_fine),
        TEST(dns_error_then_fine),
        TEST(refused_to_the_end),
        TEST(handshakes_that_fail_to_the_end),
        TEST(certificate_error_is_final),
        TEST(lost_without_an_answer),
        TEST(half_an_answer_is_not_repeated),
        TEST(dropped_answer_leaves_nothing_behind),
        TEST(deadline_spans_all_attempts),
        TEST(crowd_is_told_once_a_second),
    };
    for (size_t i = 0; i < sizeof filler; i++)
        filler[i] = (char)('a' + i % 23);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
