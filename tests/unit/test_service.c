/* SPDX-License-Identifier: MIT */
/* What online endpoints and web services have in common: keys, pages and the links between them,
 * operations that take their time. */
#include "azure/online_endpoint.h"

#include "../azure_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define ORIGIN "https://management.azure.com/subscriptions/s?api-version=1"

static void words(void **state) {
    (void)state;
    assert_string_equal(azure_auth_word(AZURE_AUTH_NONE), "none");
    assert_string_equal(azure_auth_word(AZURE_AUTH_KEY), "key");
    assert_string_equal(azure_auth_word(AZURE_AUTH_TOKEN), "token");
    assert_string_equal(azure_auth_word(AZURE_AUTH_ENTRA), "entra");
}

/* --- keys ------------------------------------------------------------------------------------- */

static void reads_keys(void **state) {
    (void)state;
    struct azure_keys keys;
    struct azure_error error;
    struct azure_answer a =
        azure_answer_of(200, "{\"primaryKey\":\"Zm9v+/=~\",\"secondaryKey\":\"two\",\"x\":1}");
    assert_true(azure_keys_read(&a, &keys, &error));
    assert_true(text_equal(secret_expose(keys.primary), TEXT("Zm9v+/=~")));
    assert_true(text_equal(secret_expose(keys.secondary), TEXT("two")));
    azure_keys_done(&keys);
    assert_null(keys.primary);
    assert_null(keys.secondary);
    static const char *const single[] = {
        "{\"primaryKey\":\"one\"}",
        "{\"primaryKey\":\"one\",\"secondaryKey\":null}",
        "{\"primaryKey\":\"one\",\"secondaryKey\":\"\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(single); i++) {
        a = azure_answer_of(200, single[i]);
        assert_true(azure_keys_read(&a, &keys, &error));
        assert_true(text_equal(secret_expose(keys.primary), TEXT("one")));
        assert_null(keys.secondary);
        azure_keys_done(&keys);
    }
}

static void refuses_what_is_no_key(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "",
        "null",
        "{}",
        "{\"secondaryKey\":\"hunter2\"}",
        "{\"primaryKey\":null,\"secondaryKey\":\"hunter2\"}",
        "{\"primaryKey\":\"\"}",
        "{\"primaryKey\":\"\\n\"}",
        "{\"primaryKey\":[\"hunter2\"]}",
        "{\"primaryKey\":\"hunter2 \"}",
        "{\"primaryKey\":\"hunter2\\r\\nX: y\"}",
        "{\"primaryKey\":\"hunter2\xc3\xa4\"}",
        "{\"primaryKey\":\"hunter2\",\"secondaryKey\":\"a b\"}",
        "{\"primaryKey\":\"hunter2\",\"secondaryKey\":2}",
        "{\"primaryKey\":\"hunter2\",\"primaryKey\":\"hunter2\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct azure_keys keys;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(200, bodies[i]);
        if (azure_keys_read(&a, &keys, &error))
            fail_msg("taken: %s", bodies[i]);
        assert_int_equal(error.failure, AZURE_MALFORMED);
        assert_null(strstr(error.message, "hunter2"));
    }
    struct azure_keys keys;
    struct azure_error error;
    const struct azure_answer a = azure_answer_of(
        403, "{\"error\":{\"code\":\"AuthorizationFailed\",\"message\":\"no listKeys/action\"}}");
    assert_false(azure_keys_read(&a, &keys, &error));
    assert_int_equal(error.failure, AZURE_FORBIDDEN);
    assert_string_equal(error.code, "AuthorizationFailed");
}

/* --- pages ------------------------------------------------------------------------------------ */

#define ONE "{\"name\":\"n\",\"properties\":{\"authMode\":\"key\"}}"

