/* SPDX-License-Identifier: MIT */
/* Each way in which a service writes a time, and what is none. */
#include "azure/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void reads_every_form(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
    } rows[] = {
        {"0", 0},
        {"1561001878", 1561001878},
        {"253402300799", 253402300799},
        {"1970-01-01T00:00:00Z", 0},
        {"2019-06-20T03:37:58Z", 1561001878},
        {"2019-06-20t03:37:58.9999999z", 1561001878},
        {"2019-06-20 03:37:58+00:00", 1561001878},
        {"2019-06-20T05:37:58+02:00", 1561001878},
        {"2019-06-19T20:07:58-07:30", 1561001878},
        {"2000-02-29T23:59:60Z", 951868800},
        {"2024-12-31T23:59:59Z", 1735689599},
        {"2100-03-01T00:00:00Z", 4107542400},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"06/20/2019 02:57:58 +00:00", 1560999478},
        {"1/16/2020 5:24:12 AM +00:00", 1579152252},
        {"1/16/2020 5:24:12 PM +00:00", 1579195452},
        {"1/16/2020 12:24:12 AM +00:00", 1579134252},
        {"1/16/2020 12:24:12 PM +00:00", 1579177452},
        {"12/1/2020 0:00:00 +05:30", 1606761000},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t seconds = -1;
        if (!moment_parse(text_of(rows[i].text), &seconds) || seconds != rows[i].seconds)
            fail_msg("\"%s\": %lld", rows[i].text, (long long)seconds);
    }
}

static void refuses_everything_else(void **state) {
    (void)state;
    static const char *const rows[] = {
        "",
        "-1",
        "1.5",
        "1561001878 ",
        "253402300800",
        "99999999999999999999999",
        "tomorrow",
        "2019-06-20",
        "2019-06-20T03:37:58",
        "2019-06-20T03:37Z",
        "2019-06-20T03:37:58Z ",
        "2019-06-20T03:37:58.Z",
        "2019-06-20T24:00:00Z",
        "2019-06-20T03:60:00Z",
        "2019-06-20T03:37:61Z",
        "2019-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2019-13-01T00:00:00Z",
        "2019-00-01T00:00:00Z",
        "2019-04-31T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2019-04-00T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
        "2019-06-20T03:37:58+24:00",
        "2019-06-20T03:37:58+0200",
        "19-06-20T03:37:58Z",
        "20/06/2019 02:57:58 +00:00",
        "06/20/2019 02:57:58",
        "06/20/2019 2:57 AM +00:00",
        "06/20/2019 13:57:58 PM +00:00",
        "06/20/2019 0:57:58 AM +00:00",
        "06/20/2019 02:57:58 XM +00:00",
        "06/20/19 02:57:58 +00:00",
        "02/30/2019 02:57:58 +00:00",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t seconds = -1;
        if (moment_parse(text_of(rows[i]), &seconds) || seconds != -1)
            fail_msg("\"%s\": %lld", rows[i], (long long)seconds);
    }
    int64_t seconds;
    assert_false(moment_parse(TEXT("2019-06-20T03:37:58Z\0"), &seconds));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_form),
        cmocka_unit_test(refuses_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
