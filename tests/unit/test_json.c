/* SPDX-License-Identifier: MIT */
/* Documents made into trees: what is found in them, and how strings are written. What is JSON at
 * all is the matter of test_json_grammar. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <pthread.h>

static bool is_json(struct text t, unsigned max_depth) {
    struct json *document = json_parse(t, max_depth);
    bool good = document != NULL;
    json_free(&document);
    assert_null(document);
    return good;
}

static void parses_what_is_json_alone(void **state) {
    (void)state;
    static const char *const good[] = {"null", " [1, {\"a\": []}]\r\n", "\xef\xbb\xbf{}",
                                       "\"\\ud83d\\ude00\"", "{\"a\":1,\"a\":2}"};
    /* The last three pass the grammar: whether surrogates pair up is cJSON's to say. */
    static const char *const bad[] = {"",         " ",           "\xef\xbb\xbf", "01",
                                      "[1,]",     "[1]]",        "\"\\u0000\"",  "[\v1]",
                                      "\"\xff\"", "\"\\ud83d\"", "\"\\ude00\"",  "\"\\ud83dx\""};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        if (!is_json(text_of(good[i]), 3))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (is_json(text_of(bad[i]), 3))
            fail_msg("taken: %s", bad[i]);
    assert_false(is_json((struct text){NULL, 0}, 9));
    assert_false(is_json(TEXT("[[]]"), 1));
}

static void nests_no_deeper_than_cjson(void **state) {
    (void)state;
    static char deep[200000];
    memset(deep, '[', sizeof deep / 2);
    memset(deep + sizeof deep / 2, ']', sizeof deep / 2);
    assert_false(is_json((struct text){deep, sizeof deep}, (unsigned)-1));
    assert_true(is_json((struct text){deep + sizeof deep / 2 - 500, 1000}, (unsigned)-1));
}

static void finds_members(void **state) {
    (void)state;
    struct text string = TEXT("before");
    double number = -1;
    struct json *d = json_parse(TEXT("{\"token\":\"a\\u00e4\\\"\",\"Token\":\"B\",\"n\":-1.5e2,"
                                     "\"twice\":1,\"twice\":1,\"t\":true,\"0\":null,"
                                     "\"list\":[1,\"two\",[]],\"o\":{\"x\":\"y\"},\"\":\"none\"}"),
                                9);
    assert_true(json_is_object(d));
    assert_false(json_is_array(d));
    assert_true(json_string(json_member(d, "token"), &string));
    assert_true(text_equal(string, TEXT("a\xc3\xa4\"")));
    assert_true(json_string(json_member(d, "Token"), &string));
    assert_true(text_equal(string, TEXT("B")));
    assert_true(json_string(json_member(d, ""), &string));
    assert_true(json_number(json_member(d, "n"), &number));
    assert_true(number == -150);
    assert_null(json_member(d, "TOKEN"));
    assert_null(json_member(d, "twice"));
    assert_true(json_string(json_member(json_member(d, "o"), "x"), &string));
    assert_true(text_equal(string, TEXT("y")));
    const struct json *e = json_first(json_member(d, "list"));
    assert_true(json_number(e, &number) && number == 1);
    e = json_next(e);
    assert_true(json_string(e, &string) && text_equal(string, TEXT("two")));
    e = json_next(e);
    assert_true(json_is_array(e));
    assert_null(json_first(e));
    assert_null(json_next(e));
    json_free(&d);
}

static void other_types_leave_the_output_alone(void **state) {
    (void)state;
    struct text string = TEXT("before");
    double number = 7;
    bool flag = true;
    struct json *d =
        json_parse(TEXT("{\"s\":\"1\",\"n\":1,\"t\":true,\"z\":null,\"l\":[],\"i\":1e999}"), 9);
    assert_non_null(d);
    static const char *const not_strings[] = {"n", "t", "z", "l", "absent"};
    for (size_t i = 0; i < ARRAY_LEN(not_strings); i++)
        assert_false(json_string(json_member(d, not_strings[i]), &string));
    static const char *const not_numbers[] = {"s", "t", "z", "l", "i", "absent"};
    for (size_t i = 0; i < ARRAY_LEN(not_numbers); i++)
        assert_false(json_number(json_member(d, not_numbers[i]), &number));
    assert_true(text_equal(string, TEXT("before")));
    assert_true(number == 7);
    static const char *const not_bools[] = {"s", "n", "z", "l", "i", "absent"};
    for (size_t i = 0; i < ARRAY_LEN(not_bools); i++)
        assert_false(json_bool(json_member(d, not_bools[i]), &flag));
    assert_true(flag);
    assert_null(json_member(json_member(d, "l"), "s"));
    assert_null(json_member(NULL, "s"));
    assert_null(json_first(d));
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_false(json_is_array(NULL));
    assert_false(json_is_object(NULL));
    json_free(&d);
}

