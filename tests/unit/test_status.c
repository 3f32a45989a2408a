/* SPDX-License-Identifier: MIT */
/* What an operator is shown: readiness, JSON, the page. */
#include "status_example.h"

#include "base/json.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

#define TEXT_MAX (64 * 1024)

static struct example example;
static struct buf text;

static int set_up(void **state) {
    (void)state;
    example_make(&example);
    buf_init(&text, TEXT_MAX);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    buf_done(&text);
    return 0;
}

/* Ready */

static void assert_ready_text(const char *expected) {
    buf_clear(&text);
    status_write_ready(&text, &example.status);
    assert_true(buf_ok(&text));
    assert_string_equal(text.at, expected);
}

static void only_required_routes_count(void **state) {
    (void)state;
    assert_true(status_is_ready(&example.status));
    assert_ready_text("ready\n");
    example.routes[1].required = true;
    assert_false(status_is_ready(&example.status));
    example.status.draining = true;
    assert_ready_text("draining\n");
}

static void wait_for(struct status_route *route) {
    route->state = ROUTE_WAITING;
    for (size_t i = 0; i < route->backend_count; i++)
        route->backends[i].state = ROUTE_WAITING;
}

static void what_is_missing_is_named(void **state) {
    (void)state;
    example.routes[1].required = true;
    assert_ready_text("not ready\n"
                      "/b cannot be served: rejected, invalid_client: AADSTS7000215: \"x\" <b> & "
                      "'y'\n");
    example.backends[2].error = NULL;
    assert_ready_text("not ready\n/b cannot be served: Azure's identity service refuses scoregate; "
                      "callers cannot mend this.\n");
    wait_for(&example.routes[1]);
    assert_ready_text("not ready\n/b waits for identity:vm\n");
    wait_for(&example.routes[0]);
    assert_ready_text("not ready\n/a at h.example/blue waits for its credential\n"
                      "/a at i.example waits for its credential\n/b waits for identity:vm\n");
}

/* JSON */

static const struct json *at(const struct json *array, size_t i) {
    const struct json *one = json_first(array);
    while (i-- > 0)
        one = json_next(one);
    assert_non_null(one);
    return one;
}

static void assert_text(const struct json *object, const char *name, const char *expected) {
    struct text t;
    assert_true(json_string(json_member(object, name), &t));
    assert_int_equal(t.len, strlen(expected));
    assert_memory_equal(t.at, expected, t.len);
}

static void assert_number(const struct json *object, const char *name, double expected) {
    double n = 0;
    assert_true(json_number(json_member(object, name), &n));
    assert_true(n == expected);
}

static void assert_flag(const struct json *object, const char *name, bool expected) {
    bool flag;
    assert_true(json_bool(json_member(object, name), &flag));
    assert_int_equal(flag, expected);
}

/* Present, and null. */
static void assert_null_member(const struct json *object, const char *name) {
    assert_non_null(json_member(object, name));
    assert_true(json_is_null(json_member(object, name)));
}

static struct json *parse_status(void) {
    buf_clear(&text);
    status_write_json(&text, &example.status);
    assert_true(buf_ok(&text));
    assert_int_equal(text.at[text.len - 1], '\n');
    struct json *document = json_parse((struct text){text.at, text.len - 1}, 8);
    assert_non_null(document);
    return document;
}

static void json_tells_of_routes(void **state) {
    (void)state;
    struct json *document = parse_status();
    assert_text(document, "version", PACKAGE_VERSION);
    assert_number(document, "uptime_s", 42);
    assert_flag(document, "draining", false);
    assert_flag(document, "ready", true);
    assert_number(json_member(document, "reloads"), "succeeded", 2);
    assert_number(json_member(document, "reloads"), "failed", 1);
    const struct json *a = at(json_member(document, "routes"), 0),
                      *b = at(json_member(document, "routes"), 1);
    assert_null(json_next(b));
    assert_text(a, "path", "/a");
    assert_text(a, "state", "ready");
    assert_flag(a, "required", true);
    assert_text(a, "scoring_uri", "https://h.example/score?code=***");
    assert_text(a, "key_in_use", "secondary");
    assert_number(a, "revision", 7);
    assert_null_member(a, "waits_for");
    assert_null_member(a, "reason");
    assert_null_member(a, "error");
    assert_text(b, "state", "refused");
    assert_flag(b, "required", false);
    assert_null_member(b, "scoring_uri");
    assert_null_member(b, "key_in_use");
    assert_text(b, "waits_for", "identity:vm");
    assert_text(b, "reason", "token_rejected");
    assert_text(json_member(b, "error"), "message", "AADSTS7000215: \"x\" <b> & 'y'");
    json_free(&document);
}

static void json_tells_of_traffic(void **state) {
    (void)state;
    struct json *document = parse_status();
    const struct json *a = at(json_member(document, "routes"), 0),
                      *b = at(json_member(document, "routes"), 1),
                      *top = json_member(a, "top_errors");
    assert_number(a, "in_flight", 12);
    assert_number(a, "queued", 8);
    assert_number(a, "limit", 24);
    assert_number(a, "requests", 115);
    assert_number(a, "errors", 19);
    assert_number(json_member(a, "retries"), "connection", 6);
    assert_number(json_member(a, "retries"), "hedge", 0);
    assert_number(json_member(a, "connections"), "active", 3);
    assert_number(json_member(a, "connections"), "idle", 2);
    assert_number(json_member(a, "connections"), "dialling", 1);
    static const struct {
        unsigned code, count;
        const char *reason;
    } expected[] = {{503, 9, "no_credential"},
                    {500, 4, "answered"},
                    {504, 3, "connect_timeout"},
                    {502, 2, "connection_refused"}};
    for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
        assert_number(at(top, i), "code", expected[i].code);
        assert_number(at(top, i), "count", expected[i].count);
        assert_text(at(top, i), "reason", expected[i].reason);
    }
    assert_null(json_next(at(top, ARRAY_LEN(expected) - 1)));
    assert_null_member(b, "limit");
    assert_number(b, "errors", 0);
    assert_null(json_first(json_member(b, "top_errors")));
    json_free(&document);
}

