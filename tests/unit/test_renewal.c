/* SPDX-License-Identifier: MIT */
/* When a credential is fetched again: the rules one by one, then random lives held against them. */
#include "policy/renewal.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S     USEC_PER_SEC
#define MS    USEC_PER_MS
#define NOW   (1000 * S)
#define LEAST ((uint64_t)0) /* the chance that gives no jitter */

static const uint64_t chances[] = {0, 1, 999, 123456789, UINT64_MAX / 3, UINT64_MAX};

static void failed(struct renewal *r, unsigned status) {
    renewal_failed(r, NOW, status, -1, false, LEAST);
}

static void begins_at_once(void **state) {
    (void)state;
    struct renewal r;
    renewal_init(&r, RENEWAL_PLAIN);
    assert_int_equal(r.refresh, 0);
    assert_int_equal(renewal_next(&r), 0);
    assert_false(renewal_usable(&r, 0));
    assert_false(renewal_usable(&r, NOW));
}

static void refresh_comes_up_to_a_tenth_earlier(void **state) {
    (void)state;
    usec_t least = USEC_NEVER, most = 0;
    for (uint64_t chance = 0; chance < 200000; chance++) {
        struct renewal r;
        renewal_init(&r, RENEWAL_PLAIN);
        /* Spread over the whole span of 100 s. */
        renewal_succeeded(&r, NOW, 3600 * S, 1000 * S, chance * 509);
        least = r.refresh < least ? r.refresh : least;
        most = r.refresh > most ? r.refresh : most;
        assert_int_equal(r.expires, NOW + 3600 * S);
    }
    assert_in_range(least, NOW + 900 * S, NOW + 901 * S);
    assert_in_range(most, NOW + 999 * S, NOW + 1000 * S);
}

static void life_ends_when_it_was_said_to(void **state) {
    (void)state;
    struct renewal r;
    renewal_init(&r, RENEWAL_PLAIN);
    renewal_succeeded(&r, NOW, 10 * S, USEC_NEVER, LEAST);
    assert_int_equal(r.refresh, USEC_NEVER);
    assert_true(renewal_usable(&r, NOW + 10 * S - 1));
    assert_false(renewal_usable(&r, NOW + 10 * S));
    assert_int_equal(renewal_next(&r), 0);
    renewal_succeeded(&r, NOW, USEC_NEVER, USEC_NEVER, UINT64_MAX);
    assert_int_equal(r.refresh, USEC_NEVER);
    assert_true(renewal_usable(&r, USEC_NEVER - 1));
}

static void strange_lifetimes_do_no_harm(void **state) {
    (void)state;
    static const struct {
        usec_t lifetime, refresh_after, refresh;
    } rows[] = {
        {0, 0, NOW + RENEWAL_REFRESH_LEAST},
        {-5, -7, NOW + RENEWAL_REFRESH_LEAST},
        {10 * S, 0, NOW + RENEWAL_REFRESH_LEAST},
        {10 * S, 60 * S, NOW + 10 * S}, /* not after its end */
        {USEC_NEVER, USEC_NEVER - 1, USEC_NEVER},
        {USEC_NEVER - 1, 60 * S, NOW + 60 * S},
        {INT64_MIN, INT64_MIN, NOW + RENEWAL_REFRESH_LEAST},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct renewal r;
        renewal_init(&r, RENEWAL_PLAIN);
        renewal_succeeded(&r, NOW, rows[i].lifetime, rows[i].refresh_after, LEAST);
        assert_int_equal(r.refresh, rows[i].refresh);
        assert_true(r.expires >= NOW);
    }
}

static void quick_retry_then_back_off(void **state) {
    (void)state;
    static const unsigned statuses[] = {0, 500, 503};
    for (size_t s = 0; s < ARRAY_LEN(statuses); s++) {
        struct renewal r;
        renewal_init(&r, RENEWAL_PLAIN);
        failed(&r, statuses[s]);
        assert_int_equal(r.refresh, NOW + 100 * MS);
        assert_int_equal(renewal_next(&r), r.refresh);
        static const usec_t steps[] = {1, 2, 4, 8, 8, 8, 8};
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
            failed(&r, statuses[s]);
            assert_int_equal(r.refresh, NOW + steps[i] * S);
        }
        /* After a success there is a quick one again. */
        renewal_succeeded(&r, NOW, USEC_NEVER, USEC_NEVER, LEAST);
        failed(&r, statuses[s]);
        assert_int_equal(r.refresh, NOW + 100 * MS);
    }
}

