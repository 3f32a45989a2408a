/* SPDX-License-Identifier: MIT */
/* The learnt limit: its rules one by one, then held against endpoints that take a number at once.
 */
#include "policy/limit.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW (1000 * USEC_PER_SEC)

/* N requests that are served while the limit is reached. Returns how often it was raised. */
static unsigned serve(struct limit *l, unsigned n, usec_t sent) {
    unsigned raised = 0;
    for (unsigned i = 0; i < n; i++)
        raised += limit_served(l, l->now, sent);
    return raised;
}

static void doubles_with_each_whole_round(void **state) {
    (void)state;
    struct limit l;
    limit_init(&l);
    assert_int_equal(l.now, LIMIT_FIRST);
    for (unsigned limit = LIMIT_FIRST; limit <= 16 * LIMIT_FIRST; limit *= 2) {
        assert_int_equal(serve(&l, limit - 1, NOW), 0);
        assert_int_equal(l.now, limit);
        assert_int_equal(serve(&l, 1, NOW), 1);
        assert_int_equal(l.now, 2 * limit);
    }
}

static void limit_that_is_not_reached_stays(void **state) {
    (void)state;
    struct limit l;
    limit_init(&l);
    for (unsigned i = 0; i < 10 * LIMIT_FIRST; i++)
        assert_false(limit_served(&l, LIMIT_FIRST - 1, NOW));
    assert_int_equal(l.now, LIMIT_FIRST);
}

static void refusal_ends_doubling(void **state) {
    (void)state;
    struct limit l;
    limit_init(&l);
    serve(&l, LIMIT_FIRST - 1, NOW);
    assert_true(limit_refused(&l, LIMIT_FIRST, NOW, NOW + 1));
    assert_int_equal(l.now, LIMIT_FIRST * 4 / 5);
    /* The round begins anew, and gives one. */
    for (unsigned limit = LIMIT_FIRST * 4 / 5; limit < 3 * LIMIT_FIRST; limit++) {
        assert_int_equal(serve(&l, limit - 1, NOW + 2), 0);
        assert_int_equal(serve(&l, 1, NOW + 2), 1);
        assert_int_equal(l.now, limit + 1);
    }
}

static void one_round_lowers_once(void **state) {
    (void)state;
    struct limit l;
    limit_init(&l);
    assert_true(limit_refused(&l, 16, NOW, NOW + 10));
    for (usec_t sent = NOW - 5; sent <= NOW + 10; sent++)
        assert_false(limit_refused(&l, 16, sent, NOW + 20));
    assert_int_equal(l.now, 12);
    /* Nor does what was sent before raise it. */
    assert_int_equal(serve(&l, 100, NOW + 10), 0);
    assert_int_equal(l.now, 12);
    assert_true(limit_refused(&l, 16, NOW + 11, NOW + 30));
    assert_int_equal(l.now, 9);
    assert_int_equal(serve(&l, 9, NOW + 31), 1);
}

static void falls_by_one_at_least_and_to_one_at_last(void **state) {
    (void)state;
    struct limit l;
    limit_init(&l);
    static const unsigned steps[] = {12, 9, 7, 5, 4, 3, 2, 1};
    usec_t now = NOW;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++, now += 2) {
        assert_true(limit_refused(&l, LIMIT_MAX, now + 1, now + 2));
        assert_int_equal(l.now, steps[i]);
    }
    assert_false(limit_refused(&l, 1, now + 1, now + 2));
    assert_false(limit_refused(&l, 0, now + 3, now + 4));
    assert_int_equal(l.now, 1);
    assert_int_equal(serve(&l, 1, now + 5), 1);
    assert_int_equal(l.now, 2);
}

static void falls_to_what_was_too_many(void **state) {
    (void)state;
    static const struct {
        unsigned inside, limit;
    } rows[] = {{0, 1}, {1, 1}, {3, 3}, {11, 11}, {12, 12}, {13, 12}, {40, 12}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct limit l;
        limit_init(&l);
        assert_true(limit_refused(&l, rows[i].inside, NOW, NOW));
        assert_int_equal(l.now, rows[i].limit);
    }
}

static void has_an_end(void **state) {
    (void)state;
    struct limit l;
    limit_init(&l);
    while (serve(&l, l.now, NOW))
        assert_in_range(l.now, 2 * LIMIT_FIRST, LIMIT_MAX);
    assert_int_equal(l.now, LIMIT_MAX);
    assert_true(limit_refused(&l, LIMIT_MAX, NOW, NOW));
    assert_int_equal(l.now, LIMIT_MAX / 5 * 4);
    l.now = LIMIT_MAX - 1;
    assert_int_equal(serve(&l, LIMIT_MAX - 1, NOW + 1), 1);
    assert_int_equal(serve(&l, LIMIT_MAX, NOW + 1), 0);
    assert_int_equal(l.now, LIMIT_MAX);
}

/* --- endpoints -------------------------------------------------------------------------------- */

/* One round of an endpoint that takes CAPACITY at once and is asked for all that the limit allows:
 * the refusals come at once, the others when they are served. Returns how many were refused. */
static unsigned play_round(struct limit *l, unsigned capacity, usec_t *now) {
    unsigned sent = l->now, refused = sent > capacity ? sent - capacity : 0;
    usec_t at = *now;
    *now += USEC_PER_SEC;
    for (unsigned i = 0; i < refused; i++)
        limit_refused(l, sent - i, at, at + 1);
    for (unsigned i = 0; i < sent - refused; i++)
        limit_served(l, sent - refused, at);
    return refused;
}

/* Plays until the limit has settled, then that it stays near what is right. */
static void settles(struct limit *l, unsigned capacity, usec_t *now) {
    for (unsigned round = 0; round < 400; round++)
        play_round(l, capacity, now);
    unsigned long used = 0, refused = 0, rounds = 400;
    for (unsigned round = 0; round < rounds; round++) {
        refused += play_round(l, capacity, now);
        assert_in_range(l->now, capacity == 1 ? 1 : capacity * 4 / 5, capacity + 1);
        used += l->now < capacity ? l->now : capacity;
    }
    assert_true(used * 100 / (rounds * capacity) >= 85);
    assert_true(refused <= rounds / 2);
}

static void finds_what_an_endpoint_takes(void **state) {
    (void)state;
    for (unsigned capacity = 1; capacity <= 200; capacity++) {
        struct limit l;
        usec_t now = NOW;
        limit_init(&l);
        settles(&l, capacity, &now);
    }
}

static void follows_an_endpoint_that_is_scaled(void **state) {
    (void)state;
    static const unsigned capacities[] = {4, 40, 8, 2, 100, 1, 60};
    struct limit l;
    usec_t now = NOW;
    limit_init(&l);
    for (size_t i = 0; i < ARRAY_LEN(capacities); i++)
        settles(&l, capacities[i], &now);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_with_each_whole_round),
        cmocka_unit_test(limit_that_is_not_reached_stays),
        cmocka_unit_test(refusal_ends_doubling),
        cmocka_unit_test(one_round_lowers_once),
        cmocka_unit_test(falls_by_one_at_least_and_to_one_at_last),
        cmocka_unit_test(falls_to_what_was_too_many),
        cmocka_unit_test(has_an_end),
        cmocka_unit_test(finds_what_an_endpoint_takes),
        cmocka_unit_test(follows_an_endpoint_that_is_scaled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