static void a_last_page_has_no_next(void **state) {
    (void)state;
    static const struct {
        const char *body;
        size_t count;
    } cases[] = {
        {"{\"value\":[]}", 0},
        {"{\"value\":[],\"nextLink\":null}", 0},
        {"{\"value\":[" ONE "],\"nextLink\":\"\"}", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct azure_page page;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(200, cases[i].body);
        assert_true(online_endpoint_read_page(&a, TEXT(ORIGIN), &page, &error));
        assert_int_equal(page.count, cases[i].count);
        assert_null(page.next);
        azure_page_done(&page);
    }
}

static void refuses_what_is_no_page(void **state) {
    (void)state;
    static const struct {
        const char *body, *says;
    } cases[] = {
        {"[]", "no JSON object"},
        {"{}", "\"value\" is no list"},
        {"{\"value\":{}}", "\"value\" is no list"},
        {"{\"value\":[" ONE ",7]}", "\"name\" is missing"},
        {"{\"value\":[" ONE ",{\"name\":\"m\"}]}", "service m: \"authMode\" is missing"},
        {"{\"value\":[" ONE "],\"nextLink\":1}", "\"nextLink\" is no text"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct azure_page page;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(200, cases[i].body);
        assert_false(online_endpoint_read_page(&a, TEXT(ORIGIN), &page, &error));
        assert_int_equal(error.failure, AZURE_MALFORMED);
        if (!strstr(error.message, cases[i].says))
            fail_msg("\"%s\" of %s", error.message, cases[i].body);
    }
}

static void a_page_has_its_ceiling(void **state) {
    (void)state;
    for (size_t n = 1000; n <= 1001; n++) {
        struct azure_page page;
        struct azure_error error;
        struct buf body;
        buf_init(&body, 100000);
        for (size_t i = 0; i < n; i++)
            buf_addf(&body, "%s%s", i ? "," : "{\"value\":[", ONE);
        buf_add_string(&body, "]}");
        const struct azure_answer a = azure_answer_of(200, body.at);
        assert_int_equal(online_endpoint_read_page(&a, TEXT(ORIGIN), &page, &error), n == 1000);
        if (n == 1000) {
            assert_int_equal(page.count, n);
            azure_page_done(&page);
        } else {
            assert_int_equal(error.failure, AZURE_MALFORMED);
        }
        buf_done(&body);
    }
}

/* --- links: the token goes where they lead ------------------------------------------------------
 */

static const struct {
    const char *link, *url; /* NULL: refused */
} links[] = {
    {"https://management.azure.com/a?b=c", "https://management.azure.com/a?b=c"},
    {"https://management.azure.com:443/a", "https://management.azure.com:443/a"},
    {"HTTPS://MANAGEMENT.azure.com/a", "HTTPS://MANAGEMENT.azure.com/a"},
    {"/a?b=c", "https://management.azure.com/a?b=c"},
    {"//management.azure.com/a", "https://management.azure.com/a"},
    {"//evil.example/a", NULL},
    {"https://evil.example/a", NULL},
    {"http://management.azure.com/a", NULL},
    {"https://management.azure.com:444/a", NULL},
    {"https://management.azure.com.evil.example/a", NULL},
    {"https://management.azure.com@evil.example/a", NULL},
    {"https://evil.example#@management.azure.com/a", NULL},
    {"https://evil.example\\\\@management.azure.com/a", NULL},
    {"https://user@management.azure.com/a", NULL},
    {"/\\\\evil.example/a", NULL},
    {"///evil.example/a", NULL},
    {"a?b=c", NULL},
    {"?b=c", NULL},
    {"https:/a", NULL},
    {"https:a", NULL},
    {"file:///etc/passwd", NULL},
    {"/a b", NULL},
    {"/a/../b", NULL},
};

static void follows_no_next_link_to_elsewhere(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        struct azure_page page;
        struct azure_error error;
        struct buf body;
        buf_init(&body, 1000);
        buf_addf(&body, "{\"value\":[" ONE "],\"nextLink\":\"%s\"}", links[i].link);
        const struct azure_answer a = azure_answer_of(200, body.at);
        bool good = online_endpoint_read_page(&a, TEXT(ORIGIN), &page, &error);
        if (good != (links[i].url != NULL))
            fail_msg("%s: %s", good ? "taken" : error.message, links[i].link);
        if (good) {
            assert_string_equal(page.next, links[i].url);
            azure_page_done(&page);
        } else {
            assert_int_equal(error.failure, AZURE_MALFORMED);
            assert_non_null(strstr(error.message, "next link"));
        }
        buf_done(&body);
    }
}

static void follows_no_operation_to_elsewhere(void **state) {
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(links); i++) {
        enum azure_operation operation;
        struct azure_error error;
        struct buf poll;
        struct azure_answer a = azure_answer_of(202, "");
        buf_init(&poll, 1000);
        /* In JSON a backslash is two. */
        a.location =
            strchr(links[i].link, '\\') ? TEXT("https:\\\\evil.example/") : text_of(links[i].link);
        bool good = azure_operation_begin(&a, TEXT(ORIGIN), &poll, &operation, &error);
        if (good != (links[i].url != NULL))
            fail_msg("%s: %s", good ? "taken" : error.message, links[i].link);
        if (good) {
            assert_int_equal(operation, AZURE_OPERATION_RUNNING);
            assert_string_equal(poll.at, links[i].url);
        } else {
            assert_int_equal(error.failure, AZURE_MALFORMED);
        }
        buf_done(&poll);
    }
}

