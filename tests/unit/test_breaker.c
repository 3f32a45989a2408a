/* SPDX-License-Identifier: MIT */
/* The breaker: each change of its state, ends that come out of order, and any order of all. */
#include "policy/breaker.h"

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

static const struct breaker_rules rules = {
    .failures = 3, .open = 2 * S, .max_open = 30 * S, .recovery = 90 * S};

static uint64_t next_random(uint64_t *seed) {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed * 0x2545f4914f6cdd1d;
}

/* One that has just opened, at NOW. */
static struct breaker opened(void) {
    struct breaker b;
    breaker_init(&b);
    for (unsigned i = 1; i <= rules.failures; i++) {
        assert_true(breaker_allows(&b, NOW));
        assert_false(breaker_begin(&b, NOW));
        assert_int_equal(breaker_failed(&b, &rules, false, NOW, NOW, 0), i == rules.failures);
    }
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(b.opened, 1);
    return b;
}

/* One that is being probed, since then. */
static struct breaker probed(usec_t *now) {
    struct breaker b = opened();
    *now = b.until;
    assert_true(breaker_begin(&b, *now));
    return b;
}

static void opens_after_failures_in_a_row(void **state) {
    (void)state;
    struct breaker b;
    breaker_init(&b);
    for (int i = 0; i < 100; i++) {
        assert_false(breaker_failed(&b, &rules, false, NOW, NOW, 0));
        assert_false(breaker_failed(&b, &rules, false, NOW, NOW, 0));
        assert_false(breaker_succeeded(&b, false, NOW, NOW));
        breaker_abandoned(&b, false);
    }
    assert_true(breaker_allows(&b, NOW));
    assert_int_equal(breaker_share(&b, &rules, NOW), 100);
    b = opened();
    assert_false(breaker_allows(&b, NOW));
    assert_false(breaker_begin(&b, NOW));
}

static void without_a_number_it_never_opens(void **state) {
    (void)state;
    struct breaker_rules never = rules;
    struct breaker b;
    never.failures = 0;
    breaker_init(&b);
    for (int i = 0; i < 1000; i++)
        assert_false(breaker_failed(&b, &never, false, NOW, NOW, 0));
    b.failures = UINT32_MAX;
    assert_false(breaker_failed(&b, &never, false, NOW, NOW, 0));
    assert_true(breaker_allows(&b, NOW));
}

static void lets_one_through_to_see(void **state) {
    (void)state;
    struct breaker b = opened();
    assert_false(breaker_allows(&b, b.until - 1));
    assert_true(breaker_allows(&b, b.until));
    assert_true(breaker_allows(&b, b.until + 3600 * S));
    usec_t now = b.until;
    assert_true(breaker_begin(&b, now));
    assert_false(breaker_allows(&b, now + 3600 * S));
    assert_false(breaker_begin(&b, now + 3600 * S));
    assert_true(breaker_succeeded(&b, true, now, now + S));
    assert_int_equal(b.state, BREAKER_CLOSED);
    assert_true(breaker_allows(&b, now + S));
    assert_false(breaker_begin(&b, now + S));
    /* A new row of failures, which opens it for the first time again. */
    now += S;
    assert_false(breaker_failed(&b, &rules, false, now, now, 0));
    assert_false(breaker_failed(&b, &rules, false, now, now, 0));
    assert_true(breaker_failed(&b, &rules, false, now, now, 0));
    assert_int_equal(b.opened, 1);
    assert_in_range(b.until - now, 1800 * MS, 2200 * MS);
}

static void probe_that_fails_doubles_the_time(void **state) {
    (void)state;
    static const usec_t times[] = {4 * S, 8 * S, 16 * S, 30 * S, 30 * S, 30 * S};
    uint64_t seed = 5;
    for (int round = 0; round < 1000; round++) {
        struct breaker b = opened();
        for (unsigned i = 0; i < ARRAY_LEN(times); i++) {
            usec_t now = b.until;
            assert_true(breaker_begin(&b, now));
            assert_true(breaker_failed(&b, &rules, true, now, now, next_random(&seed)));
            assert_int_equal(b.state, BREAKER_OPEN);
            assert_int_equal(b.opened, i + 2);
            assert_in_range(b.until - now, times[i] - times[i] / 10, times[i] + times[i] / 10);
        }
    }
}