static void knows_true_false_and_null(void **state) {
    (void)state;
    bool flag = false;
    struct json *d = json_parse(TEXT("{\"t\":true,\"f\":false,\"z\":null,\"s\":\"null\"}"), 9);
    assert_true(json_bool(json_member(d, "t"), &flag) && flag);
    assert_true(json_bool(json_member(d, "f"), &flag) && !flag);
    assert_true(json_is_null(json_member(d, "z")));
    assert_true(json_is_null(json_member(d, "absent")));
    assert_false(json_is_null(json_member(d, "f")));
    assert_false(json_is_null(json_member(d, "s")));
    json_free(&d);
}

static void assert_written(struct text t, const char *json) {
    struct buf b;
    buf_init(&b, 1000);
    json_add_string(&b, t);
    assert_true(buf_ok(&b));
    assert_string_equal(b.at, json);
    buf_done(&b);
}

static void writes_strings(void **state) {
    (void)state;
    assert_written(TEXT(""), "\"\"");
    assert_written((struct text){NULL, 0}, "\"\"");
    assert_written(TEXT("a/b'\xc3\xa4\xf0\x9f\x98\x80"), "\"a/b'\xc3\xa4\xf0\x9f\x98\x80\"");
    assert_written(TEXT("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    assert_written(TEXT("a\0\x1b\x7f\xc2\x9b"), "\"a\\ufffd\\u001b\\u007f\\u009b\"");
    assert_written(TEXT("\xe2\x80\xa8\xe2\x80\xae"), "\"\\u2028\\u202e\"");
    assert_written(TEXT("a\xff\xe2\x82z\xed\xa0\x80"),
                   "\"a\\ufffd\\ufffd\\ufffdz\\ufffd\\ufffd\\ufffd\"");
}

/* Each character below U+3000 but NUL and the surrogates comes back as it went. */
static void reads_what_it_writes(void **state) {
    (void)state;
    static char all[3 * 0x3000];
    size_t n = 0;
    for (unsigned code = 1; code < 0x3000; code++) {
        if (code < 0x80) {
            all[n++] = (char)code;
            continue;
        }
        if (code < 0x800) {
            all[n++] = (char)(0xc0 | code >> 6);
        } else {
            all[n++] = (char)(0xe0 | code >> 12);
            all[n++] = (char)(0x80 | (code >> 6 & 0x3f));
        }
        all[n++] = (char)(0x80 | (code & 0x3f));
    }
    struct buf b;
    struct text string;
    buf_init(&b, 6 * sizeof all);
    json_add_string(&b, (struct text){all, n});
    assert_true(buf_ok(&b));
    struct json *document = json_parse(buf_text(&b), 0);
    assert_true(json_string(document, &string));
    assert_true(text_equal(string, (struct text){all, n}));
    json_free(&document);
    buf_done(&b);
}

static void goes_through_members(void **state) {
    (void)state;
    struct json *document = json_parse(TEXT("{\"b\":1,\"a\":2,\"b\":3,\"\":[4]}"), 9);
    const char *const names[] = {"b", "a", "b", ""};
    size_t n = 0;
    for (const struct json *m = json_first_member(document); m; m = json_next(m), n++)
        assert_true(text_equal(json_name(m), text_of(names[n])));
    assert_int_equal(n, 4);
    assert_null(json_first_member(json_first(json_member(document, ""))));
    assert_null(json_first_member(NULL));
    json_free(&document);
}

/* Returns WRONG if something was. */
static void *parse_often(void *wrong) {
    for (int i = 0; i < 500; i++) {
        struct json *document = json_parse(TEXT("{\"a\":[\"b\",1,true,{\"c\":null}]}"), 9);
        if (!json_is_array(json_member(document, "a")))
            return wrong;
        json_free(&document);
    }
    return NULL;
}

static void parses_in_several_threads(void **state) {
    (void)state;
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, parse_often, &threads), 0);
    for (int i = 0; i < 3; i++) {
        void *wrong;
        pthread_join(threads[i], &wrong);
        assert_null(wrong);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_what_is_json_alone),
        cmocka_unit_test(nests_no_deeper_than_cjson),
        cmocka_unit_test(finds_members),
        cmocka_unit_test(goes_through_members),
        cmocka_unit_test(other_types_leave_the_output_alone),
        cmocka_unit_test(knows_true_false_and_null),
        cmocka_unit_test(writes_strings),
        cmocka_unit_test(reads_what_it_writes),
        cmocka_unit_test(parses_in_several_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
