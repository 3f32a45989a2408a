/* SPDX-License-Identifier: MIT */
/* Who gets a request: shares in long and short runs, priorities, those that recover, and that
 * nothing goes where it cannot be served. */
#include "policy/balance.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed * 0x2545f4914f6cdd1d;
}

static struct balance_choice choice(unsigned priority, unsigned weight, unsigned share) {
    return (struct balance_choice){priority, weight, share, true};
}

/* How often each is picked. */
static void pick_many(const struct balance_choice *choices, unsigned n, unsigned picks,
                      unsigned counts[BALANCE_MAX]) {
    struct balance b = {{0}};
    uint64_t seed = 1234567;
    memset(counts, 0, BALANCE_MAX * sizeof *counts);
    for (unsigned i = 0; i < picks; i++) {
        unsigned picked = balance_pick(&b, choices, n, next_random(&seed));
        assert_true(picked < n && choices[picked].able);
        counts[picked]++;
    }
}

static void nothing_able(void **state) {
    (void)state;
    struct balance b = {{0}};
    struct balance_choice choices[2] = {{0, 1, 100, false}, {1, 1, 100, false}};
    assert_int_equal(balance_pick(&b, choices, 0, 0), BALANCE_NONE);
    assert_int_equal(balance_pick(&b, choices, 2, 0), BALANCE_NONE);
    choices[1].able = true;
    assert_int_equal(balance_pick(&b, choices, 2, 0), 1);
    assert_int_equal(balance_pick(&b, choices, 1, 0), BALANCE_NONE);
}

/* Any weights: after each pick everyone has had what is due within one, and each run that is as
 * long as the weights add up to is exact. */
static void shares_hold_at_every_pick(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int round = 0; round < 400; round++) {
        struct balance_choice choices[BALANCE_MAX];
        struct balance b = {{0}};
        static const unsigned most[] = {1, 3, 10, 100, BALANCE_WEIGHT_MAX};
        unsigned n = 1 + (unsigned)(next_random(&seed) % BALANCE_MAX);
        uint64_t counts[BALANCE_MAX] = {0}, total = 0;
        for (unsigned i = 0; i < n; i++) {
            unsigned max = most[next_random(&seed) % ARRAY_LEN(most)];
            choices[i] = choice(3, 1 + (unsigned)(next_random(&seed) % max), 100);
            total += choices[i].weight;
        }
        for (uint64_t k = 1; k <= 1000; k++) {
            counts[balance_pick(&b, choices, n, next_random(&seed))]++;
            for (unsigned i = 0; i < n; i++) {
                uint64_t due = k * choices[i].weight, had = counts[i] * total;
                assert_true(had < due + total && due < had + total);
                if (k % total == 0)
                    assert_true(had == due);
            }
        }
    }
}

static void turns_alternate(void **state) {
    (void)state;
    struct balance b = {{0}};
    const struct balance_choice choices[] = {choice(0, 1, 100), choice(0, 1, 100)};
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(balance_pick(&b, choices, 2, 0), i % 2);
}

static void lowest_priority_that_can_serve(void **state) {
    (void)state;
    struct balance_choice choices[] = {choice(7, 1, 100), choice(2, 1, 100), choice(7, 3, 100),
                                       choice(UINT32_MAX, 1, 100)};
    unsigned counts[BALANCE_MAX];
    pick_many(choices, 4, 100, counts);
    assert_int_equal(counts[1], 100);
    choices[1].able = false;
    pick_many(choices, 4, 100, counts);
    assert_int_equal(counts[0], 25);
    assert_int_equal(counts[2], 75);
    choices[0].able = choices[2].able = false;
    pick_many(choices, 4, 100, counts);
    assert_int_equal(counts[3], 100);
}

static void weightless_only_if_nothing_else_can_serve(void **state) {
    (void)state;
    struct balance_choice choices[] = {choice(1, 0, 100), choice(1, 5, 100), choice(1, 0, 100),
                                       choice(2, 9, 100)};
    unsigned counts[BALANCE_MAX];
    pick_many(choices, 4, 100, counts);
    assert_int_equal(counts[1], 100);
    choices[1].able = false;
    pick_many(choices, 4, 100, counts);
    assert_int_equal(counts[0], 50);
    assert_int_equal(counts[2], 50);
    /* One that recovers is something else. */
    choices[1].able = true;
    choices[1].share = 10;
    choices[3].able = false;
    pick_many(choices, 4, 100, counts);
    assert_int_equal(counts[1], 100);
}

static void who_recovers_gets_less(void **state) {
    (void)state;
    unsigned counts[BALANCE_MAX];
    const struct balance_choice one[] = {choice(0, 1, 100), choice(0, 1, 25)};
    pick_many(one, 2, 1000, counts);
    assert_int_equal(counts[0], 800);
    assert_int_equal(counts[1], 200);
    const struct balance_choice three[] = {choice(0, 2, 50), choice(0, 1, 100), choice(0, 3, 100),
                                           choice(1, 1, 100)};
    pick_many(three, 4, 1000, counts);
    assert_int_equal(counts[0], 200);
    assert_int_equal(counts[1], 200);
    assert_int_equal(counts[2], 600);
    /* With nobody to take the rest it has all. */
    const struct balance_choice alone[] = {choice(0, 1, 10)};
    pick_many(alone, 1, 100, counts);
    assert_int_equal(counts[0], 100);
}

