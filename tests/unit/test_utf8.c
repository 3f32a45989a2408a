/* SPDX-License-Identifier: MIT */
/* What is UTF-8, and what may be shown as it is. */
#include "base/utf8.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void reads_one_character(void **state) {
    (void)state;
    static const struct {
        const char *string;
        size_t length; /* 0: not UTF-8 */
        uint32_t code;
    } rows[] = {
        {"a", 1, 'a'},
        {"\x7f", 1, 0x7f},
        {"\xc2\x80", 2, 0x80},
        {"\xdf\xbf"
         "more",
         2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xee\x80\x80", 3, 0xe000},
        {"\xef\xbf\xbf", 3, 0xffff},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"", 0, 0},
        {"\x80", 0, 0}, /* begins in the middle */
        {"\xbf", 0, 0},
        {"\xc0\x80", 0, 0}, /* overlong */
        {"\xc1\xbf", 0, 0},
        {"\xe0\x9f\xbf", 0, 0},
        {"\xf0\x8f\xbf\xbf", 0, 0},
        {"\xed\xa0\x80", 0, 0}, /* surrogates */
        {"\xed\xbf\xbf", 0, 0},
        {"\xf4\x90\x80\x80", 0, 0}, /* beyond Unicode */
        {"\xf5\x80\x80\x80", 0, 0},
        {"\xff", 0, 0},
        {"\xc2", 0, 0}, /* cut off */
        {"\xe2\x82", 0, 0},
        {"\xf0\x9f\x98", 0, 0},
        {"\xc2"
         "a",
         0, 0}, /* interrupted */
        {"\xe2\x82"
         "a",
         0, 0},
        {"\xe2"
         "a\x82",
         0, 0},
        {"\xf0\x9f\x98\xc0", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint32_t code = 77;
        assert_int_equal(utf8_next(text_of(rows[i].string), &code), rows[i].length);
        assert_int_equal(code, rows[i].length ? rows[i].code : 77);
    }
    uint32_t code = 77;
    assert_int_equal(utf8_next(TEXT("\0"), &code), 1);
    assert_int_equal(code, 0);
}

static void knows_what_acts_on_a_terminal(void **state) {
    (void)state;
    static const uint32_t controls[] = {0,    0x0a,   0x1b,   0x1f,   0x7f,   0x80,  0x9b,
                                        0x9f, 0x2028, 0x2029, 0x202e, 0x2066, 0x2069};
    static const uint32_t others[] = {0x20,   0x7e,   0xa0,   0xe4,   0x2027,
                                      0x202f, 0x2065, 0x206a, 0x1f600};
    for (size_t i = 0; i < ARRAY_LEN(controls); i++)
        assert_true(utf8_is_control(controls[i]));
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(utf8_is_control(others[i]));
}

static void finds_where_escaping_begins(void **state) {
    (void)state;
    static const struct {
        const char *string;
        size_t plain;
    } rows[] = {
        {"", 0},
        {"a b=c/d'", 8},
        {"ab\"c", 2},
        {"ab\\c", 2},
        {"ab\nc", 2},
        {"ab\x7f", 2},
        {"\xc3\xa4z\x1b", 3},
        {"\xc3\xa4\xc2\x9bz", 2},
        {"\xe2\x82", 0},
        {"a\xf0\x9f\x98\x80"
         "b\xff",
         6},
        {"a\xe2\x80\xae", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(utf8_plain(text_of(rows[i].string)), rows[i].plain);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_one_character),
        cmocka_unit_test(knows_what_acts_on_a_terminal),
        cmocka_unit_test(finds_where_escaping_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
