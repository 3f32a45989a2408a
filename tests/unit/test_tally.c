/* SPDX-License-Identifier: MIT */
/* Tallies: what is counted is there, in every bucket and row, whoever counted it and however often
 * it is looked at meanwhile. */
#include "gateway/tally.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

struct fixture {
    struct tally *tally;
    struct tally_slot *slot;
    struct tally_sum sum;
};

static int set_up(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    if (!f)
        return -1;
    f->tally = tally_new();
    f->slot = f->tally ? tally_slot(f->tally) : NULL;
    *state = f;
    return f->slot ? 0 : -1;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    tally_unref(&f->tally);
    free(f);
    return 0;
}

static const struct tally_sum *look(struct fixture *f) {
    tally_read(f->tally, &f->sum);
    return &f->sum;
}

/* How many requests ended with STATUS and WHY. */
static uint64_t requests(const struct tally_sum *sum, unsigned status, enum reason why) {
    for (size_t i = 0; i < sum->request_count; i++)
        if (sum->requests[i].status == status && sum->requests[i].why == why)
            return sum->requests[i].count;
    return 0;
}

static void begins_with_nothing(void **state) {
    const struct tally_sum *sum = look(*state);
    assert_int_equal(sum->request_count, 0);
    assert_int_equal(sum->others, 0);
    assert_int_equal(sum->duration.count, 0);
    assert_int_equal(sum->upstream.count, 0);
    for (unsigned i = 0; i < TALLY_RETRIES; i++)
        assert_int_equal(sum->retries[i], 0);
    for (unsigned i = 0; i < TALLY_GAUGES; i++)
        assert_int_equal(sum->gauges[i], 0);
    for (unsigned i = 0; i < TALLY_BACKENDS_MAX; i++)
        assert_int_equal(sum->backends[i], TALLY_CLOSED);
}

static void tells_requests_apart(void **state) {
    struct fixture *f = *state;
    tally_ended(f->slot, 503, REASON_no_credential, 1);
    tally_ended(f->slot, 200, REASON_answered, 1);
    tally_ended(f->slot, 503, REASON_answered, 1);
    tally_ended(f->slot, 200, REASON_answered, 1);
    tally_ended(f->slot, 0, REASON_caller_gone, 1);
    tally_ended(f->slot, 0, REASON_NONE, 1);
    const struct tally_sum *sum = look(f);
    assert_int_equal(sum->request_count, 5);
    assert_int_equal(requests(sum, 200, REASON_answered), 2);
    assert_int_equal(requests(sum, 503, REASON_answered), 1);
    assert_int_equal(requests(sum, 503, REASON_no_credential), 1);
    assert_int_equal(requests(sum, 0, REASON_caller_gone), 1);
    assert_int_equal(requests(sum, 0, REASON_NONE), 1);
    for (size_t i = 1; i < sum->request_count; i++) {
        const struct tally_requests *a = &sum->requests[i - 1], *b = &sum->requests[i];
        assert_true(a->status < b->status || (a->status == b->status && a->why < b->why));
    }
}

static void loses_no_request_of_many_kinds(void **state) {
    struct fixture *f = *state;
    /* Three owners of which each meets 200 kinds: too many for one, and for all together. */
    struct tally_slot *slots[] = {f->slot, tally_slot(f->tally), tally_slot(f->tally)};
    for (unsigned i = 0; i < ARRAY_LEN(slots); i++) {
        assert_non_null(slots[i]);
        for (unsigned n = 0; n < 400; n++)
            tally_ended(slots[i], 200 + 200 * i + n % 200, REASON_answered, 1);
    }
    const struct tally_sum *sum = look(f);
    uint64_t all = sum->others;
    for (size_t i = 0; i < sum->request_count; i++) {
        assert_int_equal(sum->requests[i].count, 2);
        all += sum->requests[i].count;
    }
    assert_int_equal(all, 1200);
    assert_int_equal(sum->duration.count, 1200);
    assert_int_equal(sum->request_count, TALLY_PAIRS_MAX);
}