static void json_tells_of_backends(void **state) {
    (void)state;
    struct json *document = parse_status();
    const struct json *a = at(json_member(document, "routes"), 0),
                      *first = at(json_member(a, "backends"), 0),
                      *second = at(json_member(a, "backends"), 1);
    assert_null(json_next(second));
    assert_text(first, "name", "h.example/blue");
    assert_text(first, "state", "ready");
    assert_text(first, "breaker", "closed");
    assert_text(first, "deployment", "blue");
    assert_text(first, "scoring_uri", "https://h.example/score?code=***");
    assert_text(first, "key_in_use", "secondary");
    assert_number(first, "weight", 3);
    assert_number(first, "priority", 0);
    assert_number(first, "limit", 20);
    assert_text(second, "name", "i.example");
    assert_text(second, "state", "waiting");
    assert_text(second, "breaker", "open");
    assert_null_member(second, "deployment");
    assert_null_member(second, "limit");
    assert_number(second, "priority", 1);
    json_free(&document);
}

static void json_tells_of_credentials(void **state) {
    (void)state;
    struct json *document = parse_status();
    const struct json *vm = at(json_member(document, "credentials"), 0),
                      *key = at(json_member(document, "credentials"), 1),
                      *error = json_member(vm, "last_error");
    assert_text(vm, "kind", "managed");
    assert_flag(vm, "fetching", false);
    assert_null_member(vm, "fingerprint");
    assert_null_member(vm, "age_s");
    assert_null_member(vm, "refresh_in_s");
    assert_null_member(vm, "expires_in_s");
    assert_null_member(vm, "expires_at");
    assert_number(vm, "failed", 3);
    assert_text(error, "failure", "rejected");
    assert_number(error, "status", 401);
    assert_text(error, "code", "invalid_client");
    assert_text(error, "trace_id", "t-1");
    assert_text(error, "correlation_id", "c-1");
    assert_flag(key, "fetching", true);
    assert_number(key, "age_s", 61);
    assert_number(key, "refresh_in_s", 720);
    assert_number(key, "expires_in_s", 7200);
    assert_text(key, "expires_at", "2026-01-01T02:00:00Z");
    assert_number(key, "refreshed", 4);
    assert_null_member(key, "last_error");
    json_free(&document);
}

static void json_of_nothing(void **state) {
    (void)state;
    example.status.route_count = example.status.credential_count = 0;
    struct json *document = parse_status();
    assert_true(json_is_array(json_member(document, "routes")));
    assert_null(json_first(json_member(document, "routes")));
    assert_true(json_is_array(json_member(document, "credentials")));
    json_free(&document);
}

/* The page */

static void write_page(void) {
    buf_clear(&text);
    status_write_page(&text, &example.status);
    assert_true(buf_ok(&text));
}

static void the_page_says_it_in_words(void **state) {
    static const char *const expected[] = {"1 of 2 routes ready",
                                           "<code>/a</code>",
                                           "code=***",
                                           "secondary",
                                           "not found yet",
                                           "<td>61 s ago",
                                           "<td>in 12 min",
                                           "<td>in 2 h",
                                           "11111111",
                                           "not required",
                                           "being fetched",
                                           "rejected, invalid_client",
                                           "breaker open",
                                           "deployment blue",
                                           "503 no_credential: 9<br>500 answered: 4<br>",
                                           ">12<",
                                           ">8<",
                                           ">24<",
                                           ">115<",
                                           ">19<",
                                           ">7<"};
    (void)state;
    write_page();
    for (size_t i = 0; i < ARRAY_LEN(expected); i++)
        if (!strstr(text.at, expected[i]))
            fail_msg("not on the page: %s", expected[i]);
    assert_null(strstr(text.at, "CANARY"));
}

static void what_nothing_depends_on_is_no_alarm(void **state) {
    (void)state;
    example.credentials[0].state = "unavailable";
    write_page();
    assert_non_null(strstr(text.at, "<td class=dim>unavailable"));
}

static void the_page_escapes_everything(void **state) {
    static const char evil[] = "<i>&\"'\x01\xe2\x80\xae\xff";
    static const char good[] = "&#60;i&#62;&#38;&#34;&#39;&#xfffd;&#xfffd;&#xfffd;";
    (void)state;
    snprintf(example.error.message, sizeof example.error.message, "%s", evil);
    snprintf(example.error.code, sizeof example.error.code, "%s", evil);
    example.routes[0].path = evil;
    example.backends[0].auth = example.backends[0].deployment = example.names[0] = evil;
    example.credentials[0].name = example.credentials[0].kind = evil;
    write_page();
    assert_null(strstr(text.at, "<i>"));
    assert_null(strstr(text.at, "\xe2\x80\xae"));
    size_t found = 0;
    for (const char *hit = text.at; (hit = strstr(hit, good)); hit++)
        found++;
    assert_int_equal(found, 12);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_required_routes_count, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_missing_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_tells_of_routes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_tells_of_traffic, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_tells_of_backends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_tells_of_credentials, set_up, tear_down),
        cmocka_unit_test_setup_teardown(json_of_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_page_says_it_in_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nothing_depends_on_is_no_alarm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_page_escapes_everything, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