static void no_quick_retry_where_it_would_not_help(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        bool definite;
    } rows[] = {{429, false}, {400, true}, {401, true}, {500, true}, {200, false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct renewal r;
        renewal_init(&r, RENEWAL_PLAIN);
        renewal_failed(&r, NOW, rows[i].status, -1, rows[i].definite, LEAST);
        assert_int_equal(r.refresh, NOW + 1 * S);
        /* Nor later in the row. */
        failed(&r, 503);
        assert_int_equal(r.refresh, NOW + 2 * S);
    }
}

static void refusals_back_off_to_five_minutes(void **state) {
    (void)state;
    static const usec_t steps[] = {1, 2, 4, 8, 16, 32, 64, 128, 200, 200};
    for (enum renewal_rules rules = RENEWAL_PLAIN; rules <= RENEWAL_IMDS; rules++)
        for (size_t most = 0; most <= 1; most++) {
            struct renewal r;
            renewal_init(&r, rules);
            for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
                /* The most is where the span's remainder is its end. */
                usec_t step = steps[i] * S;
                renewal_failed(&r, NOW, 401, -1, true, most ? (uint64_t)(step / 2) : LEAST);
                assert_int_equal(r.refresh, NOW + step + (most ? step / 2 : 0));
                assert_true(r.refresh <= NOW + RENEWAL_BACKOFF_MAX);
            }
        }
}

static void imds_has_rules_of_its_own(void **state) {
    (void)state;
    static const unsigned gone[] = {410, 404};
    for (size_t g = 0; g < ARRAY_LEN(gone); g++) {
        struct renewal r;
        renewal_init(&r, RENEWAL_IMDS);
        for (int i = 0; i < 7; i++) {
            failed(&r, gone[g]);
            assert_int_equal(r.refresh, NOW + 10 * S);
        }
        failed(&r, gone[g]); /* longer than it is ever gone */
        assert_int_equal(r.refresh, NOW + 40 * S);
    }
    static const unsigned others[] = {0, 429, 500, 503};
    static const usec_t steps[] = {2, 4, 8, 16, 32, 40, 40};
    for (size_t o = 0; o < ARRAY_LEN(others); o++) {
        struct renewal r;
        renewal_init(&r, RENEWAL_IMDS);
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
            failed(&r, others[o]);
            assert_int_equal(r.refresh, NOW + steps[i] * S);
        }
    }
}

static void while_it_lives_a_quarter_at_most(void **state) {
    (void)state;
    struct renewal r;
    renewal_init(&r, RENEWAL_PLAIN);
    renewal_succeeded(&r, NOW, 8 * S, 4 * S, LEAST);
    for (int i = 0; i < 10; i++)
        failed(&r, 503);
    assert_int_equal(r.refresh, NOW + 2 * S);
    renewal_failed(&r, NOW + 7 * S, 503, -1, false, UINT64_MAX);
    assert_int_equal(r.refresh, NOW + 7 * S + 250 * MS);
    renewal_failed(&r, NOW + 8 * S - 1, 401, -1, true, UINT64_MAX);
    assert_int_equal(r.refresh, NOW + 8 * S - 1 + RENEWAL_BACKOFF_LEAST);
    /* Without an end there is no quarter. */
    renewal_succeeded(&r, NOW, USEC_NEVER, USEC_NEVER, LEAST);
    for (int i = 0; i < 20; i++)
        failed(&r, 503);
    assert_int_equal(r.refresh, NOW + 200 * S);
}