static void sorts_durations_into_buckets(void **state) {
    struct fixture *f = *state;
    uint64_t total = 0;
    for (unsigned i = 0; i < TALLY_BOUNDS; i++) {
        assert_true(i == 0 || tally_bounds[i] > tally_bounds[i - 1]);
        tally_ended(f->slot, 200, REASON_answered, tally_bounds[i]);
        tally_ended(f->slot, 200, REASON_answered, tally_bounds[i] + 1);
        total += 2 * (uint64_t)tally_bounds[i] + 1;
    }
    tally_ended(f->slot, 200, REASON_answered, 0);
    tally_ended(f->slot, 200, REASON_answered, -5); /* no clock does that; nothing breaks */
    const struct tally_histogram *h = &look(f)->duration;
    assert_int_equal(h->counts[0], 3);
    for (unsigned i = 1; i < TALLY_BOUNDS; i++)
        assert_int_equal(h->counts[i], 2);
    assert_int_equal(h->counts[TALLY_BOUNDS], 1);
    assert_int_equal(h->count, 2 * TALLY_BOUNDS + 2);
    assert_int_equal(h->sum, total);
    assert_int_equal(f->sum.upstream.count, 0);
}

static void times_endpoints_apart(void **state) {
    struct fixture *f = *state;
    tally_upstream(f->slot, 90 * USEC_PER_MS);
    const struct tally_sum *sum = look(f);
    assert_int_equal(sum->upstream.count, 1);
    assert_int_equal(sum->upstream.sum, 90000);
    assert_int_equal(sum->duration.count, 0);
    assert_int_equal(sum->request_count, 0);
}

static void adds_slots_up(void **state) {
    struct fixture *f = *state;
    struct tally_slot *another = tally_slot(f->tally);
    assert_non_null(another);
    assert_ptr_not_equal(another, f->slot);
    tally_ended(f->slot, 200, REASON_answered, 2000);
    tally_ended(another, 200, REASON_answered, 3000);
    tally_retried(f->slot, TALLY_RETRY_HEDGE);
    tally_retried(another, TALLY_RETRY_HEDGE);
    tally_retried(another, TALLY_RETRY_STATUS);
    tally_add(f->slot, TALLY_IN_FLIGHT, 3);
    tally_add(f->slot, TALLY_IN_FLIGHT, -1);
    tally_add(another, TALLY_IN_FLIGHT, 4);
    tally_add(another, TALLY_IDLE, 1);
    const struct tally_sum *sum = look(f);
    assert_int_equal(requests(sum, 200, REASON_answered), 2);
    assert_int_equal(sum->duration.sum, 5000);
    assert_int_equal(sum->retries[TALLY_RETRY_HEDGE], 2);
    assert_int_equal(sum->retries[TALLY_RETRY_STATUS], 1);
    assert_int_equal(sum->gauges[TALLY_IN_FLIGHT], 6);
    assert_int_equal(sum->gauges[TALLY_IDLE], 1);
    assert_int_equal(sum->gauges[TALLY_QUEUED], 0);
}

static void tells_the_worst_of_a_backend(void **state) {
    struct fixture *f = *state;
    struct tally_slot *another = tally_slot(f->tally);
    assert_non_null(another);
    tally_backend(f->slot, 1, TALLY_OPEN);
    tally_backend(another, 1, TALLY_PROBING);
    tally_backend(another, 15, TALLY_PROBING);
    assert_int_equal(look(f)->backends[0], TALLY_CLOSED);
    assert_int_equal(f->sum.backends[1], TALLY_OPEN);
    assert_int_equal(f->sum.backends[15], TALLY_PROBING);
    tally_backend(f->slot, 1, TALLY_CLOSED);
    assert_int_equal(look(f)->backends[1], TALLY_PROBING);
}

static void hears_no_more_of_backends_that_were(void **state) {
    struct fixture *f = *state;
    tally_backend(f->slot, 0, TALLY_OPEN);
    tally_retire(f->slot);
    assert_int_equal(look(f)->backends[0], TALLY_CLOSED);
    tally_backend(f->slot, 0, TALLY_OPEN);
    tally_ended(f->slot, 200, REASON_answered, 1);
    assert_int_equal(look(f)->backends[0], TALLY_CLOSED);
    assert_int_equal(f->sum.duration.count, 1);
}

