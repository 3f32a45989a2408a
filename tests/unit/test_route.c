/* SPDX-License-Identifier: MIT */
/* Which route a raw path belongs to, and which paths belong to none whatever the table says. */
#include "policy/route.h"

#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdio.h>

enum { NONE = -1 };

struct row {
    const char *path;
    int index; /* or NONE */
    enum route_target target;
    const char *rest;
};

static void expect_rows(const struct route_table *t, const struct row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct route_match m = {.index = 99};
        bool found = route_table_find(t, text_of(rows[i].path), &m);
        if (found != (rows[i].index != NONE))
            fail_msg("\"%s\" is %sfound", rows[i].path, found ? "" : "not ");
        if (!found) {
            assert_int_equal(m.index, 99);
            continue;
        }
        if (m.index != (unsigned)rows[i].index || m.target != rows[i].target ||
            !text_equal(m.rest, text_of(rows[i].rest)))
            fail_msg("\"%s\": route %u, target %d, rest \"%.*s\"", rows[i].path, m.index,
                     (int)m.target, TEXT_ARG(m.rest));
    }
}

static struct route_table *table_of(const char *const *paths, const bool *subpaths, size_t n) {
    struct route_table *t = route_table_new();
    assert_non_null(t);
    for (size_t i = 0; i < n; i++)
        assert_true(route_table_add(t, text_of(paths[i]), subpaths[i], (unsigned)i));
    return t;
}

static void finds_exact_paths_first_then_swagger_then_the_longest(void **state) {
    (void)state;
    static const char *const paths[] = {
        "/diabetes", "/a",          "/a/b",   "/a/b/c/d", "/a/swagger.json",
        "/churn/v2", "/diabetes/x", "/a%20b", "/A",       "/deep/er",
    };
    static const bool subpaths[] = {false, true,  true, false, false,
                                    false, false, true, false, true};
    static const struct row rows[] = {
        {"/diabetes", 0, ROUTE_SCORE, ""},
        {"/diabetes/swagger.json", 0, ROUTE_SWAGGER, ""},
        {"/diabetes/", NONE, 0, NULL},
        {"/diabetes/y", NONE, 0, NULL},
        {"/diabetes/x", 6, ROUTE_SCORE, ""},
        {"/diabetes/x/swagger.json", 6, ROUTE_SWAGGER, ""},
        {"/diabetesx", NONE, 0, NULL},
        {"/diabete", NONE, 0, NULL},
        {"/Diabetes", NONE, 0, NULL},
        {"/%64iabetes", NONE, 0, NULL},
        {"/", NONE, 0, NULL},
        {"/swagger.json", NONE, 0, NULL},
        {"/a", 1, ROUTE_SCORE, ""},
        {"/A", 8, ROUTE_SCORE, ""},
        {"/a/", 1, ROUTE_SCORE, "/"},
        {"/a/x", 1, ROUTE_SCORE, "/x"},
        {"/a/x/y/z", 1, ROUTE_SCORE, "/x/y/z"},
        {"/ab", NONE, 0, NULL},
        {"/a.b", NONE, 0, NULL},
        {"/a/swagger.json", 4, ROUTE_SCORE, ""},
        {"/a/x/swagger.json", 1, ROUTE_SCORE, "/x/swagger.json"},
        {"/a/swagger.json/", 1, ROUTE_SCORE, "/swagger.json/"},
        {"/a/swagger.jsonx", 1, ROUTE_SCORE, "/swagger.jsonx"},
        {"/a/b", 2, ROUTE_SCORE, ""},
        {"/a/b/c", 2, ROUTE_SCORE, "/c"},
        {"/a/bc", 1, ROUTE_SCORE, "/bc"},
        {"/a/b/swagger.json", 2, ROUTE_SWAGGER, ""},
        {"/a/b/c/d", 3, ROUTE_SCORE, ""},
        {"/a/b/c/d/e", 2, ROUTE_SCORE, "/c/d/e"},
        {"/a/b/c/d/swagger.json", 3, ROUTE_SWAGGER, ""},
        {"/churn", NONE, 0, NULL},
        {"/churn/v2", 5, ROUTE_SCORE, ""},
        {"/a%20b", 7, ROUTE_SCORE, ""},
        {"/a%20b/c%20d", 7, ROUTE_SCORE, "/c%20d"},
        {"/deep", NONE, 0, NULL},
        {"/deep/er/x", 9, ROUTE_SCORE, "/x"},
        {"*", NONE, 0, NULL},
        {"", NONE, 0, NULL},
        {"a", NONE, 0, NULL},
    };
    struct route_table *t = table_of(paths, subpaths, ARRAY_LEN(paths));
    expect_rows(t, rows, ARRAY_LEN(rows));
    struct route_match m;
    assert_false(route_table_find(t, (struct text){NULL, 0}, &m));
    route_table_free(&t);
    assert_null(t);
    route_table_free(&t);
}

