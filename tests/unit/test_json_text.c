/* SPDX-License-Identifier: MIT */
/* A walk through JSON as it is written. */
#include "base/json_text.h"

#include "base/json_grammar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static void assert_text(struct text t, const char *wanted) {
    if (!text_equal(t, text_of(wanted)))
        fail_msg("\"%.*s\", not \"%s\"", TEXT_ARG(t), wanted);
}

/* The parts of VALUE as "name=value;", which the next call overwrites. VALUE is walked through at
 * the very end of its memory. */
static const char *parts_of(const char *value) {
    static struct buf all;
    struct text t = text_of(value);
    char *copy = malloc(t.len);
    memcpy(copy, t.at, t.len);
    t.at = copy;
    struct text inside = json_text_inside(t);
    struct json_part part;
    assert_true(json_is_valid(t, 9));
    buf_done(&all);
    buf_init(&all, 4096);
    buf_add_string(&all, "");
    while (json_text_next(&inside, &part)) {
        buf_add_text(&all, part.name);
        buf_add_char(&all, '=');
        buf_add_text(&all, part.value);
        buf_add_char(&all, ';');
    }
    assert_int_equal(part.name.len, 0); /* at the end there is none */
    assert_int_equal(part.value.len, 0);
    free(copy);
    return all.at;
}

static void walks_through_members(void **state) {
    (void)state;
    assert_string_equal(parts_of("{}"), "");
    assert_string_equal(parts_of("{ \n}"), "");
    assert_string_equal(parts_of("{\"a\":1}"), "\"a\"=1;");
    assert_string_equal(parts_of("{ \"a\" : 1.50 ,\n\t\"b\" : \"x\" }"), "\"a\"=1.50;\"b\"=\"x\";");
    assert_string_equal(parts_of("{\"\":[ 1 , 2 ],\"o\":{\"i\" : {} }}"),
                        "\"\"=[ 1 , 2 ];\"o\"={\"i\" : {} };");
    assert_string_equal(parts_of("{\"a\":1,\"a\":2}"), "\"a\"=1;\"a\"=2;");
    assert_string_equal(parts_of("{\"\\\"}\\u0041\":\"{\\\",\",\"z\":null}"),
                        "\"\\\"}\\u0041\"=\"{\\\",\";\"z\"=null;");
}

static void walks_through_elements(void **state) {
    (void)state;
    assert_string_equal(parts_of("[]"), "");
    assert_string_equal(parts_of("[ ]"), "");
    assert_string_equal(parts_of("[1]"), "=1;");
    assert_string_equal(parts_of("[ true , -0.0e+10 ]"), "=true;=-0.0e+10;");
    assert_string_equal(parts_of("[\"a\",\"b\" , \":\"]"), "=\"a\";=\"b\";=\":\";");
    assert_string_equal(parts_of("[[\"a\"],{\"b\":1},\"\"]"), "=[\"a\"];={\"b\":1};=\"\";");
}

static void there_is_nothing_in_other_values(void **state) {
    (void)state;
    static const char *const values[] = {"1", "\"[1]\"", "\"\"", "null", "true"};
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        assert_string_equal(parts_of(values[i]), "");
    struct text inside = json_text_inside((struct text){NULL, 0});
    struct json_part part;
    assert_false(json_text_next(&inside, &part));
}

/* However deep the document is that was found valid. */
static void goes_as_deep_as_the_document(void **state) {
    (void)state;
    static char deep[2 * 1000 + 1];
    memset(deep, '[', 1000);
    memset(deep + 1000, ']', 1000);
    struct text value = {deep, 2000};
    struct json_part part;
    assert_true(json_is_valid(value, 1000));
    for (size_t levels = 0;; levels++) {
        struct text inside = json_text_inside(value);
        if (!json_text_next(&inside, &part)) {
            assert_int_equal(levels, 999);
            break;
        }
        value = part.value;
        assert_false(json_text_next(&inside, &part));
    }
}