static void jitter_uses_its_whole_range(void **state) {
    (void)state;
    uint64_t seed = 9;
    usec_t shortest = USEC_NEVER, longest = 0;
    for (int i = 0; i < 10000; i++) {
        usec_t now;
        struct breaker b = probed(&now);
        b.opened = 0;
        assert_true(breaker_failed(&b, &rules, true, now, now, next_random(&seed)));
        usec_t time = b.until - now;
        shortest = time < shortest ? time : shortest;
        longest = time > longest ? time : longest;
    }
    assert_in_range(shortest, 1800 * MS, 1805 * MS);
    assert_in_range(longest, 2195 * MS, 2200 * MS);
}

static void old_requests_say_nothing_while_it_is_open(void **state) {
    (void)state;
    struct breaker b = opened(), before = b;
    assert_false(breaker_succeeded(&b, false, NOW - S, NOW + S));
    assert_false(breaker_failed(&b, &rules, false, NOW - S, NOW + S, 77));
    breaker_abandoned(&b, false);
    assert_memory_equal(&b, &before, sizeof b);
    usec_t now;
    b = probed(&now);
    before = b;
    assert_false(breaker_succeeded(&b, false, NOW - S, now + S));
    assert_false(breaker_failed(&b, &rules, false, NOW - S, now + S, 77));
    breaker_abandoned(&b, false);
    assert_memory_equal(&b, &before, sizeof b);
}

static void old_requests_say_nothing_when_it_is_closed_again(void **state) {
    (void)state;
    usec_t now;
    struct breaker b = probed(&now);
    assert_true(breaker_succeeded(&b, true, now, now + S));
    now += S;
    for (int i = 0; i < 100; i++)
        assert_false(breaker_failed(&b, &rules, false, now - 1, now + S, 0));
    assert_true(breaker_allows(&b, now));
    /* Nor do they break a row of new ones. */
    assert_false(breaker_failed(&b, &rules, false, now, now + S, 0));
    assert_false(breaker_failed(&b, &rules, false, now, now + S, 0));
    assert_false(breaker_succeeded(&b, false, now - 1, now + S));
    assert_true(breaker_failed(&b, &rules, false, now, now + S, 0));
}

static void after_one_without_a_verdict_another_may_see(void **state) {
    (void)state;
    usec_t now;
    struct breaker b = probed(&now);
    breaker_abandoned(&b, true);
    assert_int_equal(b.state, BREAKER_OPEN);
    assert_int_equal(b.opened, 1);
    assert_true(breaker_allows(&b, now + S));
    assert_true(breaker_begin(&b, now + S));
    assert_true(breaker_succeeded(&b, true, now + S, now + 2 * S));
    breaker_abandoned(&b, true);
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void share_grows_back(void **state) {
    (void)state;
    usec_t now;
    struct breaker b = probed(&now);
    assert_int_equal(breaker_share(&b, &rules, now), 100);
    assert_true(breaker_succeeded(&b, true, now, now));
    assert_int_equal(breaker_share(&b, &rules, now), 10);
    assert_int_equal(breaker_share(&b, &rules, now + 45 * S + 500 * MS), 55);
    assert_int_equal(breaker_share(&b, &rules, now + 90 * S - 1), 99);
    assert_int_equal(breaker_share(&b, &rules, now + 90 * S), 100);
    assert_int_equal(breaker_share(&b, &rules, now + 3600 * S), 100);
}

static void share_grows_over_any_time(void **state) {
    (void)state;
    static const usec_t times[] = {0, 1, 89, 90, 91, 1000, S, USEC_NEVER - NOW - 3600 * S};
    usec_t now;
    struct breaker b = probed(&now);
    assert_true(breaker_succeeded(&b, true, now, now));
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        struct breaker_rules r = rules;
        unsigned share = 0;
        r.recovery = times[i];
        for (int k = 0; k < 1000; k++) {
            unsigned next = breaker_share(&b, &r, now + times[i] / 1000 * k);
            assert_in_range(next, share > 10 ? share : 10, 100);
            share = next;
        }
        assert_int_equal(breaker_share(&b, &r, now + times[i]), 100);
    }
}

