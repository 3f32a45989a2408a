/* SPDX-License-Identifier: MIT */
/* What is sent again, when, and how often a route may afford it. */
#include "policy/retry.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define NOW (1000 * USEC_PER_SEC)
#define MS  USEC_PER_MS
#define S   USEC_PER_SEC

static unsigned usual[] = {429, 503};
static unsigned many[] = {404, 408, 424, 429, 500, 502, 503, 504};

static const struct retry_rules rules_usual = {
    .attempts = 3,
    .backoff = 100 * MS,
    .max_backoff = 2 * S,
    .max_wait = USEC_NEVER - 1,
    .statuses = usual,
    .status_count = ARRAY_LEN(usual),
};
static const struct retry_rules rules_many = {
    .attempts = 3,
    .backoff = 100 * MS,
    .max_backoff = 2 * S,
    .max_wait = USEC_NEVER - 1,
    .statuses = many,
    .status_count = ARRAY_LEN(many),
};
static const struct retry_rules rules_none = {
    .attempts = 3, .backoff = 100 * MS, .max_backoff = 2 * S, .max_wait = USEC_NEVER - 1};

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed * 0x2545f4914f6cdd1d;
}

static struct retry_facts facts_of(enum retry_event event) {
    return (struct retry_facts){
        .event = event,
        .retry_after = USEC_NEVER,
        .kept = true,
        .attempts = 1,
        .now = NOW,
        .deadline = NOW + 60 * S,
    };
}

static struct retry_facts answered(unsigned status) {
    struct retry_facts f = facts_of(RETRY_ANSWERED);
    f.status = status;
    return f;
}

static bool is_again(const struct retry_rules *rules, const struct retry_facts *f) {
    return retry_at(rules, f, 1) != USEC_NEVER;
}

static const struct {
    unsigned status, model_status;
    bool not_accepted, said; /* said: Retry-After */
    /* Whether again: of any request, and of one that is repeatable; by the usual statuses, then by
     * many. */
    bool any, repeatable, any_of_many, repeatable_of_many;
} rows[] = {
    {429, 0, false, false, true, true, true, true},
    {429, 0, false, true, true, true, true, true},
    {429, 0, true, false, true, true, true, true},
    {503, 0, false, false, false, true, false, true},
    {503, 0, false, true, true, true, true, true},
    {503, 0, true, false, true, true, true, true},
    {424, 0, false, false, false, false, false, true},
    {424, 0, false, true, false, false, false, true},
    {424, 0, true, false, true, true, true, true},
    {424, 429, false, false, true, true, true, true},
    {424, 503, false, false, false, true, false, true},
    {424, 503, false, true, true, true, true, true},
    {424, 503, true, false, true, true, true, true},
    {424, 500, false, true, false, false, false, true},
    {424, 504, false, true, false, false, false, true},
    /* What a model is said to have answered is of a 424 only. */
    {500, 429, false, true, false, false, false, true},
    {408, 503, true, true, false, false, false, true},
    {408, 0, false, true, false, false, false, true},
    {500, 0, false, true, false, false, false, true},
    {502, 0, false, true, false, false, false, true},
    {504, 0, true, true, false, false, false, true},
    {404, 0, false, true, false, false, false, true},
    {200, 0, false, true, false, false, false, false},
    {409, 0, false, true, false, false, false, false},
};

static void answers(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct retry_facts f = answered(rows[i].status);
        f.model_status = rows[i].model_status;
        f.not_accepted = rows[i].not_accepted;
        if (rows[i].said)
            f.retry_after = 1 * S;
        for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
            f.elsewhere = elsewhere;
            f.repeatable = false;
            bool any = is_again(&rules_usual, &f), any_of_many = is_again(&rules_many, &f);
            assert_false(is_again(&rules_none, &f));
            f.repeatable = true;
            if (any != rows[i].any || any_of_many != rows[i].any_of_many ||
                is_again(&rules_usual, &f) != rows[i].repeatable ||
                is_again(&rules_many, &f) != rows[i].repeatable_of_many)
                fail_msg("row %zu, status %u", i, rows[i].status);
            assert_false(is_again(&rules_none, &f));
        }
    }
}

