/* SPDX-License-Identifier: MIT */
/* When to come back: the fields that say so, alone and together, in a head that is whole.
 * test_fetch_head.c has those that come line by line. */
#include "policy/retry_after.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define WALL (784111777 * USEC_PER_SEC + 500 * USEC_PER_MS) /* Sun, 06 Nov 1994 08:49:37.5 GMT */
#define S    USEC_PER_SEC
#define MS   USEC_PER_MS

struct pair {
    const char *name, *value;
};

static usec_t wait_of(const struct pair *pairs, size_t n) {
    struct field_line lines[4];
    assert_true(n <= ARRAY_LEN(lines));
    for (size_t i = 0; i < n; i++)
        lines[i] =
            (struct field_line){.name = text_of(pairs[i].name), .value = text_of(pairs[i].value)};
    return retry_after_read(lines, n, WALL);
}

static void what_is_said(void **state) {
    (void)state;
    static const struct {
        struct pair fields[3];
        usec_t wait;
    } rows[] = {
        {{{0}}, USEC_NEVER},
        {{{"Content-Type", "60"}}, USEC_NEVER},
        {{{"Retry-After", "0"}}, 0},
        {{{"retry-after", "60"}}, 60 * S},
        {{{"Retry-After-ms", "1500"}}, 1500 * MS},
        {{{"X-MS-Retry-After-MS", "1"}}, 1 * MS},
        {{{"Retry-After", "31622400"}}, RETRY_AFTER_MAX},
        {{{"Retry-After", "31622401"}}, RETRY_AFTER_MAX},
        {{{"Retry-After", "31622399"}}, RETRY_AFTER_MAX - S},
        {{{"Retry-After", "18446744073709551615"}}, RETRY_AFTER_MAX},
        {{{"retry-after-ms", "18446744073709551615"}}, RETRY_AFTER_MAX},
        {{{"Retry-After", "18446744073709551616"}}, USEC_NEVER},
        {{{"Retry-After", "-1"}}, USEC_NEVER},
        {{{"Retry-After", "1.5"}}, USEC_NEVER},
        {{{"Retry-After", ""}}, USEC_NEVER},
        {{{"Retry-After", "soon"}}, USEC_NEVER},
        /* The longest, in whatever order. */
        {{{"Retry-After", "1"}, {"retry-after-ms", "1500"}}, 1500 * MS},
        {{{"retry-after-ms", "1500"}, {"Retry-After", "2"}}, 2 * S},
        {{{"Retry-After", "9"}, {"Retry-After", "7"}}, 9 * S},
        {{{"Retry-After", "soon"}, {"retry-after-ms", "0"}}, 0},
        /* A date: by the answer's clock, else by ours, and never before now. */
        {{{"Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"}}, 29500 * MS},
        {{{"Retry-After", "Sunday, 06-Nov-94 08:50:07 GMT"}, {"date", "Sun Nov  6 08:50:00 1994"}},
         7 * S},
        {{{"Date", "Sun, 06 Nov 1994 08:50:07 GMT"},
          {"Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"}},
         0},
        {{{"Date", "Mon, 07 Nov 1994 08:50:07 GMT"},
          {"Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"}},
         0},
        {{{"Date", "yesterday"}, {"Retry-After", "Sun, 06 Nov 1994 08:49:38 GMT"}}, 500 * MS},
        {{{"Retry-After", "Thu, 01 Jan 1970 00:00:00 GMT"}}, 0},
        {{{"Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"}}, RETRY_AFTER_MAX},
        {{{"Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"}, {"retry-after-ms", "40000"}}, 40 * S},
        {{{"Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"}, {"retry-after-ms", "4000"}},
         29500 * MS},
        {{{"Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"},
          {"Retry-After", "Sun, 06 Nov 1994 08:49:47 GMT"}},
         29500 * MS},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t n = 0;
        while (n < ARRAY_LEN(rows[i].fields) && rows[i].fields[n].name)
            n++;
        usec_t wait = wait_of(rows[i].fields, n);
        if (wait != rows[i].wait)
            fail_msg("row %zu: %lld", i, (long long)wait);
    }
}

static void date_alone_is_kept(void **state) {
    (void)state;
    struct retry_after r;
    retry_after_init(&r);
    assert_int_equal(r.date_s, 0);
    retry_after_field(&r, TEXT("Date"), TEXT("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_int_equal(r.date_s, 784111777);
    assert_int_equal(retry_after_wait(&r, WALL), USEC_NEVER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(date_alone_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