static void an_origin_may_be_bare(void **state) {
    (void)state;
    enum azure_operation operation;
    struct azure_error error;
    struct buf poll;
    struct azure_answer a = azure_answer_of(202, "");
    buf_init(&poll, 1000);
    a.location = TEXT("/op");
    assert_true(azure_operation_begin(&a, TEXT("https://h:8443"), &poll, &operation, &error));
    assert_string_equal(poll.at, "https://h:8443/op");
    assert_true(azure_operation_begin(&a, TEXT("https://h?x=//y"), &poll, &operation, &error));
    assert_string_equal(poll.at, "https://h/op");
    assert_false(azure_operation_begin(&a, TEXT("nonsense"), &poll, &operation, &error));
    buf_done(&poll);
    buf_init(&poll, 8);
    assert_false(azure_operation_begin(&a, TEXT("https://h"), &poll, &operation, &error));
    assert_non_null(strstr(error.message, "too long"));
    buf_done(&poll);
}

static void follows_with_the_token(void **state) {
    (void)state;
    struct azure_request r;
    struct secret *bearer = secret_new(TEXT("arm.token"));
    assert_true(azure_follow_request(TEXT("https://h/a?b=%20c"), bearer, &r));
    assert_int_equal(r.method, METHOD_GET);
    assert_string_equal(r.url.at, "https://h/a?b=%20c");
    assert_string_equal(r.fields.at, "Authorization: Bearer arm.token\r\n");
    azure_request_done(&r);
    secret_unref(&bearer);
}

/* --- operations ------------------------------------------------------------------------------- */

static void begins_an_operation(void **state) {
    (void)state;
    enum azure_operation operation = AZURE_OPERATION_RUNNING;
    struct azure_error error;
    struct buf poll;
    buf_init(&poll, 1000);
    /* Done at once: v1 answers with the keys. */
    struct azure_answer a = azure_answer_of(200, "{\"primaryKey\":\"k\"}");
    assert_true(azure_operation_begin(&a, TEXT(ORIGIN), &poll, &operation, &error));
    assert_int_equal(operation, AZURE_OPERATION_DONE);
    assert_int_equal(poll.len, 0);
    /* The operation before the location. */
    a = azure_answer_of(202, "");
    a.operation = TEXT("https://management.azure.com/operation");
    a.location = TEXT("https://management.azure.com/location");
    assert_true(azure_operation_begin(&a, TEXT(ORIGIN), &poll, &operation, &error));
    assert_int_equal(operation, AZURE_OPERATION_RUNNING);
    assert_string_equal(poll.at, "https://management.azure.com/operation");
    /* One to elsewhere is not made up for by the location. */
    a.operation = TEXT("https://evil.example/operation");
    assert_false(azure_operation_begin(&a, TEXT(ORIGIN), &poll, &operation, &error));
    assert_int_equal(error.failure, AZURE_MALFORMED);
    a = azure_answer_of(202, "");
    assert_false(azure_operation_begin(&a, TEXT(ORIGIN), &poll, &operation, &error));
    assert_int_equal(error.failure, AZURE_MALFORMED);
    a = azure_answer_of(409, "{\"error\":{\"code\":\"Conflict\",\"message\":\"m\"}}");
    assert_false(azure_operation_begin(&a, TEXT(ORIGIN), &poll, &operation, &error));
    assert_string_equal(error.code, "Conflict");
    buf_done(&poll);
}

