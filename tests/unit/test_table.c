/* SPDX-License-Identifier: MIT */
/* Tables for a terminal. */
#include "base/macros.h"
#include "cli/table.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static const char *const headings[] = {"NAME", "STATE", "URI"};

static void assert_printed(const struct table *t, const char *expected) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_true(table_print(t, out));
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void columns_are_as_wide_as_they_need(void **state) {
    struct table t;
    (void)state;
    table_init(&t, headings, ARRAY_LEN(headings));
    assert_printed(&t, "NAME  STATE  URI\n");
    table_add(&t, TEXT("a-long-name"));
    table_add(&t, TEXT(""));
    table_add(&t, TEXT("https://a.example/"));
    table_note(&t, TEXT("it waits"));
    table_add(&t, TEXT("caf\xc3\xa9"));
    table_add(&t, TEXT("waiting"));
    table_add(&t, TEXT(""));
    assert_printed(&t, "NAME         STATE    URI\n"
                       "a-long-name  -        https://a.example/\n"
                       "  it waits\n"
                       "caf\xc3\xa9         waiting  -\n");
    table_done(&t);
}

static void nothing_acts_on_the_terminal(void **state) {
    struct table t;
    (void)state;
    table_init(&t, headings, 1);
    table_add(&t, TEXT("\x1b[2J\0\n\x7f\xc2\x9b\xe2\x80\xae\xff|"));
    table_note(&t, TEXT("a\rb"));
    assert_printed(&t, "NAME\n?[2J??????|\n  a?b\n");
    table_done(&t);
}

static void what_is_too_much_is_not_printed(void **state) {
    static char cell[1024 * 1024];
    struct table t;
    (void)state;
    memset(cell, 'x', sizeof cell);
    table_init(&t, headings, 1);
    for (int i = 0; i < 20; i++)
        table_add(&t, (struct text){cell, sizeof cell});
    assert_false(table_print(&t, stdout));
    table_done(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_they_need),
        cmocka_unit_test(nothing_acts_on_the_terminal),
        cmocka_unit_test(what_is_too_much_is_not_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