/* Short waits at the end of a life are no reason for a long one behind it. */
static void back_off_begins_anew_at_the_end(void **state) {
    (void)state;
    struct renewal r;
    usec_t now = NOW + 2 * S;
    renewal_init(&r, RENEWAL_PLAIN);
    renewal_succeeded(&r, NOW, 4 * S, 2 * S, LEAST);
    while (now < NOW + 4 * S) {
        renewal_failed(&r, now, 503, -1, false, LEAST);
        now = r.refresh;
    }
    static const usec_t waits[] = {RENEWAL_QUICK_MIN, 1 * S, 2 * S, 4 * S, 8 * S, 8 * S};
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        renewal_failed(&r, now, 503, -1, false, LEAST);
        assert_int_equal(r.refresh - now, waits[i]);
        now = r.refresh;
    }
}

static void retry_after_is_obeyed(void **state) {
    (void)state;
    struct renewal r;
    renewal_init(&r, RENEWAL_PLAIN);
    renewal_failed(&r, NOW, 429, 60, false, UINT64_MAX);
    assert_int_equal(r.refresh, NOW + 60 * S);
    assert_int_equal(renewal_next(&r), NOW + 60 * S);
    /* Also beyond the end of what is there. */
    renewal_succeeded(&r, NOW, 8 * S, 4 * S, LEAST);
    renewal_failed(&r, NOW + 4 * S, 429, 60, false, LEAST);
    assert_int_equal(r.refresh, NOW + 64 * S);
    /* Also shorter than back-off. */
    for (int i = 0; i < 20; i++)
        renewal_failed(&r, NOW, 503, 2, false, UINT64_MAX);
    assert_int_equal(r.refresh, NOW + 2 * S);
    /* It has an end, and 0 is no leave to storm. */
    renewal_failed(&r, NOW, 503, INT64_MAX, false, LEAST);
    assert_int_equal(r.refresh, NOW + RENEWAL_HOLD_MAX);
    renewal_init(&r, RENEWAL_PLAIN);
    renewal_failed(&r, NOW, 429, 0, false, LEAST);
    assert_int_equal(r.refresh, NOW + 1 * S);
    /* Success ends it. */
    renewal_failed(&r, NOW, 429, 600, false, LEAST);
    renewal_succeeded(&r, NOW + 1, 60 * S, 30 * S, LEAST);
    assert_int_equal(renewal_next(&r), 0);
    assert_true(renewal_forced(&r, NOW + 2));
}

static void forced_once_in_thirty_seconds(void **state) {
    (void)state;
    struct renewal r;
    renewal_init(&r, RENEWAL_PLAIN);
    renewal_succeeded(&r, NOW, 3600 * S, 1800 * S, LEAST);
    assert_true(renewal_forced(&r, NOW + 1 * S));
    renewal_succeeded(&r, NOW + 2 * S, 3600 * S, 1800 * S, LEAST);
    assert_false(renewal_forced(&r, NOW + 5 * S));
    assert_true(r.forced_due);
    assert_int_equal(r.refresh, NOW + 31 * S);
    assert_false(renewal_forced(&r, NOW + 6 * S));
    assert_int_equal(r.refresh, NOW + 31 * S);
    /* What is due then counts as forced itself. */
    renewal_succeeded(&r, NOW + 32 * S, 3600 * S, 1800 * S, LEAST);
    assert_false(r.forced_due);
    assert_int_equal(r.refresh, NOW + 1832 * S);
    assert_false(renewal_forced(&r, NOW + 33 * S));
    assert_int_equal(r.refresh, NOW + 62 * S);
}

static void forced_does_not_wait_for_back_off_but_for_retry_after(void **state) {
    (void)state;
    struct renewal r;
    renewal_init(&r, RENEWAL_PLAIN);
    renewal_succeeded(&r, NOW, USEC_NEVER, USEC_NEVER, LEAST);
    for (int i = 0; i < 20; i++)
        failed(&r, 503);
    assert_true(renewal_forced(&r, NOW + 1));
    renewal_failed(&r, NOW + 2, 429, 100, false, LEAST);
    assert_false(renewal_forced(&r, NOW + 40 * S));
    assert_int_equal(r.refresh, NOW + 2 + 100 * S);
    assert_true(renewal_forced(&r, NOW + 2 + 100 * S));
}