static void has_no_route_for_paths_that_mean_another(void **state) {
    (void)state;
    static const char *const paths[] = {"/score", "/"};
    static const bool subpaths[] = {true, true};
    static const char *const hostile[] = {
        "/../../etc/passwd",
        "/..",
        "/.",
        "/./",
        "/score/.",
        "/score/..",
        "/score/./x",
        "/score/../admin",
        "/score/x/../../admin",
        "/%2e%2e",
        "/%2E%2e/",
        "/.%2e/x",
        "/%2e./x",
        "/%2e",
        "/score/%2e%2e/admin",
        "/score%2f..%2fadmin",
        "/score%2Fx",
        "/%2f",
        "/%5c",
        "/score/..%5cadmin",
        "/score\\..\\admin",
        "/score/..;/admin",
        "/score/..;a=b/admin",
        "/score/.;/admin",
        "/score/%2e%2e%3b/admin",
        /* overlong forms */
        "/%c0%ae%c0%ae/x",
        "/%c0%ae",
        "/x%c0%afy",
        "/x%C1%9Cy",
        "/%c0",
        "/x%c1",
        "/%e0%80%ae",
        "/x%e0%80%afy",
        "/%f0%80%80%ae",
        "/%f8%80%80%80%ae",
        "/%fc%80%80%80%80%ae",
        "/\xc0\xae",
        /* encoded more than once */
        "/%252e%252e/x",
        "/%25252e%2e/x",
        "/%2525252e",
        "/score%252fadmin",
        "/score%25%35%63admin%255cx",
        "/x%25c0%25ae",
        "/score/%25%32%65",
        "/score/%%32%65",
        "/score/%25%2532%2565",
        "/score/a%2520b",
        "/score/%2%35%32e",
        /* empty segments */
        "//",
        "//score",
        "/score//",
        "/score//x",
        "/score/x//",
        "//score/swagger.json",
        "///",
    };
    struct route_table *t = table_of(paths, subpaths, ARRAY_LEN(paths));
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        struct route_match m;
        if (route_table_find(t, text_of(hostile[i]), &m))
            fail_msg("\"%s\" is route %u with \"%.*s\"", hostile[i], m.index, TEXT_ARG(m.rest));
    }
    static const struct row harmless[] = {
        {"/other/x", 1, ROUTE_SCORE, "/other/x"},
        {"/x", 1, ROUTE_SCORE, "/x"},
        {"/score/...", 0, ROUTE_SCORE, "/..."},
        {"/score/.x", 0, ROUTE_SCORE, "/.x"},
        {"/score/x.", 0, ROUTE_SCORE, "/x."},
        {"/score/..x/a..b", 0, ROUTE_SCORE, "/..x/a..b"},
        {"/score/;x", 0, ROUTE_SCORE, "/;x"},
        {"/score/a;b=../c", 0, ROUTE_SCORE, "/a;b=../c"},
        {"/score/%c3%a9%e2%82%ac%f0%9f%98%80", 0, ROUTE_SCORE, "/%c3%a9%e2%82%ac%f0%9f%98%80"},
        {"/score/100%25", 0, ROUTE_SCORE, "/100%25"},
        {"/score/100%25zz", 0, ROUTE_SCORE, "/100%25zz"},
        {"/score/%41", 0, ROUTE_SCORE, "/%41"},
    };
    expect_rows(t, harmless, ARRAY_LEN(harmless));
    route_table_free(&t);
}

static void a_route_may_have_an_empty_segment_itself(void **state) {
    (void)state;
    static const char *const paths[] = {"/a//b", "/a"};
    static const bool subpaths[] = {true, true};
    static const struct row rows[] = {
        {"/a//b", 0, ROUTE_SCORE, ""},
        {"/a//b/c", 0, ROUTE_SCORE, "/c"},
        {"/a//b/swagger.json", 0, ROUTE_SWAGGER, ""},
        {"/a//b//c", NONE, 0, NULL},
        {"/a//c", NONE, 0, NULL},
    };
    struct route_table *t = table_of(paths, subpaths, ARRAY_LEN(paths));
    expect_rows(t, rows, ARRAY_LEN(rows));
    route_table_free(&t);
}

static void the_root_is_a_route_like_others(void **state) {
    (void)state;
    static const char *const root[] = {"/"};
    static const bool no[] = {false}, yes[] = {true};
    static const struct row exact[] = {
        {"/", 0, ROUTE_SCORE, ""},
        {"/swagger.json", 0, ROUTE_SWAGGER, ""},
        {"/x", NONE, 0, NULL},
    };
    static const struct row below[] = {
        {"/", 0, ROUTE_SCORE, ""},
        {"/x", 0, ROUTE_SCORE, "/x"},
        {"/x/y/", 0, ROUTE_SCORE, "/x/y/"},
    };
    struct route_table *t = table_of(root, no, 1);
    expect_rows(t, exact, ARRAY_LEN(exact));
    route_table_free(&t);
    t = table_of(root, yes, 1);
    expect_rows(t, below, ARRAY_LEN(below));
    route_table_free(&t);
}

