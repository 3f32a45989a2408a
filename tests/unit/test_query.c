/* SPDX-License-Identifier: MIT */
/* Values out of a query. */
#include "policy/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

/* The value of "k" in QUERY; EXPECTED NULL: there is none. */
static void assert_value(const char *query, const char *expected) {
    struct buf b;
    buf_init(&b, 16);
    bool found = query_value(text_of(query), TEXT("k"), &b);
    if (found != (expected != NULL))
        fail_msg("%s: %s", query, found ? "a value" : "no value");
    if (expected) {
        assert_int_equal(b.len, strlen(expected));
        assert_memory_equal(buf_text(&b).at, expected, b.len);
    }
    buf_done(&b);
}

static void values_are_found_and_decoded(void **state) {
    (void)state;
    assert_value("k=v", "v");
    assert_value("a=b&k=v&c=d", "v");
    assert_value("kk=x&k=v", "v");
    assert_value("k=", "");
    assert_value("k=a=b", "a=b");
    assert_value("k=%2Fa%2fb%25+", "/a/b%+");
    assert_value("&&k=v&", "v");
    assert_value("a=%zz&k=v", "v");
}

static void what_is_not_there_once_is_not_there(void **state) {
    (void)state;
    assert_value("", NULL);
    assert_value("k", NULL);
    assert_value("K=v", NULL);
    assert_value("%6b=v", NULL);
    assert_value("k=v&k=v", NULL);
    assert_value("k&k=v", NULL);
    assert_value("k=v&k", NULL);
    assert_value("a=k=v", NULL);
}

static void what_cannot_be_decoded_is_refused(void **state) {
    (void)state;
    assert_value("k=%", NULL);
    assert_value("k=a%4", NULL);
    assert_value("k=%4&a=1", NULL);
    assert_value("k=%00", NULL);
    assert_value("k=%gg", NULL);
    assert_value("k=0123456789abcdef", "0123456789abcdef");
    assert_value("k=0123456789abcdefg", NULL); /* more than the buffer takes */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found_and_decoded),
        cmocka_unit_test(what_is_not_there_once_is_not_there),
        cmocka_unit_test(what_cannot_be_decoded_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