static void model_behind_a_424_is_asked_for_by_its_status(void **state) {
    (void)state;
    static unsigned only_424[] = {424}, only_429[] = {429};
    struct retry_rules rules = rules_usual;
    struct retry_facts f = answered(424);
    f.model_status = 429;
    f.repeatable = true;
    rules.status_count = 1;
    rules.statuses = only_424;
    assert_false(is_again(&rules, &f));
    f.model_status = 500;
    assert_true(is_again(&rules, &f));
    rules.statuses = only_429;
    assert_false(is_again(&rules, &f));
    f.model_status = 429;
    assert_true(is_again(&rules, &f));
}

static void connections(void **state) {
    (void)state;
    struct retry_facts f = facts_of(RETRY_NOT_CONNECTED);
    assert_true(is_again(&rules_none, &f));
    assert_true(retry_at(&rules_none, &f, 0) > NOW);
    f.definite = true;
    assert_false(is_again(&rules_none, &f));
    f.elsewhere = true;
    assert_int_equal(retry_at(&rules_none, &f, 0), NOW);
    f = facts_of(RETRY_LOST);
    assert_false(is_again(&rules_usual, &f));
    f.elsewhere = true;
    assert_false(is_again(&rules_usual, &f));
    f.repeatable = true;
    assert_int_equal(retry_at(&rules_usual, &f, 0), NOW);
    f.elsewhere = false;
    assert_true(is_again(&rules_usual, &f));
    assert_true(retry_at(&rules_usual, &f, 0) > NOW);
}

static void never_of_what_is_gone_or_too_often(void **state) {
    (void)state;
    struct retry_facts all[] = {facts_of(RETRY_NOT_CONNECTED), facts_of(RETRY_LOST), answered(429),
                                answered(503)};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        for (int elsewhere = 0; elsewhere < 2; elsewhere++) {
            struct retry_facts *f = &all[i];
            f->repeatable = true;
            f->elsewhere = elsewhere;
            f->attempts = 2;
            assert_true(is_again(&rules_usual, f));
            f->attempts = 3;
            assert_false(is_again(&rules_usual, f));
            f->attempts = 4;
            assert_false(is_again(&rules_usual, f));
            f->attempts = 1;
            f->kept = false;
            assert_false(is_again(&rules_usual, f));
            f->kept = true;
            struct retry_rules once = rules_usual;
            once.attempts = 1;
            assert_false(is_again(&once, f));
        }
}

static void backoff_grows_and_is_never_none(void **state) {
    (void)state;
    struct retry_rules rules = rules_usual;
    rules.attempts = UINT32_MAX;
    static const struct {
        unsigned attempts;
        usec_t least, most;
    } steps[] = {
        {1, 10 * MS, 100 * MS},
        {2, 20 * MS, 200 * MS},
        {3, 40 * MS, 400 * MS},
        {4, 80 * MS, 800 * MS},
        {5, 160 * MS, 1600 * MS},
        {6, 200 * MS, 2000 * MS},
        {7, 200 * MS, 2000 * MS},
        {1000, 200 * MS, 2000 * MS},
        {UINT32_MAX - 1, 200 * MS, 2000 * MS},
    };
    uint64_t seed = 42;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct retry_facts f = answered(429);
        f.attempts = steps[i].attempts;
        usec_t shortest = USEC_NEVER, longest = 0;
        int64_t sum = 0;
        for (int k = 0; k < 10000; k++) {
            usec_t wait = retry_at(&rules, &f, next_random(&seed)) - NOW;
            assert_in_range(wait, steps[i].least, steps[i].most);
            shortest = wait < shortest ? wait : shortest;
            longest = wait > longest ? wait : longest;
            sum += wait;
        }
        usec_t span = steps[i].most - steps[i].least, middle = steps[i].least + span / 2;
        assert_true(shortest < steps[i].least + span / 100);
        assert_true(longest > steps[i].most - span / 100);
        assert_in_range(sum / 10000, middle - span / 50, middle + span / 50);
    }
}