static void finds_members(void **state) {
    (void)state;
    struct text d = TEXT(
        "{ \"a\" : [1] , \"b\" : {\"c\":2}, \"a\":3, \"\\u0063\":4, \"\":5,\"l\":[{\"a\":1}]}");
    assert_true(json_is_valid(d, 9));
    assert_text(json_text_member(d, "a"), "[1]");
    assert_text(json_text_member(d, ""), "5");
    assert_text(json_text_member(json_text_member(d, "b"), "c"), "2");
    static const char *const absent[] = {"c", "A", "\"a\"", "\\u0063x"};
    for (size_t i = 0; i < ARRAY_LEN(absent); i++)
        assert_null(json_text_member(d, absent[i]).at);
    assert_text(json_text_member(d, "\\u0063"), "4"); /* as it is written */
    assert_null(json_text_member(json_text_member(d, "l"), "a").at);
    assert_null(json_text_member(json_text_member(d, "a"), "").at);
    assert_null(json_text_member(TEXT("[\"a\"]"), "").at); /* elements have no name */
    assert_null(json_text_member(TEXT("\"a\""), "a").at);
    assert_null(json_text_member((struct text){NULL, 0}, "a").at);
}

static void tells_values_apart(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool object, array, string;
    } cases[] = {{"{}", true, false, false},    {"[]", false, true, false},
                 {"\"\"", false, false, true},  {"1", false, false, false},
                 {"null", false, false, false}, {"", false, false, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct text value = text_of(cases[i].value);
        assert_int_equal(json_text_is_object(value), cases[i].object);
        assert_int_equal(json_text_is_array(value), cases[i].array);
        assert_int_equal(json_text_is_string(value), cases[i].string);
    }
}

/* What STRING says, behind what was there before; NULL if it says nothing. */
static const char *said(const char *string, size_t max) {
    static struct buf b;
    buf_done(&b);
    buf_init(&b, max);
    buf_add_char(&b, '>');
    if (json_text_string(text_of(string), &b))
        return b.at;
    assert_string_equal(b.at, ">"); /* nothing was appended */
    return NULL;
}

static void reads_strings(void **state) {
    (void)state;
    assert_string_equal(said("\"\"", 99), ">");
    assert_string_equal(said("\"/score\"", 99), ">/score");
    assert_string_equal(said("\"\\/score\"", 99), ">/score");
    assert_string_equal(said("\"\\u002fs\\u00e4\\\"\\\\\\n\"", 99), ">/s\xc3\xa4\"\\\n");
    assert_string_equal(said("\"\\ud83d\\ude00\"", 99), ">\xf0\x9f\x98\x80");
    assert_string_equal(said("\"\xc3\xa4\"", 99), ">\xc3\xa4");
    static const char *const others[] = {"1", "null",        "[\"a\"]",      "{\"a\":\"b\"}",
                                         "",  "\"\\ud83d\"", "\"a\\ude00b\""};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (said(others[i], 99))
            fail_msg("%s says something", others[i]);
}

static void a_string_fits_or_is_left_out(void **state) {
    (void)state;
    assert_string_equal(said("\"abc\"", 4), ">abc");
    assert_null(said("\"abc\"", 3));
    assert_string_equal(said("\"a\\u0062c\"", 4), ">abc");
    assert_null(said("\"a\\u0062c\"", 3));
}

static void compares_strings(void **state) {
    (void)state;
    assert_true(json_text_says(TEXT("\"get\""), "get"));
    assert_true(json_text_says(TEXT("\"\""), ""));
    assert_false(json_text_says(TEXT("\"get\""), "ge"));
    assert_false(json_text_says(TEXT("\"get\""), "gets"));
    assert_false(json_text_says(TEXT("\"GET\""), "get"));
    assert_false(json_text_says(TEXT("\"\\u0067et\""), "get"));
    assert_false(json_text_says(TEXT("null"), "ul"));
    assert_false(json_text_says(TEXT("[1]"), "1"));
    assert_false(json_text_says((struct text){NULL, 0}, ""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_through_members),
        cmocka_unit_test(walks_through_elements),
        cmocka_unit_test(there_is_nothing_in_other_values),
        cmocka_unit_test(goes_as_deep_as_the_document),
        cmocka_unit_test(finds_members),
        cmocka_unit_test(tells_values_apart),
        cmocka_unit_test(reads_strings),
        cmocka_unit_test(a_string_fits_or_is_left_out),
        cmocka_unit_test(compares_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