static void an_operation_runs_or_is_done(void **state) {
    (void)state;
    static const struct {
        unsigned status;
        const char *body;
        enum azure_operation operation;
    } cases[] = {
        {200, "{\"status\":\"Succeeded\"}", AZURE_OPERATION_DONE},
        {200, "{\"status\":\"succeeded\",\"properties\":null}", AZURE_OPERATION_DONE},
        {200, "{\"id\":\"x\",\"state\":\"Succeeded\"}", AZURE_OPERATION_DONE},
        {200, "{\"status\":\"InProgress\"}", AZURE_OPERATION_RUNNING},
        {202, "{\"status\":\"InProgress\"}", AZURE_OPERATION_RUNNING},
        {200, "{\"state\":\"NotStarted\",\"error\":null}", AZURE_OPERATION_RUNNING},
        {200, "{\"state\":\"Running\"}", AZURE_OPERATION_RUNNING},
        {200, "{\"status\":\"Reticulating\"}", AZURE_OPERATION_RUNNING},
        /* Of a location: 202, then the result. */
        {202, "", AZURE_OPERATION_RUNNING},
        {202, "{}", AZURE_OPERATION_RUNNING},
        {200, "", AZURE_OPERATION_DONE},
        {204, "", AZURE_OPERATION_DONE},
        {200, "{\"primaryKey\":\"k\"}", AZURE_OPERATION_DONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum azure_operation operation = cases[i].operation == AZURE_OPERATION_DONE
                                             ? AZURE_OPERATION_RUNNING
                                             : AZURE_OPERATION_DONE;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(cases[i].status, cases[i].body);
        assert_true(azure_operation_read(&a, &operation, &error));
        if (operation != cases[i].operation)
            fail_msg("%u %s", cases[i].status, cases[i].body);
    }
}

static void a_failed_operation_is_an_error(void **state) {
    (void)state;
    static const struct {
        const char *body, *code, *message;
    } cases[] = {
        {"{\"status\":\"Failed\",\"error\":{\"code\":\"InternalError\",\"message\":\"oh\"}}",
         "InternalError", "oh"},
        {"{\"state\":\"failed\",\"error\":{\"code\":\"Bad\",\"statusCode\":400,\"message\":\"no\"}"
         "}",
         "Bad", "no"},
        {"{\"status\":\"Failed\"}", "", "the operation ended as Failed"},
        {"{\"status\":\"Canceled\",\"error\":null}", "", "the operation ended as Canceled"},
        {"{\"state\":\"Cancelled\"}", "", "the operation ended as Cancelled"},
        {"{\"state\":\"TimedOut\"}", "", "the operation ended as TimedOut"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum azure_operation operation;
        struct azure_error error;
        const struct azure_answer a = azure_answer_of(200, cases[i].body);
        assert_false(azure_operation_read(&a, &operation, &error));
        assert_int_equal(error.failure, AZURE_UNAVAILABLE);
        assert_int_equal(error.status, 200);
        assert_string_equal(error.code, cases[i].code);
        assert_string_equal(error.message, cases[i].message);
    }
}

static void what_is_no_operation_is_an_error(void **state) {
    (void)state;
    enum azure_operation operation;
    struct azure_error error;
    struct azure_answer a = azure_answer_of(200, "<html>sign in</html>");
    assert_false(azure_operation_read(&a, &operation, &error));
    assert_int_equal(error.failure, AZURE_MALFORMED);
    a = azure_answer_of(404, "");
    assert_false(azure_operation_read(&a, &operation, &error));
    assert_int_equal(error.failure, AZURE_MISSING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(reads_keys),
        cmocka_unit_test(refuses_what_is_no_key),
        cmocka_unit_test(a_last_page_has_no_next),
        cmocka_unit_test(refuses_what_is_no_page),
        cmocka_unit_test(a_page_has_its_ceiling),
        cmocka_unit_test(follows_no_next_link_to_elsewhere),
        cmocka_unit_test(follows_no_operation_to_elsewhere),
        cmocka_unit_test(an_origin_may_be_bare),
        cmocka_unit_test(follows_with_the_token),
        cmocka_unit_test(begins_an_operation),
        cmocka_unit_test(an_operation_runs_or_is_done),
        cmocka_unit_test(a_failed_operation_is_an_error),
        cmocka_unit_test(what_is_no_operation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
