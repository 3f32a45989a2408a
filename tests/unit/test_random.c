/* SPDX-License-Identifier: MIT */
/* That nothing comes twice, over block borders and between threads, and the form of a UUID. */
#include "base/random.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_uuid(const char *uuid) {
    for (size_t i = 0; i < RANDOM_UUID_LEN; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? uuid[i] != '-' : uuid[i] == '\0' || !strchr("0123456789abcdef", uuid[i]))
            return false;
    }
    return uuid[RANDOM_UUID_LEN] == '\0' && uuid[14] == '4' && strchr("89ab", uuid[19]);
}

static int compare(const void *a, const void *b) {
    return memcmp(a, b, RANDOM_UUID_LEN);
}

enum { UUIDS = 1000, THREADS = 3 };
typedef char uuid_text[RANDOM_UUID_LEN + 1];

static void *make_uuids(void *into) {
    uuid_text *uuids = into;
    for (size_t i = 0; i < UUIDS; i++)
        random_uuid(uuids[i]);
    return NULL;
}

static void uuids_are_well_formed_and_differ(void **state) {
    (void)state;
    static uuid_text uuids[THREADS * UUIDS];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_uuids, uuids + i * UUIDS), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    qsort(uuids, ARRAY_LEN(uuids), sizeof uuids[0], compare);
    for (size_t i = 0; i < ARRAY_LEN(uuids); i++) {
        assert_true(is_uuid(uuids[i]));
        assert_true(i == 0 || compare(uuids[i - 1], uuids[i]) < 0);
    }
}

/* Each bit of a number is both in 200 of them, but for one chance in 2^193. */
static void numbers_use_all_bits(void **state) {
    (void)state;
    uint64_t ones = 0, zeros = 0;
    for (int i = 0; i < 200; i++) {
        uint64_t number = random_u64();
        ones |= number;
        zeros |= ~number;
    }
    assert_true(ones == UINT64_MAX);
    assert_true(zeros == UINT64_MAX);
}

/* Of each size, 32 bytes at both ends of what was asked for change, and no byte beyond. */
static void fills_what_is_asked_for(void **state) {
    (void)state;
    static const size_t sizes[] = {64, 1000, 1023, 1024, 1025, 5000};
    static const unsigned char zeros[32];
    unsigned char bytes[5001];
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        memset(bytes, 0, sizeof bytes);
        random_bytes(bytes, sizes[i]);
        assert_memory_not_equal(bytes, zeros, sizeof zeros);
        assert_memory_not_equal(bytes + sizes[i] - sizeof zeros, zeros, sizeof zeros);
        assert_int_equal(bytes[sizes[i]], 0);
    }
    random_bytes(bytes, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(uuids_are_well_formed_and_differ),
        cmocka_unit_test(numbers_use_all_bits),
        cmocka_unit_test(fills_what_is_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