static void odd_rules(void **state) {
    (void)state;
    static const struct breaker_rules odd[] = {
        {1, 0, 0, 0},
        {1, 1, 1, 1},
        {1, 10 * S, 1 * S, 0},
        {1, 1, USEC_NEVER, 0},
        {1, USEC_NEVER, USEC_NEVER, USEC_NEVER},
    };
    for (size_t i = 0; i < ARRAY_LEN(odd); i++)
        for (int high = 0; high < 2; high++) {
            struct breaker b;
            breaker_init(&b);
            b.opened = high ? UINT32_MAX : 0;
            assert_true(breaker_failed(&b, &odd[i], false, NOW, NOW, high ? UINT64_MAX : 0));
            assert_true(b.until >= NOW);
            assert_true(b.opened > 0);
        }
}

/* Any order of calls as a worker makes them: one probe at a time, nothing else goes through while
 * it is open, a probe's success always closes, and a closed one has as many failures as it may. */
static void any_order(void **state) {
    (void)state;
    uint64_t seed = 2026;
    struct breaker b;
    struct {
        bool under_way, probe;
        usec_t sent;
    } requests[8] = {{false, false, 0}};
    usec_t now = NOW;
    unsigned seen[3] = {0};
    breaker_init(&b);
    for (int i = 0; i < 300000; i++) {
        uint64_t random = next_random(&seed);
        size_t which = random % ARRAY_LEN(requests);
        now += (usec_t)(random >> 8) % S;
        seen[b.state]++;
        unsigned probes = 0;
        for (size_t k = 0; k < ARRAY_LEN(requests); k++)
            probes += requests[k].under_way && requests[k].probe;
        assert_int_equal(probes, b.state == BREAKER_PROBING);
        if (!requests[which].under_way) {
            bool allowed = breaker_allows(&b, now);
            assert_int_equal(allowed, b.state == BREAKER_CLOSED ||
                                          (b.state == BREAKER_OPEN && now >= b.until));
            if (!allowed)
                continue;
            requests[which].under_way = true;
            requests[which].sent = now;
            requests[which].probe = breaker_begin(&b, now);
            continue;
        }
        struct breaker before = b;
        bool probe = requests[which].probe, changed = false;
        requests[which].under_way = false;
        unsigned end = (unsigned)(random >> 40) % 8;
        if (end == 0)
            breaker_abandoned(&b, probe);
        else if (end < 4)
            changed = breaker_succeeded(&b, probe, requests[which].sent, now);
        else
            changed = breaker_failed(&b, &rules, probe, requests[which].sent, now, random);
        if (end)
            assert_int_equal(changed, b.state != before.state);
        if (probe)
            assert_int_equal(b.state, end && end < 4 ? BREAKER_CLOSED : BREAKER_OPEN);
        else if (before.state != BREAKER_CLOSED)
            assert_memory_equal(&b, &before, sizeof b);
        if (b.state == BREAKER_CLOSED)
            assert_true(b.failures < rules.failures);
    }
    assert_true(seen[BREAKER_CLOSED] && seen[BREAKER_OPEN] && seen[BREAKER_PROBING]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_after_failures_in_a_row),
        cmocka_unit_test(without_a_number_it_never_opens),
        cmocka_unit_test(lets_one_through_to_see),
        cmocka_unit_test(probe_that_fails_doubles_the_time),
        cmocka_unit_test(jitter_uses_its_whole_range),
        cmocka_unit_test(old_requests_say_nothing_while_it_is_open),
        cmocka_unit_test(old_requests_say_nothing_when_it_is_closed_again),
        cmocka_unit_test(after_one_without_a_verdict_another_may_see),
        cmocka_unit_test(share_grows_back),
        cmocka_unit_test(share_grows_over_any_time),
        cmocka_unit_test(odd_rules),
        cmocka_unit_test(any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
