/* SPDX-License-Identifier: MIT */
/* Views of bytes: equal or not, cut, trimmed, split. */
#include "base/text.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void compares(void **state) {
    (void)state;
    struct text none = {NULL, 0};
    assert_true(text_equal(none, TEXT("")));
    assert_true(text_equal_nocase(none, TEXT("")));
    assert_true(text_equal(TEXT("abc"), TEXT("abc")));
    assert_false(text_equal(TEXT("abc"), TEXT("abd")));
    assert_false(text_equal(TEXT("abc"), TEXT("ab")));
    assert_false(text_equal(TEXT("abc"), TEXT("ABC")));
    assert_false(text_equal(TEXT("a\0b"), TEXT("a\0c")));
}

static void ignores_the_case_of_ascii_only(void **state) {
    (void)state;
    assert_true(text_equal_nocase(TEXT("Content-TYPE"), TEXT("content-type")));
    assert_false(text_equal_nocase(TEXT("content-type"), TEXT("content_type")));
    assert_false(text_equal_nocase(TEXT("ab"), TEXT("abc")));
    /* neighbours of the letters, which differ by 0x20 too */
    assert_false(text_equal_nocase(TEXT("@[\x5c]^"), TEXT("\x60{|}~")));
    assert_false(text_equal_nocase(TEXT("\xc4"), TEXT("\xe4")));
    assert_false(text_equal_nocase(TEXT("a\0b"), TEXT("a\0c")));
}

static void knows_beginnings(void **state) {
    (void)state;
    assert_true(text_starts(TEXT("abc"), TEXT("ab")));
    assert_true(text_starts(TEXT("abc"), TEXT("abc")));
    assert_true(text_starts(TEXT("abc"), TEXT("")));
    assert_true(text_starts((struct text){NULL, 0}, TEXT("")));
    assert_false(text_starts(TEXT("abc"), TEXT("abcd")));
    assert_false(text_starts(TEXT("abc"), TEXT("b")));
}

static void makes_and_cuts(void **state) {
    (void)state;
    const char *string = "hello";
    assert_true(text_equal(text_of(NULL), TEXT("")));
    assert_non_null(text_of(NULL).at);
    assert_true(text_equal(text_from(string + 1, string + 3), TEXT("el")));
    assert_true(text_equal(text_skip(TEXT("hello"), 2), TEXT("llo")));
    assert_int_equal(text_skip(TEXT("hello"), 5).len, 0);
    assert_int_equal(text_skip(TEXT("hello"), SIZE_MAX).len, 0);
    assert_int_equal(text_find(TEXT("hello"), 'l'), 2);
    assert_int_equal(text_find(TEXT("hello"), 'x'), 5);
    assert_int_equal(text_find((struct text){NULL, 0}, 'x'), 0);
}

static void trims_blanks_and_tabs(void **state) {
    (void)state;
    assert_true(text_equal(text_trim(TEXT(" \t a b\t ")), TEXT("a b")));
    assert_true(text_equal(text_trim(TEXT(" \t ")), TEXT("")));
    assert_true(text_equal(text_trim(TEXT("\na\r")), TEXT("\na\r")));
}

static void splits_lists(void **state) {
    (void)state;
    static const struct {
        const char *list, *elements[4]; /* up to NULL */
    } rows[] = {
        {"", {""}},
        {"a", {"a"}},
        {"a, b ,\tc", {"a", "b", "c"}},
        {"a,,b", {"a", "", "b"}},
        {",", {"", ""}},
        {"a,", {"a", ""}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct text list = text_of(rows[i].list), element = {NULL, 0};
        for (size_t j = 0; rows[i].elements[j]; j++) {
            assert_true(text_next_element(&list, &element));
            assert_true(text_equal(element, text_of(rows[i].elements[j])));
        }
        assert_false(text_next_element(&list, &element));
    }
    struct text none = {NULL, 0}, element = none;
    assert_false(text_next_element(&none, &element));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(ignores_the_case_of_ascii_only),
        cmocka_unit_test(knows_beginnings),
        cmocka_unit_test(makes_and_cuts),
        cmocka_unit_test(trims_blanks_and_tabs),
        cmocka_unit_test(splits_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