static void odd_rules_of_backoff(void **state) {
    (void)state;
    static const struct {
        usec_t backoff, max_backoff;
        unsigned attempts;
    } odd[] = {
        {0, 0, 1},          {0, 5 * S, 9},           {1, 1, 3},
        {5 * S, 1 * S, 2},  {1, USEC_NEVER, 64},     {USEC_NEVER, USEC_NEVER, 1},
        {1, USEC_NEVER, 5}, {3, USEC_NEVER - 1, 99}, {USEC_NEVER / 2 + 1, USEC_NEVER, 2},
    };
    uint64_t seed = 7;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        struct retry_rules rules = rules_usual;
        struct retry_facts f = answered(429);
        rules.attempts = 100;
        rules.backoff = odd[i].backoff;
        rules.max_backoff = odd[i].max_backoff;
        f.attempts = odd[i].attempts;
        f.deadline = USEC_NEVER;
        for (int k = 0; k < 1000; k++)
            assert_true(retry_at(&rules, &f, next_random(&seed)) >= NOW + 1 * MS);
        assert_true(retry_at(&rules, &f, 0) >= NOW + 1 * MS);
        assert_true(retry_at(&rules, &f, UINT64_MAX) >= NOW + 1 * MS);
        f.elsewhere = true;
        assert_int_equal(retry_at(&rules, &f, 0), NOW);
    }
}

static void retry_after_is_kept(void **state) {
    (void)state;
    struct retry_facts f = answered(503);
    f.retry_after = 7 * S;
    uint64_t seed = 3;
    for (int k = 0; k < 100; k++)
        assert_int_equal(retry_at(&rules_usual, &f, next_random(&seed)), NOW + 7 * S);
    f.retry_after = 0; /* does not take the back-off away */
    for (int k = 0; k < 100; k++)
        assert_in_range(retry_at(&rules_usual, &f, next_random(&seed)), NOW + 10 * MS,
                        NOW + 100 * MS);
    f.retry_after = 7 * S;
    f.elsewhere = true; /* another one did not say it */
    assert_int_equal(retry_at(&rules_usual, &f, 5), NOW);
}

static void longer_waits_are_left_to_the_caller(void **state) {
    (void)state;
    struct retry_rules rules = rules_usual;
    struct retry_facts f = answered(429);
    rules.max_wait = 10 * S;
    f.retry_after = 10 * S;
    assert_int_equal(retry_at(&rules, &f, 0), NOW + 10 * S);
    f.retry_after++;
    assert_false(is_again(&rules, &f));
    f.elsewhere = true;
    assert_int_equal(retry_at(&rules, &f, 0), NOW);
}

static void nothing_that_comes_too_late(void **state) {
    (void)state;
    struct retry_facts f = answered(429);
    f.retry_after = 7 * S;
    f.deadline = NOW + 7 * S;
    assert_false(is_again(&rules_usual, &f));
    f.deadline++;
    assert_int_equal(retry_at(&rules_usual, &f, 0), NOW + 7 * S);
    f.retry_after = RETRY_AFTER_MAX;
    assert_false(is_again(&rules_usual, &f));
    f.deadline = USEC_NEVER;
    assert_int_equal(retry_at(&rules_usual, &f, 0), NOW + RETRY_AFTER_MAX);
    f.retry_after = USEC_NEVER - NOW;
    assert_false(is_again(&rules_usual, &f));
    f.retry_after = USEC_NEVER - 1;
    assert_false(is_again(&rules_usual, &f));
    f.elsewhere = true;
    f.deadline = NOW + 1;
    assert_int_equal(retry_at(&rules_usual, &f, 0), NOW);
    f.deadline = NOW;
    assert_false(is_again(&rules_usual, &f));
    f.deadline = NOW - 1;
    assert_false(is_again(&rules_usual, &f));
}