static void rest_goes_to_the_next_priority(void **state) {
    (void)state;
    unsigned counts[BALANCE_MAX];
    const struct balance_choice pair[] = {choice(0, 1, 10), choice(5, 1, 100)};
    pick_many(pair, 2, 100000, counts);
    assert_in_range(counts[0], 9500, 10500);
    /* Those behind it keep their shares to the last. */
    const struct balance_choice group[] = {choice(0, 1, 40), choice(0, 1, 20), choice(1, 1, 100),
                                           choice(1, 2, 100), choice(2, 1, 100)};
    pick_many(group, 5, 100000, counts);
    assert_in_range(counts[0] + counts[1], 39000, 41000);
    assert_in_range(counts[0], counts[1] * 2 - 2, counts[1] * 2 + 2);
    assert_in_range(counts[3], counts[2] * 2 - 2, counts[2] * 2 + 2);
    assert_int_equal(counts[4], 0);
    /* What nobody takes comes back to the first: 10 + 90 * 90 %. */
    const struct balance_choice both[] = {choice(0, 1, 10), choice(1, 1, 10)};
    pick_many(both, 2, 100000, counts);
    assert_in_range(counts[0], 90500, 91500);
}

static void shares_of_chance_hold(void **state) {
    (void)state;
    static const struct {
        unsigned share, least, most; /* of 100000: within four standard deviations */
    } rows[] = {{1, 870, 1130},     {10, 9620, 10380},  {33, 32400, 33600},
                {50, 49360, 50640}, {90, 89620, 90380}, {99, 98870, 99130}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned counts[BALANCE_MAX];
        const struct balance_choice pair[] = {choice(0, 1, rows[i].share), choice(1, 1, 100)};
        pick_many(pair, 2, 100000, counts);
        assert_in_range(counts[0], rows[i].least, rows[i].most);
    }
}

/* Only a turn is made up for, however long one was away. */
static void who_was_away_does_not_catch_up(void **state) {
    (void)state;
    struct balance b = {{0}};
    struct balance_choice choices[] = {choice(0, 1, 100), choice(0, 1, 100), choice(0, 1, 100)};
    for (int round = 0; round < 50; round++) {
        unsigned counts[3] = {0};
        choices[2].able = false;
        for (int i = 0; i < 100 + round; i++)
            assert_true(balance_pick(&b, choices, 3, 0) != 2);
        choices[2].able = true;
        for (int i = 0; i < 9; i++)
            counts[balance_pick(&b, choices, 3, 0)]++;
        assert_in_range(counts[2], 2, 4);
        assert_in_range(counts[0], 2, 4);
    }
}

/* A large weight that becomes a small one leaves nothing behind that would take long to pay off. */
static void old_weights_are_forgotten(void **state) {
    (void)state;
    struct balance b = {{0}};
    struct balance_choice choices[] = {choice(0, BALANCE_WEIGHT_MAX, 100),
                                       choice(0, BALANCE_WEIGHT_MAX, 100),
                                       choice(0, BALANCE_WEIGHT_MAX - 1, 100)};
    for (int i = 0; i < 1001; i++)
        assert_true(balance_pick(&b, choices, 3, 0) < 3);
    unsigned counts[3] = {0};
    for (int i = 0; i < 3; i++)
        choices[i].weight = 1;
    for (int i = 0; i < 30; i++)
        counts[balance_pick(&b, choices, 3, 0)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(counts[i], 8, 12);
}

/* Anything may change between picks: one is always found, it is able, of a priority that may have
 * it, and what is kept stays within bounds. */
static void any_change(void **state) {
    (void)state;
    uint64_t seed = 99;
    struct balance b = {{0}};
    struct balance_choice choices[BALANCE_MAX];
    for (unsigned i = 0; i < BALANCE_MAX; i++)
        choices[i] = choice(0, 1, 100);
    for (int k = 0; k < 300000; k++) {
        uint64_t random = next_random(&seed);
        struct balance_choice *c = &choices[random % BALANCE_MAX];
        c->priority = (unsigned)(random >> 8) % 3;
        c->weight = (unsigned)(random >> 16) % 4 * (random >> 20 & 1 ? 1 : BALANCE_WEIGHT_MAX / 3);
        c->share = random >> 32 & 1 ? 100 : 1 + (unsigned)(random >> 40) % 100;
        c->able = (random >> 50) % 4 == 0;
        unsigned picked = balance_pick(&b, choices, BALANCE_MAX, next_random(&seed));
        bool any = false, whole = false; /* whole: one before it would have taken the rest */
        for (unsigned i = 0; i < BALANCE_MAX; i++) {
            any |= choices[i].able;
            assert_true(b.turns[i] < INT64_C(4000000000) && b.turns[i] > -INT64_C(4000000000));
        }
        assert_int_equal(picked != BALANCE_NONE, any);
        if (!any)
            continue;
        assert_true(choices[picked].able);
        for (unsigned i = 0; i < BALANCE_MAX; i++) {
            if (!choices[i].able)
                continue;
            if (choices[i].priority == choices[picked].priority)
                assert_false(choices[picked].weight == 0 && choices[i].weight > 0);
            bool weighed = choices[i].weight > 0;
            whole |= weighed && choices[i].share == 100 &&
                     choices[i].priority < choices[picked].priority;
        }
        assert_false(whole);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_able),
        cmocka_unit_test(shares_hold_at_every_pick),
        cmocka_unit_test(turns_alternate),
        cmocka_unit_test(lowest_priority_that_can_serve),
        cmocka_unit_test(weightless_only_if_nothing_else_can_serve),
        cmocka_unit_test(who_recovers_gets_less),
        cmocka_unit_test(rest_goes_to_the_next_priority),
        cmocka_unit_test(shares_of_chance_hold),
        cmocka_unit_test(who_was_away_does_not_catch_up),
        cmocka_unit_test(old_weights_are_forgotten),
        cmocka_unit_test(any_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