static void keeps_what_it_is_told_once(void **state) {
    (void)state;
    struct route_table *t = route_table_new();
    char path[] = "/gone";
    assert_true(route_table_add(t, text_of(path), false, 7));
    memset(path, 'x', sizeof path - 1);
    assert_false(route_table_add(t, TEXT("/gone"), true, 8));
    assert_false(route_table_add(t, TEXT(""), true, 9));
    struct route_match m;
    assert_true(route_table_find(t, TEXT("/gone"), &m));
    assert_int_equal(m.index, 7);
    assert_false(route_table_find(t, TEXT("/gone/x"), &m));
    route_table_free(&t);
}

static void finds_each_of_many(void **state) {
    (void)state;
    enum { MANY = 500 };
    struct route_table *t = route_table_new();
    char path[32];
    for (unsigned i = 0; i < MANY; i++) {
        unsigned shuffled = i * 37 % MANY; /* 37 and 500 have no common divisor */
        snprintf(path, sizeof path, "/r%u", shuffled * shuffled);
        assert_true(route_table_add(t, text_of(path), shuffled % 2, shuffled));
    }
    for (unsigned i = 0; i < MANY; i++) {
        struct route_match m;
        snprintf(path, sizeof path, "/r%u", i * i);
        assert_true(route_table_find(t, text_of(path), &m));
        assert_int_equal(m.index, i);
        snprintf(path, sizeof path, "/r%u/x", i * i);
        assert_int_equal(route_table_find(t, text_of(path), &m), i % 2);
    }
    route_table_free(&t);
}

static void an_empty_table_has_nothing(void **state) {
    (void)state;
    struct route_table *t = route_table_new();
    struct route_match m;
    assert_false(route_table_find(t, TEXT("/"), &m));
    assert_false(route_table_find(t, TEXT("/swagger.json"), &m));
    assert_null(route_table_nearest(t, TEXT("/diabetes")));
    route_table_free(&t);
}

static void suggests_the_nearest(void **state) {
    (void)state;
    static const char *const paths[] = {"/diabetes", "/churn"};
    static const bool subpaths[] = {false, false};
    struct route_table *t = table_of(paths, subpaths, ARRAY_LEN(paths));
    assert_string_equal(route_table_nearest(t, TEXT("/diabets")), "/diabetes");
    assert_string_equal(route_table_nearest(t, TEXT("/chrun")), "/churn");
    assert_null(route_table_nearest(t, TEXT("/something/else")));
    char endless[4096];
    memset(endless, '/', sizeof endless);
    assert_null(route_table_nearest(t, (struct text){endless, sizeof endless}));
    route_table_free(&t);
}

static void knows_paths_for_the_configuration(void **state) {
    (void)state;
    static const struct {
        const char *path;
        bool valid;
    } rows[] = {
        {"/", true},
        {"/diabetes", true},
        {"/a/b/c", true},
        {"/a%20b", true},
        {"/a.b", true},
        {"/...", true},
        {"/:@!$&'()*+,;=", true},
        {"/-._~", true},
        {"/a/swagger.json", true},
        {"", false},
        {"diabetes", false},
        {"/a/", false},
        {"//", false},
        {"//a", false},
        {"/a//b", false},
        {"/a?b", false},
        {"/a#b", false},
        {"/a b", false},
        {"/a\tb", false},
        {"/a\\b", false},
        {"/a\"b", false},
        {"/a<b>", false},
        {"/a{b}", false},
        {"/a|b", false},
        {"/a^b", false},
        {"/a`b", false},
        {"/a[b]", false},
        {"/\xc3\xa9", false},
        {"/a\x7f", false},
        {"/%", false},
        {"/%4", false},
        {"/%4g", false},
        {"/.", false},
        {"/..", false},
        {"/a/../b", false},
        {"/a/./b", false},
        {"/%2e%2e/b", false},
        {"/a%2fb", false},
        {"/a%5Cb", false},
        {"http://a/b", false},
        {"*", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (route_path_valid(text_of(rows[i].path)) != rows[i].valid)
            fail_msg("\"%s\"", rows[i].path);
    assert_false(route_path_valid(TEXT("/a\0b")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_exact_paths_first_then_swagger_then_the_longest),
        cmocka_unit_test(has_no_route_for_paths_that_mean_another),
        cmocka_unit_test(a_route_may_have_an_empty_segment_itself),
        cmocka_unit_test(the_root_is_a_route_like_others),
        cmocka_unit_test(keeps_what_it_is_told_once),
        cmocka_unit_test(finds_each_of_many),
        cmocka_unit_test(an_empty_table_has_nothing),
        cmocka_unit_test(suggests_the_nearest),
        cmocka_unit_test(knows_paths_for_the_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
