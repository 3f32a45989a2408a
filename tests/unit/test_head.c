/* SPDX-License-Identifier: MIT */
/* The check of request heads: hostile heads by the sort of trick, each with what it is refused for,
 * and what is found in those that pass. */
#include "policy/head.h"

#include "../head_text.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <stdio.h>

struct row {
    struct text head;
    enum reason expected;
};

static void expect_rows(const struct row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct head_text t;
        head_text_read(&t, rows[i].head);
        enum reason got = head_check(&t.head);
        if (got != rows[i].expected)
            fail_msg("row %zu: \"%s\" instead of \"%s\" for:\n%.*s", i, reason_word(got),
                     reason_word(rows[i].expected), TEXT_ARG(rows[i].head));
    }
}

#define POST(lines) TEXT("POST /score HTTP/1.1\nHost: localhost:8080\n" lines)
#define OLD(lines)  TEXT("POST /score HTTP/1.0\n" lines)
#define GET(target) TEXT("GET " target " HTTP/1.1\nHost: localhost")
#define HOST(lines) TEXT("GET / HTTP/1.1\n" lines)

static void refuses_ambiguous_framing(void **state) {
    (void)state;
    const struct row rows[] = {
        /* both */
        {POST("Content-Length: 5\nTransfer-Encoding: chunked"), REASON_ambiguous_framing},
        {POST("Transfer-Encoding: chunked\nContent-Length: 5"), REASON_ambiguous_framing},
        {POST("transfer-encoding: chunked\ncontent-length: 0"), REASON_ambiguous_framing},
        {POST("Transfer-Encoding: identity\nContent-Length: 5"), REASON_ambiguous_framing},
        /* two lengths */
        {POST("Content-Length: 5\nContent-Length: 6"), REASON_ambiguous_framing},
        {POST("Content-Length: 5\nContent-Length: 5"), REASON_ambiguous_framing},
        {POST("Content-Length: 5\nCONTENT-LENGTH: 5"), REASON_ambiguous_framing},
        {POST("Content-Length: 2, 2"), REASON_ambiguous_framing},
        {POST("Content-Length: 2,"), REASON_ambiguous_framing},
        /* no number */
        {POST("Content-Length: +2"), REASON_ambiguous_framing},
        {POST("Content-Length: -2"), REASON_ambiguous_framing},
        {POST("Content-Length: 0x2"), REASON_ambiguous_framing},
        {POST("Content-Length: 2 2"), REASON_ambiguous_framing},
        {POST("Content-Length: 2x"), REASON_ambiguous_framing},
        {POST("Content-Length: 2.0"), REASON_ambiguous_framing},
        {POST("Content-Length: 1e3"), REASON_ambiguous_framing},
        {POST("Content-Length: \"2\""), REASON_ambiguous_framing},
        {POST("Content-Length: \xd9\xa2"), REASON_ambiguous_framing},
        {POST("Content-Length:"), REASON_ambiguous_framing},
        {POST("Content-Length:  \t "), REASON_ambiguous_framing},
        /* beyond 64 bits, or the value that means none */
        {POST("Content-Length: 18446744073709551616"), REASON_body_too_large},
        {POST("Content-Length: 18446744073709551615"), REASON_body_too_large},
        {POST("Content-Length: 99999999999999999999999999999999999999"), REASON_body_too_large},
        /* two codings */
        {POST("Transfer-Encoding: chunked\nTransfer-Encoding: chunked"), REASON_ambiguous_framing},
        {POST("Transfer-Encoding: chunked\nTransfer-Encoding: identity"), REASON_ambiguous_framing},
        {POST("Transfer-Encoding: identity\nTransfer-Encoding: chunked"), REASON_ambiguous_framing},
        /* HTTP/1.0 has none */
        {OLD("Transfer-Encoding: chunked"), REASON_ambiguous_framing},
        {OLD("Transfer-Encoding: chunked\nContent-Length: 3"), REASON_ambiguous_framing},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void refuses_codings_but_chunked(void **state) {
    (void)state;
    const struct row rows[] = {
        {POST("Transfer-Encoding: xchunked"), REASON_transfer_coding},
        {POST("Transfer-Encoding: gzip, chunked"), REASON_transfer_coding},
        {POST("Transfer-Encoding: chunked, gzip"), REASON_transfer_coding},
        {POST("Transfer-Encoding: chunked, chunked"), REASON_transfer_coding},
        {POST("Transfer-Encoding: identity"), REASON_transfer_coding},
        {POST("Transfer-Encoding: ,chunked"), REASON_transfer_coding},
        {POST("Transfer-Encoding: chunked,"), REASON_transfer_coding},
        {POST("Transfer-Encoding: chunked;q=1"), REASON_transfer_coding},
        {POST("Transfer-Encoding: \"chunked\""), REASON_transfer_coding},
        {POST("Transfer-Encoding: chunke"), REASON_transfer_coding},
        {POST("Transfer-Encoding: chun ked"), REASON_transfer_coding},
        {POST("Transfer-Encoding:"), REASON_transfer_coding},
        {POST("Transfer-Encoding: \xa0"
              "chunked"),
         REASON_transfer_coding},
        {POST("Transfer-Encoding: chunked\xa0"), REASON_transfer_coding},
        {POST("Transfer-Encoding: \x0b"
              "chunked"),
         REASON_malformed_header},
        {POST("Transfer-Encoding: chunked"), REASON_NONE},
        {POST("TRANSFER-ENCODING:\tChunked \t"), REASON_NONE},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void refuses_malformed_names(void **state) {
    (void)state;
    const struct row rows[] = {
        {POST("Content-Length : 5"), REASON_malformed_header},
        {POST("Content-Length\t: 5"), REASON_malformed_header},
        {POST("Transfer-Encoding : chunked"), REASON_malformed_header},
        {POST(" Content-Length: 5"), REASON_malformed_header},
        {POST("\x0b"
              "Transfer-Encoding: chunked"),
         REASON_malformed_header},
        {POST("Content-Length\0: 5"), REASON_malformed_header},
        {POST("\0Content-Length: 5"), REASON_malformed_header},
        {POST("a b: c"), REASON_malformed_header},
        {POST("a\x01"
              "b: c"),
         REASON_malformed_header},
        {POST("a\x7f"
              "b: c"),
         REASON_malformed_header},
        {POST("a;b: c"), REASON_malformed_header},
        {POST("a/b: c"), REASON_malformed_header},
        {POST("a\"b: c"), REASON_malformed_header},
        {POST("a(b: c"), REASON_malformed_header},
        {POST("a\xe9"
              "b: c"),
         REASON_malformed_header},
        {POST(": c"), REASON_malformed_header},
        {POST("a\r: c"), REASON_malformed_header},
        {POST("a\0b: c"), REASON_malformed_header},
        /* what a folded line leaves behind */
        {POST("Content-Lengthx: 5"), REASON_malformed_header},
        {POST("CONTENT-LENGTH-2: 5"), REASON_malformed_header},
        {POST("Content-Length5: 5"), REASON_malformed_header},
        {POST("Transfer-Encodingchunked: chunked"), REASON_malformed_header},
        {POST("transfer-encoding_: chunked"), REASON_malformed_header},
        /* not that */
        {POST("Content_Length: 5"), REASON_NONE},
        {POST("Transfer_Encoding: chunked"), REASON_NONE},
        {POST("Content-Lengt: 5"), REASON_NONE},
        {POST("X-Content-Length: 5"), REASON_NONE},
        {POST("Transfer-Encodin: chunked"), REASON_NONE},
        {POST("!#$%&'*+-.^_`|~09azAZ: c"), REASON_NONE},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void refuses_controls_in_values(void **state) {
    (void)state;
    struct row rows[] = {
        {POST("a: b\0c"), REASON_malformed_header},
        {POST("a: \0"), REASON_malformed_header},
        {POST("a: b\rc"), REASON_malformed_header},
        {POST("a: b\r"), REASON_malformed_header},
        {POST("a: b\r Authorization: c"), REASON_malformed_header},
        {POST("a: \x07"), REASON_malformed_header},
        {POST("a: \x7f"), REASON_malformed_header},
        {POST("a: \x1b[31m"), REASON_malformed_header},
        {POST("Origin: https://a.example\r"), REASON_malformed_header},
        {POST("a: b\tc"), REASON_NONE},
        {POST("a:"), REASON_NONE},
        {POST("a: \xc3\xa9\xff"), REASON_NONE},
    };
    expect_rows(rows, ARRAY_LEN(rows));

    struct field_line lines[] = {{TEXT("Host"), TEXT("localhost"), FIELD_OTHER},
                                 {TEXT("a"), TEXT("b\r\n c"), FIELD_OTHER}};
    struct head h = {TEXT("GET"), TEXT("/"), 11, lines, 2, .method = METHOD_OTHER};
    assert_int_equal(head_check(&h), REASON_malformed_header);
    lines[1].value = TEXT("b\n");
    assert_int_equal(head_check(&h), REASON_malformed_header);
    lines[1].value = (struct text){NULL, 0};
    assert_int_equal(head_check(&h), REASON_NONE);
}

static void takes_some_fields_only_once(void **state) {
    (void)state;
    const struct row rows[] = {
        {POST("Origin: https://a.example\nOrigin: https://a.example"), REASON_malformed_header},
        {POST("Content-Type: a/b\ncontent-type: text/plain"), REASON_malformed_header},
        {POST("Sec-Fetch-Site: none\nSec-Fetch-Site: cross-site"), REASON_malformed_header},
        {POST("Access-Control-Request-Method: GET\nAccess-Control-Request-Method: PUT"),
         REASON_malformed_header},
        {POST("Access-Control-Request-Headers: a\nAccess-Control-Request-Headers: b"),
         REASON_malformed_header},
        {POST("Accept: a/b\nAccept: c/d\nCookie: a\nCookie: b\nx: 1\nx: 2"), REASON_NONE},
        {POST("Connection: close\nConnection: x"), REASON_NONE},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void wants_one_host(void **state) {
    (void)state;
    const struct row rows[] = {
        {HOST(""), REASON_bad_host},
        {HOST("Accept: */*"), REASON_bad_host},
        {HOST("Host: a\nHost: b"), REASON_bad_host},
        {HOST("Host: a\nhost: a"), REASON_bad_host},
        {HOST("Host:"), REASON_bad_host},
        {HOST("Host: a b"), REASON_bad_host},
        {HOST("Host: a/b"), REASON_bad_host},
        {HOST("Host: a, b"), REASON_bad_host},
        {HOST("Host: a@b"), REASON_bad_host},
        {HOST("Host: a?b"), REASON_bad_host},
        {HOST("Host: a#b"), REASON_bad_host},
        {HOST("Host: a\\b"), REASON_bad_host},
        {HOST("Host: :80"), REASON_bad_host},
        {HOST("Host: a:b"), REASON_bad_host},
        {HOST("Host: a:65536"), REASON_bad_host},
        {HOST("Host: a:80:80"), REASON_bad_host},
        {HOST("Host: [::1"), REASON_bad_host},
        {HOST("Host: [::1]x"), REASON_bad_host},
        {HOST("Host: ::1"), REASON_bad_host},
        {HOST("Host: http://a"), REASON_bad_host},
        {HOST("Host: a\x01"), REASON_malformed_header},
        {HOST("Hostb: a"), REASON_bad_host}, /* folded */
        {HOST("Host: a"), REASON_NONE},
        {HOST("Host: a:65535"), REASON_NONE},
        {HOST("Host: [::1]"), REASON_NONE},
        {HOST("Host: [::1]:8080"), REASON_NONE},
        {OLD(""), REASON_NONE},
        {OLD("Host: a"), REASON_NONE},
        {OLD("Host: a\nHost: a"), REASON_bad_host},
        {OLD("Host: a b"), REASON_bad_host},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void wants_a_path_as_target(void **state) {
    (void)state;
    const struct row rows[] = {
        /* other forms */
        {GET("http://localhost/score"), REASON_malformed_target},
        {GET("https://evil.example/score"), REASON_malformed_target},
        {GET("HTTP://localhost/"), REASON_malformed_target},
        {GET("localhost:443"), REASON_malformed_target},
        {GET("localhost"), REASON_malformed_target},
        {GET("foo/bar"), REASON_malformed_target},
        {GET(""), REASON_malformed_target},
        {GET("?x"), REASON_malformed_target},
        {GET("*"), REASON_malformed_target},
        {TEXT("OPTIONS * HTTP/1.1\nHost: a"), REASON_NONE},
        {TEXT("OPTIONS *? HTTP/1.1\nHost: a"), REASON_malformed_target},
        {TEXT("OPTIONS ** HTTP/1.1\nHost: a"), REASON_malformed_target},
        {TEXT("options * HTTP/1.1\nHost: a"), REASON_malformed_target},
        {TEXT("CONNECT a:443 HTTP/1.1\nHost: a"), REASON_method_unknown},
        {TEXT("CONNECT / HTTP/1.1\nHost: a"), REASON_method_unknown},
        /* bytes */
        {GET("/a b"), REASON_malformed_target},
        {GET("/a\tb"), REASON_malformed_target},
        {GET("/a\0b"), REASON_malformed_target},
        {GET("/a\rb"), REASON_malformed_target},
        {GET("/a\x7f"), REASON_malformed_target},
        {GET("/a#b"), REASON_malformed_target},
        {GET("/a?b#c"), REASON_malformed_target},
        {GET("/a\\b"), REASON_malformed_target},
        {GET("/a?b\\c"), REASON_malformed_target},
        {GET("/\xc3\xa9"), REASON_malformed_target},
        {GET("/?\x80"), REASON_malformed_target},
        {GET(" /a"), REASON_malformed_target},
        /* escapes */
        {GET("/%00"), REASON_malformed_target},
        {GET("/a%0d%0aX:b"), REASON_malformed_target},
        {GET("/a%0D"), REASON_malformed_target},
        {GET("/a?b=%00"), REASON_malformed_target},
        {GET("/a?b=%0D%0Ac"), REASON_NONE},
        {GET("/%zz"), REASON_malformed_target},
        {GET("/%"), REASON_malformed_target},
        {GET("/%2"), REASON_malformed_target},
        {GET("/%2g"), REASON_malformed_target},
        {GET("/a?%x0"), REASON_malformed_target},
        {GET("/%u002e"), REASON_malformed_target},
        /* well-formed; what route_table_find() thinks of them is another matter */
        {GET("/"), REASON_NONE},
        {GET("/score?a=b&c=%20%c3%a9?/"), REASON_NONE},
        {GET("/../etc/passwd"), REASON_NONE},
        {GET("//score"), REASON_NONE},
        {GET("/a;b=c:@!$&'()*+,~-._"), REASON_NONE},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void wants_a_method_that_is_a_token(void **state) {
    (void)state;
    const struct row rows[] = {
        {TEXT("GET/x / HTTP/1.1\nHost: a"), REASON_malformed_request},
        {TEXT("G\rX / HTTP/1.1\nHost: a"), REASON_malformed_request},
        {TEXT("G\0T / HTTP/1.1\nHost: a"), REASON_malformed_request},
        {TEXT("G\xc9T / HTTP/1.1\nHost: a"), REASON_malformed_request},
        {TEXT(" / HTTP/1.1\nHost: a"), REASON_malformed_request},
        {TEXT("get / HTTP/1.1\nHost: a"), REASON_NONE},
        {TEXT("TRACE / HTTP/1.1\nHost: a"), REASON_NONE},
        {TEXT("BREW / HTTP/1.1\nHost: a"), REASON_NONE},
        {TEXT("PRI * HTTP/1.1\n"), REASON_malformed_target}, /* the preface of HTTP/2 */
    };
    expect_rows(rows, ARRAY_LEN(rows));
    static const char *const unknown[] = {"get",  "Get", "TRACE", "CONNECT",
                                          "BREW", "",    "GETX",  "GE"};
    for (size_t i = 0; i < ARRAY_LEN(unknown); i++)
        assert_int_equal(method_lookup(text_of(unknown[i])), METHOD_OTHER);
}

static void wants_a_version_that_it_knows(void **state) {
    (void)state;
    for (unsigned version = 0; version < 40; version++) {
        struct field_line host = {TEXT("Host"), TEXT("localhost"), FIELD_OTHER};
        struct head h = {TEXT("GET"), TEXT("/"), version, &host, 1, .method = METHOD_OTHER};
        assert_int_equal(head_check(&h),
                         version == 10 || version == 11 ? REASON_NONE : REASON_malformed_request);
    }
}

static void assert_text(struct text got, const char *expected) {
    if (!expected) {
        assert_null(got.at);
        return;
    }
    if (!text_equal(got, text_of(expected)))
        fail_msg("\"%.*s\" instead of \"%s\"", TEXT_ARG(got), expected);
}

static void finds_what_a_head_says(void **state) {
    (void)state;
    struct head_text t;
    head_text_read(&t, TEXT("POST /score?a=b?c HTTP/1.1\nhost: [::1]:8080\n"
                            "Origin:  https://a.example \nSec-Fetch-Site: cross-site\n"
                            "Content-Type: application/json\nUser-Agent: curl/8\n"
                            "X-Ms-Client-Request-Id: id-1\nX-Ms-Client-Request-Id: id-2\n"
                            "Content-Length:\t0042 \nExpect: 100-Continue\nX-Other: y\n"
                            "Access-Control-Request-Method: PUT\n"
                            "Access-Control-Request-Headers: x-a, x-b\n"
                            "Access-Control-Request-Private-Network: true"));
    assert_int_equal(head_check(&t.head), REASON_NONE);
    assert_int_equal(t.head.method, METHOD_POST);
    assert_text(t.head.path, "/score");
    assert_text(t.head.query, "a=b?c");
    assert_text(t.head.host, "::1");
    assert_text(t.head.origin, "https://a.example");
    assert_text(t.head.sec_fetch_site, "cross-site");
    assert_text(t.head.content_type, "application/json");
    assert_text(t.head.user_agent, "curl/8");
    assert_text(t.head.request_id, "id-1");
    assert_text(t.head.cors_method, "PUT");
    assert_text(t.head.cors_headers, "x-a, x-b");
    assert_true(t.head.cors_private_network);
    assert_true(t.head.expect_continue);
    assert_false(t.head.chunked);
    assert_false(t.head.connection_lists);
    assert_int_equal(t.head.content_length, 42);
    assert_true(head_has_body(&t.head));
    assert_int_equal(t.head.fields[0].id, FIELD_HOST);
    assert_text(t.head.fields[1].value, "https://a.example");
    assert_int_equal(t.head.fields[9].id, FIELD_OTHER);
}

static void finds_nothing_that_a_head_does_not_say(void **state) {
    (void)state;
    struct head_text t;
    head_text_read(&t, TEXT("GET /? HTTP/1.0"));
    /* of an earlier request */
    t.head.chunked = t.head.expect_continue = t.head.cors_private_network = true;
    t.head.connection_lists = true;
    t.head.origin = t.head.host = t.head.request_id = TEXT("stale");
    assert_int_equal(head_check(&t.head), REASON_NONE);
    assert_text(t.head.path, "/");
    assert_non_null(t.head.query.at);
    assert_int_equal(t.head.query.len, 0);
    assert_text(t.head.host, NULL);
    assert_text(t.head.origin, NULL);
    assert_text(t.head.request_id, NULL);
    assert_true(t.head.content_length == HEAD_NO_LENGTH);
    assert_false(t.head.chunked || t.head.expect_continue || t.head.cors_private_network);
    assert_false(t.head.connection_lists);
    assert_false(head_has_body(&t.head));

    head_text_read(&t, TEXT("GET / HTTP/1.0\nExpect: 100-continue\nOrigin:"));
    assert_int_equal(head_check(&t.head), REASON_NONE);
    assert_text(t.head.query, NULL);
    assert_false(t.head.expect_continue); /* RFC 9110 section 10.1.1 */
    assert_text(t.head.origin, "");       /* there, and empty */
}

static void tells_what_it_can_of_a_refused_head(void **state) {
    (void)state;
    struct head_text t;
    head_text_read(&t, POST("x-ms-client-request-id: id-1\nContent-Length: 18446744073709551616\n"
                            "a b: c\nx-ms-client-request-id: id\r-2\nHost: other"));
    assert_int_equal(head_check(&t.head), REASON_malformed_header); /* the first */
    assert_text(t.head.request_id, "id-1");
    assert_text(t.head.path, "/score");
    assert_text(t.head.host, NULL);      /* neither of two */
    assert_true(head_has_body(&t.head)); /* so that the front does not wait for all of it */

    head_text_read(&t, TEXT("GET http://x/ HTTP/1.1\nHost: a\nx-ms-client-request-id: \x01"));
    assert_int_equal(head_check(&t.head), REASON_malformed_target);
    assert_text(t.head.path, NULL);
    assert_text(t.head.request_id, NULL);
}

static void reads_lengths_up_to_the_last(void **state) {
    (void)state;
    struct head_text t;
    head_text_read(&t, POST("Content-Length: 18446744073709551614"));
    assert_int_equal(head_check(&t.head), REASON_NONE);
    assert_true(t.head.content_length == UINT64_MAX - 1);
    head_text_read(&t, POST("Content-Length: 0"));
    assert_int_equal(head_check(&t.head), REASON_NONE);
    assert_true(t.head.content_length == 0 && !head_has_body(&t.head));
    head_text_read(&t, POST("Content-Length: 0000000000000000000000000000007"));
    assert_int_equal(head_check(&t.head), REASON_NONE);
    assert_true(t.head.content_length == 7);
}

static void knows_what_connection_names(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool lists, names_x;
    } rows[] = {
        {"close", false, false},
        {"keep-alive", false, false},
        {"Keep-Alive, CLOSE", false, false},
        {"", false, false},
        {" , ,", false, false},
        {"X", true, true},
        {"close, x-a", true, false},
        {"close ,\tx ,", true, true},
        {"xx", true, false},
        {"upgrade", true, false},
        {"x y", true, false},
        {"x;q", true, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[128];
        snprintf(text, sizeof text,
                 "GET / HTTP/1.1\nHost: a\nx: 1\nConnection: close\nConnection: %s", rows[i].value);
        struct head_text t;
        head_text_read(&t, text_of(text));
        assert_int_equal(head_check(&t.head), REASON_NONE);
        assert_int_equal(t.head.connection_lists, rows[i].lists);
        bool names = connection_names(t.lines, t.head.field_count, TEXT("x"));
        if (names != rows[i].names_x)
            fail_msg("Connection: %s", rows[i].value);
        assert_true(connection_names(t.lines, t.head.field_count, TEXT("Close")));
    }
    assert_false(connection_names(NULL, 0, TEXT("x")));
}

static void names_methods(void **state) {
    (void)state;
    static const enum method all[] = {METHOD_GET,   METHOD_HEAD,   METHOD_POST,   METHOD_PUT,
                                      METHOD_PATCH, METHOD_DELETE, METHOD_OPTIONS};
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        assert_int_equal(method_lookup(text_of(method_name(all[i]))), all[i]);
    assert_string_equal(method_name(METHOD_OTHER), "");

    struct buf b;
    buf_init(&b, 256);
    method_list(&b, 0);
    assert_int_equal(b.len, 0);
    method_list(&b, METHOD_POST);
    buf_add_char(&b, ';');
    method_list(&b, METHOD_POST | METHOD_GET | METHOD_OPTIONS);
    assert_string_equal(b.at, "POST;GET, POST, OPTIONS");
    buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_ambiguous_framing),
        cmocka_unit_test(refuses_codings_but_chunked),
        cmocka_unit_test(refuses_malformed_names),
        cmocka_unit_test(refuses_controls_in_values),
        cmocka_unit_test(takes_some_fields_only_once),
        cmocka_unit_test(wants_one_host),
        cmocka_unit_test(wants_a_path_as_target),
        cmocka_unit_test(wants_a_method_that_is_a_token),
        cmocka_unit_test(wants_a_version_that_it_knows),
        cmocka_unit_test(finds_what_a_head_says),
        cmocka_unit_test(finds_nothing_that_a_head_does_not_say),
        cmocka_unit_test(tells_what_it_can_of_a_refused_head),
        cmocka_unit_test(reads_lengths_up_to_the_last),
        cmocka_unit_test(knows_what_connection_names),
        cmocka_unit_test(names_methods),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