static void uses_slots_again(void **state) {
    struct fixture *f = *state;
    struct tally_slot *first = f->slot;
    tally_ended(f->slot, 200, REASON_answered, 1);
    tally_backend(f->slot, 0, TALLY_OPEN);
    tally_release(&f->slot);
    assert_null(f->slot);
    tally_release(&f->slot);
    assert_int_equal(look(f)->backends[0], TALLY_CLOSED);

    f->slot = tally_slot(f->tally);
    assert_ptr_equal(f->slot, first);
    tally_ended(f->slot, 200, REASON_answered, 1);
    tally_backend(f->slot, 0, TALLY_PROBING);
    assert_int_equal(requests(look(f), 200, REASON_answered), 2);
    assert_int_equal(f->sum.backends[0], TALLY_PROBING);
}

static void lives_as_long_as_it_is_referred_to(void **state) {
    struct fixture *f = *state;
    struct tally *other = tally_ref(f->tally);
    tally_unref(&other);
    assert_null(other);
    tally_unref(&other);
    tally_ended(f->slot, 200, REASON_answered, 1);
    assert_int_equal(look(f)->duration.count, 1);
}

static void names_retries(void **state) {
    (void)state;
    assert_string_equal(tally_retry_word(TALLY_RETRY_CONNECTION), "connection");
    assert_string_equal(tally_retry_word(TALLY_RETRY_CREDENTIAL), "credential");
    assert_string_equal(tally_retry_word(TALLY_RETRY_STATUS), "status");
    assert_string_equal(tally_retry_word(TALLY_RETRY_NOT_READY), "not_ready");
    assert_string_equal(tally_retry_word(TALLY_RETRY_HEDGE), "hedge");
}

/* Several threads count, each in turns with slots of its own, while another one reads. */

#define THREADS 4
#define TURNS   50
#define ROUNDS  200

static void *count_in_turns(void *context) {
    struct tally *t = context;
    for (unsigned turn = 0; turn < TURNS; turn++) {
        struct tally_slot *s = tally_slot(t);
        for (unsigned i = 0; s && i < ROUNDS; i++) {
            tally_add(s, TALLY_IN_FLIGHT, 1);
            tally_backend(s, i % TALLY_BACKENDS_MAX, TALLY_OPEN);
            tally_retried(s, TALLY_RETRY_STATUS);
            tally_ended(s, 200 + i, REASON_answered, (usec_t)i);
            tally_add(s, TALLY_IN_FLIGHT, -1);
        }
        tally_release(&s);
    }
    return NULL;
}

struct reader {
    struct tally *tally;
    atomic_bool over;
    bool went_back;
};

static void *read_meanwhile(void *context) {
    struct reader *r = context;
    struct tally_sum sum;
    uint64_t last = 0, last_request = 0;
    while (!atomic_load(&r->over)) {
        tally_read(r->tally, &sum);
        uint64_t request = requests(&sum, 200, REASON_answered);
        r->went_back |= sum.duration.count < last || request < last_request;
        last = sum.duration.count;
        last_request = request;
    }
    return NULL;
}

static void counts_in_many_threads(void **state) {
    struct fixture *f = *state;
    pthread_t threads[THREADS], reader_thread;
    struct reader reader = {.tally = f->tally};
    assert_int_equal(pthread_create(&reader_thread, NULL, read_meanwhile, &reader), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_in_turns, f->tally), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    atomic_store(&reader.over, true);
    pthread_join(reader_thread, NULL);

    assert_false(reader.went_back);
    const struct tally_sum *sum = look(f);
    assert_int_equal(sum->duration.count, THREADS * TURNS * ROUNDS);
    assert_int_equal(sum->duration.sum, THREADS * TURNS * (ROUNDS * (ROUNDS - 1) / 2));
    assert_int_equal(sum->retries[TALLY_RETRY_STATUS], THREADS * TURNS * ROUNDS);
    assert_int_equal(requests(sum, 200, REASON_answered), THREADS * TURNS);
    assert_int_equal(sum->gauges[TALLY_IN_FLIGHT], 0);
    assert_int_equal(sum->backends[0], TALLY_CLOSED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(begins_with_nothing),
        TEST(tells_requests_apart),
        TEST(loses_no_request_of_many_kinds),
        TEST(sorts_durations_into_buckets),
        TEST(times_endpoints_apart),
        TEST(adds_slots_up),
        TEST(tells_the_worst_of_a_backend),
        TEST(hears_no_more_of_backends_that_were),
        TEST(uses_slots_again),
        TEST(lives_as_long_as_it_is_referred_to),
        cmocka_unit_test(names_retries),
        TEST(counts_in_many_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
