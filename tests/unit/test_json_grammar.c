/* SPDX-License-Identifier: MIT */
/* Which texts are JSON (RFC 8259, and nothing that cJSON would add to it). */
#include "base/json_grammar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static bool is_value(struct text t, unsigned max_depth) {
    return json_is_valid(json_trim(t), max_depth);
}

static void takes_what_is_json(void **state) {
    (void)state;
    static const char *const documents[] = {
        "null",
        " true\t\r\n",
        "false",
        "\"\"",
        "0",
        "-0",
        "-0.0e-0",
        "1E+2",
        "12.5e10",
        "[]",
        "{}",
        " [ ] ",
        "[1,2]",
        "{ \"a\" : 1 , \"b\" : [ null ] }",
        "{\"a\":1,\"a\":2}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uABCD\"",
        "\"\\ud83d\\ude00\"",
        "\"\x7f\xc3\xa4\xf0\x9f\x98\x80\"",
        "\xef\xbb\xbf{}",
    };
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        if (!is_value(text_of(documents[i]), 2))
            fail_msg("refused: %s", documents[i]);
}

static void refuses_what_is_not(void **state) {
    (void)state;
    static const char *const documents[] = {
        "",
        " ",
        "nul",
        "nulll",
        "True",
        "NaN",
        "Infinity",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1.e1",
        "1e",
        "1e+",
        "0x10",
        "1 2",
        "--1",
        "1-1",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1",
        "]",
        "[",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "[}",
        "{]",
        "[1]]",
        "{}{}",
        "{}x",
        "[1]//c",
        "/**/1",
        "\"",
        "\"a",
        "'a'",
        "\"\\\"",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"\\a\"",
        "\"\n\"",
        "\"\t\"",
        "\"\x1f\"",
        "[\v1]",
        "[\f1]",
        "\x01 1",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xe2\x82\"",
        "\xc2\xa0[]",
        "\xef\xbb\xbf",
        "\xef\xbb\xbf\xef\xbb\xbf{}",
        "\xff",
        "\"\\u0000\"",
        "{\"a\\u0000b\":1}",
    };
    for (size_t i = 0; i < ARRAY_LEN(documents); i++)
        if (is_value(text_of(documents[i]), 9))
            fail_msg("taken: %s", documents[i]);
    assert_false(is_value(TEXT("1\0"), 9));
    assert_false(is_value(TEXT("\"a\0b\""), 9));
    assert_false(is_value(TEXT("\"\\\0\""), 9));
    assert_false(is_value(TEXT("\"\\u00\0"
                               "1\""),
                          9));
    assert_false(is_value((struct text){NULL, 0}, 9));
}

/* Every beginning of a document, at the very end of its memory. */
static void a_cut_document_is_none(void **state) {
    (void)state;
    static const char whole[] =
        "{\"a\":[1.5e3,true,null,\"\\u00e4\xc3\xa4\\n\"],\"b\":{\"c\":false}}";
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        char *copy = test_malloc(n + 1);
        memcpy(copy + 1, whole, n);
        assert_false(is_value((struct text){copy + 1, n}, 9));
        test_free(copy);
    }
    assert_true(is_value(text_of(whole), 9));
}

static void has_limits(void **state) {
    (void)state;
    static char deep[200000], digits[64];
    assert_true(is_value(TEXT("1"), 0));
    assert_false(is_value(TEXT("[]"), 0));
    assert_true(is_value(TEXT("[[],{\"a\":[]}]"), 3));
    assert_false(is_value(TEXT("[[],{\"a\":[]}]"), 2));
    memset(deep, '[', sizeof deep);
    assert_false(is_value((struct text){deep, sizeof deep}, 100));
    memset(digits, '1', sizeof digits);
    assert_true(is_value((struct text){digits, 63}, 0));
    assert_false(is_value((struct text){digits, 64}, 0));
}

/* Blanks around a value belong to it, a byte order mark does not. */
static void trims(void **state) {
    (void)state;
    static const struct {
        const char *text, *trimmed;
        bool valid; /* as it is */
    } cases[] = {
        {"1", "1", true},
        {" \t\r\n[ 1 ]\n ", "[ 1 ]", true},
        {"\xef\xbb\xbf{}", "{}", false},
        {"\xef\xbb\xbf \"a \" ", "\"a \"", false},
        {" \xef\xbb\xbf{}", "\xef\xbb\xbf{}", false},
        {"\xef\xbb", "\xef\xbb", false},
        {"", "", false},
        {" \n", "", false},
        {"\xef\xbb\xbf", "", false},
        {"\v1\f", "\v1\f", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text text = text_of(cases[i].text), trimmed = json_trim(text);
        if (!text_equal(trimmed, text_of(cases[i].trimmed)) ||
            json_is_valid(text, 1) != cases[i].valid)
            fail_msg("\"%s\" became \"%.*s\"", cases[i].text, TEXT_ARG(trimmed));
    }
    assert_int_equal(json_trim((struct text){NULL, 0}).len, 0);
}

static void scans_on_behind_what_it_finds(void **state) {
    (void)state;
    static const char text[] = " \n\"a\\\"b\" : [1, {}] , true";
    struct json_scan s = {text, text + sizeof text - 1, 2};
    json_scan_blanks(&s);
    assert_int_equal(s.at - text, 2);
    assert_false(json_scan_take(&s, ':'));
    assert_int_equal(s.at - text, 2);
    assert_true(json_scan_string(&s));
    assert_string_equal(s.at, " : [1, {}] , true");
    json_scan_blanks(&s);
    assert_true(json_scan_take(&s, ':'));
    assert_true(json_scan_value(&s));
    assert_string_equal(s.at, ", true"); /* the blank behind a value goes with it */
    assert_int_equal(s.levels, 2);
    assert_false(json_scan_value(&s));
    assert_true(json_scan_take(&s, ','));
    assert_true(json_scan_value(&s));
    assert_true(s.at == s.end);
    json_scan_blanks(&s);
    assert_false(json_scan_take(&s, '\0'));
    assert_false(json_scan_string(&s));
    assert_false(json_scan_value(&s));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_json),
        cmocka_unit_test(refuses_what_is_not),
        cmocka_unit_test(a_cut_document_is_none),
        cmocka_unit_test(has_limits),
        cmocka_unit_test(trims),
        cmocka_unit_test(scans_on_behind_what_it_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