static unsigned spend_all(struct retry_budget *b, usec_t now) {
    unsigned spent = 0;
    while (retry_budget_spend(b, now))
        assert_true(++spent <= RETRY_BUDGET_MAX);
    return spent;
}

static void reserve_of_a_budget(void **state) {
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 20, NOW);
    assert_int_equal(spend_all(&b, NOW), 10);
    assert_int_equal(spend_all(&b, NOW + S - 1), 0);
    assert_int_equal(spend_all(&b, NOW + S), 1); /* a try does not put it off */
    assert_int_equal(spend_all(&b, NOW + 4 * S), 3);
    assert_int_equal(spend_all(&b, NOW + 3600 * S), 10);
    assert_int_equal(spend_all(&b, NOW + 3600 * S), 0);
}

static void requests_earn_their_part(void **state) {
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 20, NOW);
    assert_int_equal(spend_all(&b, NOW), 10);
    for (int i = 0; i < 4; i++)
        retry_budget_earn(&b);
    assert_int_equal(spend_all(&b, NOW), 0);
    retry_budget_earn(&b);
    assert_int_equal(spend_all(&b, NOW), 1);
    for (int i = 0; i < 1000; i++)
        retry_budget_earn(&b);
    assert_int_equal(spend_all(&b, NOW), 200);
    /* On top of a full reserve, which time adds nothing to. */
    retry_budget_init(&b, 20, NOW);
    for (int i = 0; i < 100; i++)
        retry_budget_earn(&b);
    assert_int_equal(spend_all(&b, NOW + 100 * S), 30);
    /* As many as it may hold, and of a part that is more than that. */
    for (int i = 0; i < 100000; i++)
        retry_budget_earn(&b);
    assert_int_equal(spend_all(&b, NOW + 100 * S), RETRY_BUDGET_MAX);
    retry_budget_init(&b, UINT32_MAX, NOW);
    retry_budget_earn(&b);
    retry_budget_earn(&b);
    assert_int_equal(spend_all(&b, NOW), RETRY_BUDGET_MAX);
}

static void no_percent_is_no_repeat(void **state) {
    (void)state;
    struct retry_budget b;
    retry_budget_init(&b, 0, NOW);
    retry_budget_earn(&b);
    assert_int_equal(spend_all(&b, NOW), 0);
    assert_int_equal(spend_all(&b, NOW + 3600 * S), 0);
}

/* Whatever comes when: no more than the reserve at first, what was earned, and one per second. */
static void budget_is_never_exceeded(void **state) {
    (void)state;
    uint64_t seed = 11;
    for (int round = 0; round < 200; round++) {
        struct retry_budget b;
        unsigned percent = 1 + (unsigned)(next_random(&seed) % 100);
        usec_t now = NOW;
        uint64_t earned = 0, spent = 0;
        retry_budget_init(&b, percent, now);
        for (int i = 0; i < 2000; i++) {
            uint64_t random = next_random(&seed);
            now += (usec_t)(random >> 8) % (round % 2 ? 20 * MS : 3 * S);
            if (random % 3) {
                retry_budget_earn(&b);
                earned += percent;
            } else {
                spent += retry_budget_spend(&b, now);
            }
            assert_true(spent * 100 <= 1000 + earned + (uint64_t)(now - NOW) / 10000);
        }
        assert_true(spent > 10);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(model_behind_a_424_is_asked_for_by_its_status),
        cmocka_unit_test(connections),
        cmocka_unit_test(never_of_what_is_gone_or_too_often),
        cmocka_unit_test(backoff_grows_and_is_never_none),
        cmocka_unit_test(odd_rules_of_backoff),
        cmocka_unit_test(retry_after_is_kept),
        cmocka_unit_test(longer_waits_are_left_to_the_caller),
        cmocka_unit_test(nothing_that_comes_too_late),
        cmocka_unit_test(reserve_of_a_budget),
        cmocka_unit_test(requests_earn_their_part),
        cmocka_unit_test(no_percent_is_no_repeat),
        cmocka_unit_test(budget_is_never_exceeded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
