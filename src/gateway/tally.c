/* SPDX-License-Identifier: MIT */
/* The tally of gateway/tally.h: a list of slots that only grows. A counter has one writer, so that
 * a load and a store will do; readers may see one counter before another, never one that is torn
 * or goes back. */
#include "gateway/tally.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

/* Pairs of status and reason in one slot; a power of two. An endpoint may make up statuses, hardly
 * as many. */
#define PAIRS 128

typedef atomic_uint_least64_t counter;

struct pair {
    counter key; /* 0: free */
    counter count;
};

struct histogram {
    counter counts[TALLY_BOUNDS + 1];
    counter sum;
};

struct tally_slot {
    /* On lines of its own, so that workers do not take them from each other. */
    _Alignas(CACHE_LINE) struct pair pairs[PAIRS];
    counter others; /* requests that found no room in pairs */
    struct histogram duration, upstream;
    counter retries[TALLY_RETRIES];
    atomic_int_least64_t gauges[TALLY_GAUGES];
    atomic_int backends[TALLY_BACKENDS_MAX]; /* enum tally_breaker */
    bool retired;                            /* the owner's */
    atomic_bool owned;
    struct tally_slot *next; /* of the tally */
};

struct tally {
    atomic_int references;
    _Atomic(struct tally_slot *) slots;
};

const usec_t tally_bounds[TALLY_BOUNDS] = {
    1 * USEC_PER_MS,    2500,
    5 * USEC_PER_MS,    10 * USEC_PER_MS,
    25 * USEC_PER_MS,   50 * USEC_PER_MS,
    100 * USEC_PER_MS,  250 * USEC_PER_MS,
    500 * USEC_PER_MS,  1 * USEC_PER_SEC,
    2500 * USEC_PER_MS, 5 * USEC_PER_SEC,
    10 * USEC_PER_SEC,  30 * USEC_PER_SEC,
    60 * USEC_PER_SEC,  180 * USEC_PER_SEC,
};

static uint64_t load(counter *c) {
    return atomic_load_explicit(c, memory_order_relaxed);
}

static void store(counter *c, uint64_t value) {
    atomic_store_explicit(c, value, memory_order_relaxed);
}

static void count(counter *c, uint64_t n) {
    store(c, load(c) + n);
}

/* The tally and its slots */

struct tally *tally_new(void) {
    struct tally *t = calloc(1, sizeof *t);
    if (t)
        atomic_init(&t->references, 1);
    return t;
}

struct tally *tally_ref(struct tally *t) {
    atomic_fetch_add(&t->references, 1);
    return t;
}

void tally_unref(struct tally **t) {
    struct tally *last = *t;
    *t = NULL;
    if (!last || atomic_fetch_sub(&last->references, 1) > 1)
        return;
    struct tally_slot *s = atomic_load(&last->slots);
    while (s) {
        struct tally_slot *next = s->next;
        free(s);
        s = next;
    }
    free(last);
}

/* One that was given back; taking it makes all visible that its former owner wrote. */
static struct tally_slot *take_back(struct tally *t) {
    for (struct tally_slot *s = atomic_load(&t->slots); s; s = s->next) {
        bool owned = false;
        if (atomic_compare_exchange_strong(&s->owned, &owned, true))
            return s;
    }
    return NULL;
}

static struct tally_slot *make_slot(struct tally *t) {
    struct tally_slot *s = aligned_alloc(CACHE_LINE, sizeof *s);
    if (!s)
        return NULL;
    memset(s, 0, sizeof *s);
    atomic_init(&s->owned, true);
    s->next = atomic_load(&t->slots);
    while (!atomic_compare_exchange_weak(&t->slots, &s->next, s)) {
    }
    return s;
}

struct tally_slot *tally_slot(struct tally *t) {
    struct tally_slot *s = take_back(t);
    if (!s)
        return make_slot(t);
    s->retired = false;
    return s;
}

void tally_retire(struct tally_slot *s) {
    for (unsigned i = 0; i < TALLY_BACKENDS_MAX; i++)
        tally_backend(s, i, TALLY_CLOSED);
    s->retired = true;
}

void tally_release(struct tally_slot **s) {
    struct tally_slot *done = *s;
    *s = NULL;
    if (!done)
        return;
    tally_retire(done);
    atomic_store(&done->owned, false);
}

/* Counting */

const char *tally_retry_word(enum tally_retry why) {
    static const char *const words[TALLY_RETRIES] = {"connection", "credential", "status",
                                                     "not_ready", "hedge"};
    assert(why < TALLY_RETRIES);
    return words[why];
}

void tally_add(struct tally_slot *s, enum tally_gauge gauge, int change) {
    assert(gauge < TALLY_GAUGES);
    atomic_int_least64_t *g = &s->gauges[gauge];
    atomic_store_explicit(g, atomic_load_explicit(g, memory_order_relaxed) + change,
                          memory_order_relaxed);
}

