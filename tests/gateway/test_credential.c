/* SPDX-License-Identifier: MIT */
/* What a 401 to scoregate's own credential comes to: the other key, a fresh one, or the end. Rows
 * K11 to K13, U29. */
#include "expect.h"
#include "fake.h"

#include <stdlib.h>

#define UNAUTHORIZED "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"

static char filler[256 * 1024];

static unsigned waiting(void) {
    return world.gateway->routes[0]->waiting_count;
}

static void ends_with(struct caller *c, unsigned status, const char *reason) {
    assert_problem(c, status, reason);
    caller_is_done(c, true);
    assert_int_equal(waiting(), 0);
}

/* The answer to what was sent last on the connection; what comes next on it is looked at alone. */
static void says(int number, const char *answer) {
    struct conn *c = peer(number);
    buf_clear(&c->sent);
    peer_sends(c, answer);
    turn();
}

static void ends_well(struct caller *c, int number) {
    says(number, OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
    assert_int_equal(waiting(), 0);
}

/* The Nth request on the connection is sent with KEY, and nothing else is. */
#define assert_key(number, key)                                                                    \
    assert_contains(peer_got(peer(number)), "\r\nAuthorization: Bearer " key "\r\n")
#define assert_nothing_sent(number) assert_string_equal(peer_got(peer(number)), "")

static void assert_told(unsigned at, bool accepted, uint64_t revision, unsigned key) {
    assert_true(at < world.told_count);
    assert_int_equal(world.told[at].accepted, accepted);
    assert_int_equal(world.told[at].revision, revision);
    assert_int_equal(world.told[at].key, key);
    assert_int_equal(world.told[at].backend, 0);
}

/* The control thread has looked into every refusal so far: these are the keys now. */
static void answered_with(const char *primary, const char *secondary) {
    uint64_t last = world.revision;
    struct supply *s = supply_made(primary, secondary);
    s->answered = last;
    supply_comes(s);
    turn();
}

static void refused_key_is_replaced_by_the_other(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    assert_key(1, "primary-key");
    says(1, UNAUTHORIZED);
    assert_false(c->replied);
    assert_key(1, "secondary-key");
    assert_contains(peer_got(peer(1)), "\r\n\r\nx");
    ends_well(c, 1);
    assert_int_equal(world.told_count, 2);
    assert_told(0, false, 1, 0);
    assert_told(1, true, 1, 1);
    c = caller_posts("/score", "x"); /* remembered */
    assert_key(1, "secondary-key");
    ends_well(c, 1);
    assert_int_equal(world.told_count, 2);
}

static void replay_needs_no_connection_that_is_kept(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    says(1, "HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nWWW-Authenticate: Bearer\r\n"
            "Content-Length: 0\r\n\r\n");
    assert_true(peer(1)->closed);
    assert_key(2, "secondary-key");
    ends_well(c, 2);
}

/* Row K12: one failed call for each request that is on its way, none later, told once. */
static void many_on_their_way_fail_once_each(void **state) {
    (void)state;
    struct caller *callers[5];
    for (int i = 0; i < 5; i++)
        callers[i] = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    assert_key(1, "secondary-key");
    struct caller *later = caller_posts("/score", "later"); /* before it is known to work */
    assert_key(6, "secondary-key");
    for (int i = 1; i < 5; i++) {
        says(i + 1, UNAUTHORIZED);
        assert_key(i + 1, "secondary-key");
    }
    for (int i = 0; i < 5; i++)
        ends_well(callers[i], i + 1);
    ends_well(later, 6);
    assert_int_equal(world.told_count, 2);
    assert_told(0, false, 1, 0);
    assert_told(1, true, 1, 1);
}

/* An answer to a request that went out before the key was replaced brings it back to nobody. */
static void late_success_of_the_replaced_key(void **state) {
    (void)state;
    struct caller *first = caller_posts("/score", "x"), *second = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    ends_well(first, 1);
    ends_well(second, 2);
    assert_int_equal(world.told_count, 2);
    first = caller_posts("/score", "x");
    assert_key(2, "secondary-key");
    ends_well(first, 2);
}

static void only_key_waits_for_the_control_thread(void **state) {
    (void)state;
    gateway_restarts(supply_made("token", NULL));
    uint64_t revision = world.revision;
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    assert_int_equal(waiting(), 1);
    assert_nothing_sent(1);
    assert_int_equal(world.told_count, 1);
    assert_told(0, false, revision, 0);
    answered_with("fresh", NULL);
    assert_key(1, "fresh");
    assert_contains(peer_got(peer(1)), "\r\n\r\nx");
    ends_well(c, 1);
    assert_int_equal(world.told_count, 1);
}

/* Else those that wait would do so in vain, and everybody after them. */
static void what_was_not_heard_is_told_again(void **state) {
    (void)state;
    struct caller *callers[3];
    gateway_restarts(supply_made("token", NULL));
    for (int i = 0; i < 3; i++) {
        world.deaf = i == 0;
        callers[i] = caller_gets("/score");
        says(1, UNAUTHORIZED);
        assert_int_equal(world.told_count, i == 0 ? 1 : 2);
    }
    assert_int_equal(waiting(), 3);
    answered_with("fresh", NULL);
    for (int i = 0; i < 3; i++) {
        peer_sends(peer(i + 1), OK);
        assert_int_equal(callers[i]->status, 200);
        caller_is_done(callers[i], true);
    }
}

/* Row K11: one refresh for everybody. */
static void revoked_token_is_told_once(void **state) {
    (void)state;
    struct caller *callers[4];
    gateway_restarts(supply_made("token", NULL));
    for (int i = 0; i < 4; i++)
        callers[i] = caller_gets("/score");
    for (int i = 0; i < 4; i++)
        says(i + 1, UNAUTHORIZED);
    assert_int_equal(waiting(), 4);
    assert_int_equal(world.told_count, 1);
    answered_with("fresh", NULL);
    for (int i = 0; i < 4; i++) {
        assert_key(4 - i, "fresh"); /* the connection that was used last goes out first */
        peer_sends(peer(4 - i), OK);
        assert_int_equal(callers[i]->status, 200);
        caller_is_done(callers[i], true);
    }
    assert_int_equal(world.told_count, 1);
}

/* The same value in a secret of its own is not a new one. */
static void same_token_again_is_502(void **state) {
    (void)state;
    gateway_restarts(supply_made("token", NULL));
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    supply_comes(supply_made("token", NULL)); /* a renewal that knew nothing of it */
    turn();
    assert_int_equal(waiting(), 1);
    answered_with("token", NULL);
    ends_with(c, 502, "credential_refused");
    assert_nothing_sent(1);
    c = caller_gets("/score");
    assert_key(1, "token"); /* tried again, and told again: the supply is another one */
    says(1, UNAUTHORIZED);
    assert_int_equal(world.told_count, 2);
    assert_told(1, false, world.revision, 0);
    answered_with("token", NULL);
    ends_with(c, 502, "credential_refused");
}

/* A supply that says beforehand that nothing more can be found out. */
static void static_key_is_refused_at_once(void **state) {
    (void)state;
    struct supply *s = supply_made("key", NULL);
    s->answered = UINT64_MAX;
    gateway_restarts(s);
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    ends_with(c, 502, "credential_refused");
}

/* Row K13. */
static void both_keys_refused_is_502(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    says(1, UNAUTHORIZED);
    assert_int_equal(waiting(), 1);
    assert_int_equal(world.told_count, 2);
    assert_told(0, false, 1, 0);
    assert_told(1, false, 1, 1);
    answered_with("primary-key", "secondary-key");
    assert_null(reply_field(c, "WWW-Authenticate"));
    ends_with(c, 502, "credential_refused");
    assert_nothing_sent(1);
    c = caller_posts("/score", "x"); /* neither is better than the one that is preferred */
    assert_key(1, "primary-key");
    ends_well(c, 1);
}

static void both_keys_renewed(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    says(1, UNAUTHORIZED);
    answered_with("new-primary", "new-secondary");
    assert_key(1, "new-primary");
    says(1, UNAUTHORIZED);
    assert_key(1, "new-secondary");
    says(1, UNAUTHORIZED); /* that is enough */
    ends_with(c, 502, "credential_refused");
    assert_int_equal(world.told_count, 4);
    assert_told(3, false, 2, 1);
}

/* One key was replaced: what is known of the other one stays. */
static void new_primary_beside_a_refused_secondary(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    says(1, UNAUTHORIZED);
    answered_with("new-primary", "secondary-key");
    assert_key(1, "new-primary");
    ends_well(c, 1);
    assert_int_equal(world.told_count, 2);
}

static void accepted_key_that_is_refused_later(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    ends_well(c, 1);
    c = caller_posts("/score", "x");
    assert_key(1, "secondary-key");
    says(1, UNAUTHORIZED);
    assert_int_equal(waiting(), 1); /* the primary is known to be refused */
    answered_with("primary-key", "secondary-key");
    assert_key(1, "primary-key"); /* but not to this request */
    ends_well(c, 1);
    assert_int_equal(world.told_count, 4);
    assert_told(2, false, 1, 1);
    assert_told(3, true, 2, 0);
}

static void same_secrets_keep_what_was_learnt(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    ends_well(c, 1);
    for (int i = 0; i < 3; i++) { /* no flapping: they all prefer the primary still */
        supply_comes(supply_made("primary-key", "secondary-key"));
        c = caller_posts("/score", "x");
        assert_key(1, "secondary-key");
        ends_well(c, 1);
    }
    supply_comes(supply_made("new-primary", "secondary-key"));
    c = caller_posts("/score", "x");
    assert_key(1, "new-primary");
    ends_well(c, 1);
    assert_int_equal(world.told_count, 2);
}

static void preference_of_the_control_thread_counts(void **state) {
    (void)state;
    struct supply *s = supply_made("primary-key", "secondary-key");
    s->preferred = 1;
    supply_comes(s);
    struct caller *c = caller_posts("/score", "x");
    assert_key(1, "secondary-key");
    ends_well(c, 1);
    supply_comes(supply_made("primary-key", "secondary-key"));
    c = caller_posts("/score", "x");
    assert_key(1, "primary-key");
    says(1, UNAUTHORIZED);
    assert_key(1, "secondary-key");
    ends_well(c, 1);
    s = supply_made("primary-key", "secondary-key");
    s->preferred = 1;
    supply_comes(s);
    supply_comes(supply_made("primary-key", "secondary-key"));
    c = caller_posts("/score", "x");
    assert_key(1, "secondary-key"); /* unless that key is known to be refused */
    ends_well(c, 1);
    s = supply_made(NULL, "alone");
    supply_comes(s); /* prefers one that is not there */
    c = caller_posts("/score", "x");
    assert_key(1, "alone");
    ends_well(c, 1);
}

/* A refusal of a secret that was replaced meanwhile says nothing about the new one. */
static void late_refusal_of_an_old_token(void **state) {
    (void)state;
    gateway_restarts(supply_made("old", NULL));
    struct caller *c = caller_posts("/score", "x");
    supply_comes(supply_made("new", NULL));
    says(1, UNAUTHORIZED);
    assert_key(1, "new");
    ends_well(c, 1);
    assert_int_equal(world.told_count, 0);
}

/* The same, but the secret is in the new supply, too, and in another place. */
static void late_refusal_of_a_key_that_is_still_there(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    supply_comes(supply_made("secondary-key", "primary-key"));
    says(1, UNAUTHORIZED);
    assert_int_equal(world.told_count, 1);
    assert_told(0, false, 2, 1);
    assert_key(1, "secondary-key");
    ends_well(c, 1);
    assert_int_equal(world.told_count, 1);
}

static void four_secrets_are_enough(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    for (int i = 0; i < 4; i++) {
        char primary[32];
        snprintf(primary, sizeof primary, "next-%d", i);
        supply_comes(supply_made(primary, NULL));
        assert_false(c->replied);
        says(1, UNAUTHORIZED);
    }
    ends_with(c, 502, "credential_refused");
}

static void waiting_after_a_refusal_has_its_deadline(void **state) {
    (void)state;
    gateway_restarts(supply_made("token", NULL));
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    time_passes(190 * USEC_PER_SEC - 1);
    assert_false(c->replied);
    time_passes(1);
    ends_with(c, 504, "response_timeout");
}

static void caller_gone_after_a_refusal(void **state) {
    (void)state;
    gateway_restarts(supply_made("token", NULL));
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    caller_is_done(c, false);
    assert_int_equal(waiting(), 0);
    answered_with("fresh", NULL);
    assert_nothing_sent(1);
}

static void identity_is_rejected_after_a_refusal(void **state) {
    (void)state;
    gateway_restarts(supply_made("token", NULL));
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    supply_comes(supply_refused(REASON_token_rejected));
    ends_with(c, 502, "token_rejected");
}

static void endpoint_moves_after_a_refusal(void **state) {
    (void)state;
    gateway_restarts(supply_made("token", NULL));
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    endpoint_moves("moved.example", "moved.example");
    answered_with("fresh", NULL);
    assert_string_equal(peer(2)->host, "moved.example");
    assert_key(2, "fresh");
    assert_lacks(peer_got(peer(2)), "Bearer token");
    ends_well(c, 2);
}

static void endpoint_opens_after_a_refusal(void **state) {
    (void)state;
    gateway_restarts(supply_made("token", NULL));
    struct caller *c = caller_posts("/score", "x");
    says(1, UNAUTHORIZED);
    struct supply *s = supply_made(NULL, NULL);
    s->open = true;
    supply_comes(s);
    turn();
    assert_lacks(peer_got(peer(1)), "Authorization");
    assert_contains(peer_got(peer(1)), "POST /v1/score");
    says(1, UNAUTHORIZED);
    assert_int_equal(c->status, 401);
    caller_is_done(c, true);
}

static void other_statuses_pass(void **state) {
    (void)state;
    struct caller *c = caller_posts("/score", "x");
    says(1, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(c->status, 403);
    caller_is_done(c, true);
    assert_int_equal(world.told_count, 0);
    c = caller_posts("/score", "x");
    assert_key(1, "primary-key");
    ends_well(c, 1);
}

static void refusal_of_other_methods(void **state) {
    (void)state;
    static const char *const methods[] = {"GET", "HEAD"};
    for (int i = 0; i < 2; i++) {
        gateway_restarts(supply_made("token", NULL));
        struct caller *c = caller_begins(methods[i], "/score", NULL);
        caller_ends(c);
        turn();
        says(0, UNAUTHORIZED);
        answered_with("fresh", NULL);
        assert_key(0, "fresh");
        assert_contains(peer_got(peer(0)), methods[i]);
        says(0, i ? "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" : OK);
        assert_int_equal(c->status, 200);
        caller_is_done(c, true);
    }
}

static void swagger_is_like_any_other(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score/swagger.json");
    says(1, UNAUTHORIZED);
    assert_key(1, "secondary-key");
    ends_well(c, 1);
    endpoint_moves("endpoint.example", "elsewhere.example");
    supply_comes(supply_made("primary-key", NULL));
    c = caller_gets("/score/swagger.json"); /* but there no credential was sent */
    says(2, UNAUTHORIZED);
    assert_int_equal(c->status, 401);
    caller_is_done(c, true);
    assert_int_equal(world.told_count, 2);
}

/* The refusal comes in the middle of an upload. */
static void chunked_body_is_sent_again_and_goes_on(void **state) {
    (void)state;
    const char *fields[] = {"Transfer-Encoding: chunked", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    caller_sends(c, "abc", 3);
    says(1, UNAUTHORIZED);
    assert_key(2, "secondary-key");
    assert_contains(peer_got(peer(2)), "\r\n\r\n3\r\nabc\r\n");
    caller_sends(c, "de", 2);
    caller_ends(c);
    assert_contains(peer_got(peer(2)), "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    ends_well(c, 2);
}

/* While it waits nothing of the body is given up, even if it grows beyond what is kept. */
static void body_that_grows_while_waiting_is_sent_whole(void **state) {
    (void)state;
    const char *fields[] = {"Content-Length: 60000", NULL};
    gateway_restarts(supply_made("token", NULL));
    world.route.replay_bytes = 100000;
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    assert_int_equal(caller_sends(c, filler, 50000), 50000);
    says(1, UNAUTHORIZED);
    assert_int_equal(waiting(), 1);
    assert_int_equal(caller_sends(c, filler + 50000, 10000), 0);
    answered_with("fresh", NULL);
    assert_true(c->wants_body);
    assert_int_equal(caller_sends(c, filler + 50000, 10000), 10000);
    caller_ends(c);
    const char *body = strstr(peer_got(peer(2)), "\r\n\r\n") + 4;
    assert_memory_equal(body, filler, 60000);
    ends_well(c, 2);

    const char *chunked[] = {"Transfer-Encoding: chunked", NULL};
    world.route.replay_bytes = 50000;
    c = caller_begins("POST", "/score", chunked);
    turn();
    assert_int_equal(caller_sends(c, filler, 50000), 50000);
    says(2, UNAUTHORIZED);
    assert_int_equal(caller_sends(c, filler, 20000), 0);
    answered_with("fresher", NULL);
    assert_key(3, "fresher");
    assert_contains(peer_got(peer(3)), "\r\n\r\nc350\r\n");
    assert_int_equal(caller_sends(c, filler, 20000),
                     20000); /* no longer kept, but nothing is lost */
    assert_true(peer(3)->sent.len > 70000);
    caller_ends(c);
    ends_well(c, 3);
}

static struct caller *large_upload(void) {
    const char *fields[] = {"Content-Length: 200000", NULL};
    struct caller *c = caller_begins("POST", "/score", fields);
    turn();
    assert_int_equal(caller_sends(c, filler, 200000), 200000);
    caller_ends(c);
    return c;
}

static void large_body_leaves_the_other_key_to_the_next(void **state) {
    (void)state;
    struct caller *c = large_upload();
    assert_key(1, "primary-key");
    says(1, UNAUTHORIZED);
    assert_problem(c, 503, "no_credential");
    assert_string_equal(reply_field(c, "Retry-After"), "0");
    caller_is_done(c, true);
    c = large_upload();
    assert_key(1, "secondary-key");
    ends_well(c, 1);
    assert_int_equal(world.told_count, 2);
    assert_told(1, true, 1, 1);
}

static void large_body_waits_for_a_fresh_token(void **state) {
    (void)state;
    gateway_restarts(supply_made("token", NULL));
    struct caller *c = large_upload();
    says(1, UNAUTHORIZED);
    assert_int_equal(waiting(), 1);
    answered_with("fresh", NULL);
    assert_problem(c, 503, "no_credential");
    assert_string_equal(reply_field(c, "Retry-After"), "0");
    caller_is_done(c, true);
    assert_nothing_sent(1);
    c = large_upload();
    assert_key(1, "fresh");
    ends_well(c, 1);
}

static void large_body_without_hope_is_502(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) { /* 503 once, then no more: nothing is new */
        struct caller *c = large_upload();
        says(1, UNAUTHORIZED);
        if (i > 0)
            answered_with("primary-key", "secondary-key");
        assert_problem(c, i ? 502 : 503, i ? "credential_refused" : "no_credential");
        caller_is_done(c, true);
    }
}

static void dead_connection_under_a_replay(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    says(1, UNAUTHORIZED);
    assert_key(1, "secondary-key");
    peer_closes(peer(1), CONN_END); /* it had carried a request: safe to go on */
    turn();
    assert_key(2, "secondary-key");
    ends_well(c, 2);
    assert_int_equal(world.told_count, 2);
}

/* Requests that were refused were not acted on: they leave it its chances. */
static void dead_connection_after_two_refusals(void **state) {
    (void)state;
    struct caller *c = caller_gets("/score");
    says(1, UNAUTHORIZED);
    says(1, UNAUTHORIZED);
    answered_with("new-primary", "new-secondary");
    assert_key(1, "new-primary");
    peer_closes(peer(1), CONN_END);
    turn();
    assert_key(2, "new-primary");
    ends_well(c, 2);
}

static void fill(void) {
    for (size_t i = 0; i < sizeof filler; i++)
        filler[i] = (char)('a' + i % 23);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_begin, world_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(refused_key_is_replaced_by_the_other),
        TEST(replay_needs_no_connection_that_is_kept),
        TEST(many_on_their_way_fail_once_each),
        TEST(late_success_of_the_replaced_key),
        TEST(only_key_waits_for_the_control_thread),
        TEST(what_was_not_heard_is_told_again),
        TEST(revoked_token_is_told_once),
        TEST(same_token_again_is_502),
        TEST(static_key_is_refused_at_once),
        TEST(both_keys_refused_is_502),
        TEST(both_keys_renewed),
        TEST(new_primary_beside_a_refused_secondary),
        TEST(accepted_key_that_is_refused_later),
        TEST(same_secrets_keep_what_was_learnt),
        TEST(preference_of_the_control_thread_counts),
        TEST(late_refusal_of_an_old_token),
        TEST(late_refusal_of_a_key_that_is_still_there),
        TEST(four_secrets_are_enough),
        TEST(waiting_after_a_refusal_has_its_deadline),
        TEST(caller_gone_after_a_refusal),
        TEST(identity_is_rejected_after_a_refusal),
        TEST(endpoint_moves_after_a_refusal),
        TEST(endpoint_opens_after_a_refusal),
        TEST(other_statuses_pass),
        TEST(refusal_of_other_methods),
        TEST(swagger_is_like_any_other),
        TEST(chunked_body_is_sent_again_and_goes_on),
        TEST(body_that_grows_while_waiting_is_sent_whole),
        TEST(large_body_leaves_the_other_key_to_the_next),
        TEST(large_body_waits_for_a_fresh_token),
        TEST(large_body_without_hope_is_502),
        TEST(dead_connection_under_a_replay),
        TEST(dead_connection_after_two_refusals),
    };
    fill();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