static void sooner_attempt_is_not_put_off_by_force(void **state) {
    (void)state;
    struct renewal r;
    renewal_init(&r, RENEWAL_PLAIN);
    renewal_succeeded(&r, NOW, 3600 * S, 10 * S, LEAST);
    assert_true(renewal_forced(&r, NOW));
    assert_false(renewal_forced(&r, NOW + 1));
    assert_int_equal(r.refresh, NOW + 10 * S);
}

static void retry_ends_back_off_but_no_retry_after(void **state) {
    (void)state;
    struct renewal r;
    renewal_init(&r, RENEWAL_PLAIN);
    for (int i = 0; i < 20; i++)
        renewal_failed(&r, NOW, 401, -1, true, LEAST);
    renewal_retry(&r, NOW + 1);
    assert_int_equal(r.refresh, NOW + 1);
    assert_int_equal(renewal_next(&r), 0);
    failed(&r, 503); /* begins from the start */
    assert_int_equal(r.refresh, NOW + 100 * MS);
    renewal_failed(&r, NOW, 429, 60, false, LEAST);
    renewal_retry(&r, NOW + 1);
    assert_int_equal(r.refresh, NOW + 60 * S);
    assert_int_equal(renewal_next(&r), NOW + 60 * S);
}

/* --- random lives ----------------------------------------------------------------------------- */

static uint64_t seed;

static uint64_t random_number(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t below(uint64_t n) {
    return random_number() % n;
}

static usec_t random_span(void) {
    switch (below(8)) {
    case 0:
        return USEC_NEVER;
    case 1:
        return 0;
    case 2:
        return USEC_NEVER - (usec_t)below(1000);
    default:
        return (usec_t)below((uint64_t)1 << (10 + below(32)));
    }
}

static void check_failed(struct renewal *r, usec_t now) {
    static const unsigned statuses[] = {0, 200, 400, 401, 404, 408, 410, 429, 500, 503};
    bool definite = below(3) == 0;
    int64_t retry_after = below(2) ? -1 : below(10) ? (int64_t)below(5000) : INT64_MAX;
    bool usable = renewal_usable(r, now);
    usec_t left = r->expires - now;
    renewal_failed(r, now, statuses[below(ARRAY_LEN(statuses))], retry_after, definite,
                   random_number());
    usec_t wait = r->refresh - now;
    assert_true(r->refresh > now);
    if (retry_after > 0) {
        usec_t said = retry_after < 3600 ? retry_after * S : 3600 * S;
        assert_int_equal(wait, said);
        return;
    }
    assert_in_range(wait, RENEWAL_BACKOFF_LEAST, RENEWAL_BACKOFF_MAX);
    if (usable && wait > RENEWAL_BACKOFF_LEAST)
        assert_true(wait <= left / RENEWAL_LEFT_PART);
    if (!usable && !definite && r->rules == RENEWAL_PLAIN)
        assert_true(wait <= RENEWAL_BACKOFF_NEEDED);
}

static void check_succeeded(struct renewal *r, usec_t now) {
    usec_t lifetime = random_span(), after = random_span();
    renewal_succeeded(r, now, lifetime, after, random_number());
    assert_true(r->refresh > now);
    assert_true(r->expires >= now);
    assert_int_equal(renewal_next(r), 0);
    if (after == USEC_NEVER)
        assert_int_equal(r->refresh, USEC_NEVER);
    else if (r->refresh != USEC_NEVER && r->refresh != now + RENEWAL_REFRESH_LEAST)
        assert_true(r->refresh - now <= after && r->refresh - now <= lifetime &&
                    r->refresh - now >= (after < lifetime ? after : lifetime) / 10 * 9);
}

/* Plays the owner, who fetches when it is due, needed or forced, one at a time. */
static void live(enum renewal_rules rules) {
    struct renewal r;
    usec_t now = NOW, held = 0, forced_last = -RENEWAL_FORCED_INTERVAL;
    renewal_init(&r, rules);
    for (int step = 0; step < 2000; step++) {
        bool fetch = r.refresh <= now || (!renewal_usable(&r, now) && renewal_next(&r) <= now);
        bool forced = !fetch && below(3) == 0 && renewal_forced(&r, now);
        if (fetch || forced) {
            assert_true(now >= held); /* nothing inside a Retry-After */
            if (forced)
                assert_true(now - forced_last >= RENEWAL_FORCED_INTERVAL);
            if (forced || r.forced_due)
                forced_last = now;
            now += (usec_t)below(100 * MS); /* it takes a while */
            if (below(2))
                check_failed(&r, now);
            else
                check_succeeded(&r, now);
            held = r.hold_until;
        } else if (r.forced_due) {
            assert_true(r.refresh > now);
        }
        now += (usec_t)below((uint64_t)1 << (5 + below(24)));
    }
}

static void random_lives(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 500; i++) {
        seed = i * 0x9e3779b97f4a7c15;
        live(i % 2 ? RENEWAL_PLAIN : RENEWAL_IMDS);
    }
}