static void observe(struct histogram *h, usec_t duration) {
    if (duration < 0)
        duration = 0;
    size_t i = 0;
    while (i < TALLY_BOUNDS && duration > tally_bounds[i])
        i++;
    count(&h->counts[i], 1);
    count(&h->sum, (uint64_t)duration);
}

/* Never 0: a reason is below 2^16, and the bit above it is set. */
static uint64_t pair_key(unsigned status, enum reason why) {
    return (uint64_t)status << 32 | 1U << 16 | (unsigned)why;
}

static struct tally_requests pair_of(uint64_t key) {
    return (struct tally_requests){.status = (unsigned)(key >> 32),
                                   .why = (enum reason)(key & 0xffff)};
}

/* Where requests of KEY are counted. */
static counter *find_pair(struct tally_slot *s, uint64_t key) {
    uint64_t at = key * 0x9e3779b97f4a7c15U >> 32; /* Fibonacci hashing */
    for (unsigned i = 0; i < PAIRS; i++, at++) {
        struct pair *p = &s->pairs[at % PAIRS];
        if (load(&p->key) == 0)
            store(&p->key, key);
        if (load(&p->key) == key)
            return &p->count;
    }
    return &s->others;
}

void tally_ended(struct tally_slot *s, unsigned status, enum reason why, usec_t duration) {
    assert(why < REASON_COUNT);
    count(find_pair(s, pair_key(status, why)), 1);
    observe(&s->duration, duration);
}

void tally_upstream(struct tally_slot *s, usec_t duration) {
    observe(&s->upstream, duration);
}

void tally_retried(struct tally_slot *s, enum tally_retry why) {
    assert(why < TALLY_RETRIES);
    count(&s->retries[why], 1);
}

void tally_backend(struct tally_slot *s, unsigned backend, enum tally_breaker state) {
    assert(backend < TALLY_BACKENDS_MAX);
    if (!s->retired)
        atomic_store_explicit(&s->backends[backend], (int)state, memory_order_relaxed);
}

/* Reading */

static bool is_before(struct tally_requests a, struct tally_requests b) {
    return a.status < b.status || (a.status == b.status && a.why < b.why);
}

/* Adds N requests of PAIR to the sum, whose rows stay in order. */
static void sum_requests(struct tally_sum *sum, struct tally_requests pair, uint64_t n) {
    size_t at = 0;
    while (at < sum->request_count && is_before(sum->requests[at], pair))
        at++;
    if (at < sum->request_count && !is_before(pair, sum->requests[at])) {
        sum->requests[at].count += n;
        return;
    }
    if (sum->request_count == TALLY_PAIRS_MAX) {
        sum->others += n;
        return;
    }
    memmove(&sum->requests[at + 1], &sum->requests[at],
            (sum->request_count - at) * sizeof sum->requests[0]);
    pair.count = n;
    sum->requests[at] = pair;
    sum->request_count++;
}

static void sum_pairs(struct tally_sum *sum, struct tally_slot *s) {
    for (unsigned i = 0; i < PAIRS; i++) {
        /* A pair may be there before its first count is seen. */
        uint64_t key = load(&s->pairs[i].key), n = load(&s->pairs[i].count);
        if (key && n)
            sum_requests(sum, pair_of(key), n);
    }
    sum->others += load(&s->others);
}

static void sum_histogram(struct tally_histogram *sum, struct histogram *h) {
    for (unsigned i = 0; i <= TALLY_BOUNDS; i++) {
        uint64_t n = load(&h->counts[i]);
        sum->counts[i] += n;
        sum->count += n;
    }
    sum->sum += load(&h->sum);
}

static void sum_states(struct tally_sum *sum, struct tally_slot *s) {
    for (unsigned i = 0; i < TALLY_GAUGES; i++)
        sum->gauges[i] += atomic_load_explicit(&s->gauges[i], memory_order_relaxed);
    for (unsigned i = 0; i < TALLY_BACKENDS_MAX; i++) {
        int state = atomic_load_explicit(&s->backends[i], memory_order_relaxed);
        if (state > (int)sum->backends[i])
            sum->backends[i] = (enum tally_breaker)state;
    }
}

void tally_read(struct tally *t, struct tally_sum *sum) {
    *sum = (struct tally_sum){0};
    for (struct tally_slot *s = atomic_load(&t->slots); s; s = s->next) {
        sum_pairs(sum, s);
        sum_histogram(&sum->duration, &s->duration);
        sum_histogram(&sum->upstream, &s->upstream);
        for (unsigned i = 0; i < TALLY_RETRIES; i++)
            sum->retries[i] += load(&s->retries[i]);
        sum_states(sum, s);
    }
}
