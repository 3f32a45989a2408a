/* SPDX-License-Identifier: MIT */
/* Spans of time in words. */
#include "base/duration.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void spans_in_words(void **state) {
    static const struct {
        usec_t span;
        const char *words;
    } rows[] = {
        {0, "0 s"},
        {-5 * USEC_PER_SEC, "0 s"},
        {USEC_PER_SEC - 1, "0 s"},
        {119 * USEC_PER_SEC, "119 s"},
        {120 * USEC_PER_SEC, "2 min"},
        {7199 * USEC_PER_SEC, "119 min"},
        {7200 * USEC_PER_SEC, "2 h"},
        {(7200 + 59) * USEC_PER_SEC, "2 h"},
        {(7200 + 60) * USEC_PER_SEC, "2 h 1 min"},
        {(48 * 3600 - 1) * USEC_PER_SEC, "47 h 59 min"},
        {48 * 3600 * USEC_PER_SEC, "2 days"},
        {USEC_NEVER, "106751991 days"},
        {INT64_MIN, "0 s"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf b;
        buf_init(&b, 64);
        duration_add(&b, rows[i].span);
        assert_string_equal(b.at, rows[i].words);
        buf_done(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(spans_in_words)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
