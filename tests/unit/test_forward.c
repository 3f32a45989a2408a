/* SPDX-License-Identifier: MIT */
/* Which field lines are handed on, up and down. */
#include "policy/forward.h"

#include "../head_text.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdio.h>

#define ID_100                                                                                     \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"  \
    "123456789"

/* Whether LINE passes in a request whose other line is CONNECTION. */
static bool passes_up(const char *line, const char *connection) {
    char text[512];
    bool has_host = strncasecmp(line, "host:", 5) == 0;
    snprintf(text, sizeof text, "POST / HTTP/1.1\n%s\nConnection: %s%s", line, connection,
             has_host ? "" : "\nHost: localhost");
    struct head_text t;
    head_text_read(&t, text_of(text));
    if (head_check(&t.head) != REASON_NONE)
        fail_msg("%s", line);
    return forward_up(&t.lines[0], &t.head);
}

static void hands_up_what_is_the_endpoints(void **state) {
    (void)state;
    static const char *const lines[] = {
        "Accept: */*",
        "Accept-Encoding: gzip",
        "Content-Type: application/json",
        "Content-Encoding: gzip",
        "User-Agent: curl/8",
        "Via: 1.1 other",
        "traceparent: 00-1-2-01",
        "TraceId: 1",
        "x-request-id: id-1",
        "x-request-id: " ID_100,
        "X-Request-Id:",
        "x-ms-useragent: a",
        "X-MS-UserAgent: a",
        "Cache-Control: no-cache",
        "Range: bytes=0-1",
        "If-None-Match: \"a\"",
        "X-Other: y",
        "x-ms: y",
        "xx-ms-a: y",
        "azureml-model-group: a",
        "azureml-model-deployment: blue", /* whether it may is the route's affair */
        "Date: a",
        "Api-Version: 1",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (!passes_up(lines[i], "keep-alive"))
            fail_msg("%s", lines[i]);
}

static void keeps_back_what_is_not(void **state) {
    (void)state;
    static const char *const lines[] = {
        /* credentials */
        "Authorization: Bearer evil",
        "AUTHORIZATION: x",
        "Proxy-Authorization: x",
        "Cookie: a=b",
        "api-key: x",
        "X-API-Key: x",
        "Ocp-Apim-Subscription-Key: x",
        /* forwarding */
        "X-Forwarded-For: 1.2.3.4",
        "X-Forwarded-Host: a",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Port: 1",
        "X-Forwarded-Server: a",
        "x-forwarded-prefix: /a",
        "X-Forwarded-Client-Cert: a",
        "Forwarded: for=a",
        "X-Real-Ip: 1.2.3.4",
        /* of the connection, and framing */
        "Keep-Alive: timeout=5",
        "TE: trailers",
        "Trailer: Host",
        "Upgrade: websocket",
        "Proxy-Connection: close",
        "Transfer-Encoding: chunked",
        "Content-Length: 5",
        "Host: a",
        "Expect: 100-continue",
        "Connection: close",
        /* of the browser, which we answer */
        "Origin: https://a.example",
        "Access-Control-Request-Method: PUT",
        "Access-Control-Request-Headers: a",
        "Access-Control-Request-Private-Network: true",
        /* Azure's own */
        "x-ms-client-request-id: id",
        "x-ms-request-id: id",
        "X-Ms-Anything: a",
        "x-ms-: a",
        "x-request-id: " ID_100 "0",
        /* other spellings of all these */
        "X_Api_Key: x",
        "Content_Length: 5",
        "Transfer_Encoding: chunked",
        "x_request_id: a",
        "a_b: c",
        "_: c",
        "x_ms_useragent: a",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (passes_up(lines[i], "keep-alive"))
            fail_msg("%s", lines[i]);
}

static void connection_takes_only_what_it_names(void **state) {
    (void)state;
    assert_false(passes_up("X-Other: a", "x-other"));
    assert_false(passes_up("X-Other: a", "close, X-OTHER"));
    assert_false(passes_up("Content-Type: a/b", "content-type"));
    assert_true(passes_up("X-Other: a", "close, x-othe"));
    assert_true(passes_up("X-Other: a", "Authorization, Origin"));
    assert_true(passes_up("close: a", "keep-alive"));
}

static bool passes_down(const char *lines_text, size_t which) {
    char text[512];
    snprintf(text, sizeof text, "GET / HTTP/1.0\n%s", lines_text);
    struct head_text t;
    head_text_read(&t, text_of(text));
    for (size_t i = 0; i < t.head.field_count; i++) {
        t.lines[i].id = field_lookup(t.lines[i].name);
        t.lines[i].value = text_trim(t.lines[i].value);
    }
    assert_true(which < t.head.field_count);
    return forward_down(&t.lines[which], t.lines, t.head.field_count);
}

static void hands_down_what_is_the_callers(void **state) {
    (void)state;
    static const char *const up[] = {
        "Content-Type: a/b",
        "Content-Encoding: gzip",
        "Retry-After: 5",
        "Location: https://a/",
        "WWW-Authenticate: Bearer",
        "x-ms-request-id: id",
        "x-ms-run-fn-exec-ms: 1",
        "Server: a",
        "azureml-model-deployment: blue",
        "ms-azureml-model-error-reason: model_error",
        "x_underscore: a",
        "Cache-Control: max-age=1",
        "Vary: Accept",
        "Date: a",
        "ETag: \"a\"",
        "x-request-id: id",
        "Content-Disposition: a",
    };
    static const char *const kept[] = {
        "Access-Control-Allow-Origin: *",
        "access-control-allow-credentials: true",
        "Access-Control-Allow-Methods: GET",
        "Access-Control-Allow-Headers: a",
        "Access-Control-Allow-Private-Network: true",
        "Access-Control-Expose-Headers: a",
        "Access-Control-Max-Age: 1",
        "Set-Cookie: a=b",
        "Set-Cookie2: a=b",
        "Alt-Svc: h3",
        "Strict-Transport-Security: max-age=1",
        "Public-Key-Pins: a",
        "Clear-Site-Data: \"*\"",
        "Connection: close",
        "Keep-Alive: timeout=5",
        "Transfer-Encoding: chunked",
        "Content-Length: 5",
        "Trailer: a",
        "TE: a",
        "Upgrade: h2c",
        "Proxy-Authenticate: Basic",
        "Proxy-Authentication-Info: a",
        "Proxy-Connection: close",
        "x-ms-client-request-id: theirs",
    };
    for (size_t i = 0; i < ARRAY_LEN(up); i++)
        if (!passes_down(up[i], 0))
            fail_msg("%s", up[i]);
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (passes_down(kept[i], 0))
            fail_msg("%s", kept[i]);
}

static void an_answers_connection_takes_what_it_names(void **state) {
    (void)state;
    static const char lines[] = "X-Hop: a\nConnection: keep-alive\nX-Other: b\n"
                                "connection: close, x-hop";
    assert_false(passes_down(lines, 0));
    assert_false(passes_down(lines, 1));
    assert_true(passes_down(lines, 2));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_up_what_is_the_endpoints),
        cmocka_unit_test(keeps_back_what_is_not),
        cmocka_unit_test(connection_takes_only_what_it_names),
        cmocka_unit_test(hands_down_what_is_the_callers),
        cmocka_unit_test(an_answers_connection_takes_what_it_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