/* Refusals as fast as they come, answered by success or failure: the fetches that they cause. */
static void storm_of_refusals(void **state) {
    (void)state;
    for (uint64_t i = 1; i <= 20; i++) {
        struct renewal r;
        usec_t last = -RENEWAL_FORCED_INTERVAL;
        seed = i * 0x9e3779b97f4a7c15;
        renewal_init(&r, RENEWAL_PLAIN);
        renewal_succeeded(&r, NOW, USEC_NEVER, USEC_NEVER, LEAST);
        for (usec_t now = NOW; now < NOW + 3600 * S; now += (usec_t)below(2 * S)) {
            bool due = r.refresh <= now;
            if (!due && !renewal_forced(&r, now))
                continue;
            assert_true(now - last >= RENEWAL_FORCED_INTERVAL);
            last = now;
            renewal_succeeded(&r, now, USEC_NEVER, USEC_NEVER, LEAST);
        }
        assert_true(last > NOW + 3500 * S); /* and they were not forgotten */
    }
}

static void end_of_time(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(chances); i++) {
        struct renewal r;
        usec_t now = USEC_NEVER - 2;
        renewal_init(&r, RENEWAL_PLAIN);
        renewal_failed(&r, now, 503, -1, false, chances[i]);
        assert_int_equal(r.refresh, USEC_NEVER);
        renewal_failed(&r, now, 503, 5000, false, chances[i]);
        assert_int_equal(r.hold_until, USEC_NEVER);
        assert_false(renewal_forced(&r, now));
        renewal_succeeded(&r, now, 10 * S, 5 * S, chances[i]);
        assert_int_equal(r.expires, USEC_NEVER);
        assert_false(renewal_forced(&r, now)); /* what was due has been done */
        r.failures = UINT32_MAX;
        renewal_failed(&r, NOW, 503, -1, false, chances[i]);
        assert_int_equal(r.failures, UINT32_MAX);
        assert_in_range(r.refresh, NOW + 200 * S, NOW + 300 * S);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_at_once),
        cmocka_unit_test(refresh_comes_up_to_a_tenth_earlier),
        cmocka_unit_test(life_ends_when_it_was_said_to),
        cmocka_unit_test(strange_lifetimes_do_no_harm),
        cmocka_unit_test(quick_retry_then_back_off),
        cmocka_unit_test(no_quick_retry_where_it_would_not_help),
        cmocka_unit_test(refusals_back_off_to_five_minutes),
        cmocka_unit_test(imds_has_rules_of_its_own),
        cmocka_unit_test(while_it_lives_a_quarter_at_most),
        cmocka_unit_test(back_off_begins_anew_at_the_end),
        cmocka_unit_test(retry_after_is_obeyed),
        cmocka_unit_test(forced_once_in_thirty_seconds),
        cmocka_unit_test(forced_does_not_wait_for_back_off_but_for_retry_after),
        cmocka_unit_test(sooner_attempt_is_not_put_off_by_force),
        cmocka_unit_test(retry_ends_back_off_but_no_retry_after),
        cmocka_unit_test(random_lives),
        cmocka_unit_test(storm_of_refusals),
        cmocka_unit_test(end_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
