/* SPDX-License-Identifier: MIT */
/* The reasons and the problem document. */
#include "policy/reason.h"

#include "base/json.h"
#include "base/macros.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first. */
#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>

/* RFC 9209 section 2.3. */
static const char *const registered[] = {
    "dns_timeout",
    "dns_error",
    "destination_not_found",
    "destination_unavailable",
    "destination_ip_prohibited",
    "destination_ip_unroutable",
    "connection_refused",
    "connection_terminated",
    "connection_timeout",
    "connection_read_timeout",
    "connection_write_timeout",
    "connection_limit_reached",
    "tls_protocol_error",
    "tls_certificate_error",
    "tls_alert_received",
    "http_request_error",
    "http_request_denied",
    "http_response_incomplete",
    "http_response_header_section_size",
    "http_response_header_size",
    "http_response_body_size",
    "http_response_trailer_section_size",
    "http_response_trailer_size",
    "http_response_transfer_coding",
    "http_response_content_coding",
    "http_response_timeout",
    "http_upgrade_failed",
    "http_protocol_error",
    "proxy_internal_response",
    "proxy_internal_error",
    "proxy_configuration_error",
    "proxy_loop_detected",
};

static void has_whole_rows(void **state) {
    (void)state;
    for (int r = REASON_NONE + 1; r < REASON_COUNT; r++) {
        const char *word = reason_word((enum reason)r);
        unsigned status = reason_status((enum reason)r);
        const char *error = reason_proxy_error((enum reason)r);
        assert_true(strlen(word) > 0);
        for (const char *c = word; *c; c++)
            assert_true(islower((unsigned char)*c) || *c == '_');
        bool known = *error == '\0' && status == 0;
        for (size_t i = 0; i < ARRAY_LEN(registered); i++)
            known = known || strcmp(error, registered[i]) == 0;
        if (!known)
            fail_msg("%s: \"%s\" is no registered error type", word, error);
        if (status == 0)
            continue;
        assert_true(status >= 400 && status <= 599);
        assert_string_not_equal(status_phrase(status), "Unknown");
        size_t n = strlen(reason_detail((enum reason)r));
        assert_true(n > 0 && reason_detail((enum reason)r)[n - 1] == '.');
    }
}

static void is_harmless_outside_of_the_table(void **state) {
    (void)state;
    assert_string_equal(reason_word(REASON_NONE), "");
    assert_int_equal(reason_status(REASON_NONE), 0);
    assert_string_equal(reason_word(REASON_COUNT), "");
    assert_int_equal(reason_status(REASON_COUNT), 0);
    assert_string_equal(reason_proxy_error(REASON_COUNT), "");
    assert_string_equal(reason_detail(REASON_COUNT), "");
}

static void has_the_statuses_that_the_manual_names(void **state) {
    (void)state;
    static const struct {
        enum reason r;
        unsigned status;
        const char *word, *error;
    } rows[] = {
        {REASON_ambiguous_framing, 400, "ambiguous_framing", "http_request_error"},
        {REASON_origin_not_allowed, 403, "origin_not_allowed", "http_request_denied"},
        {REASON_host_not_ours, 421, "host_not_ours", "http_request_denied"},
        {REASON_transfer_coding, 501, "transfer_coding", "http_request_error"},
        {REASON_connection_refused, 502, "connection_refused", "connection_refused"},
        {REASON_no_credential, 503, "no_credential", "proxy_internal_response"},
        {REASON_response_timeout, 504, "response_timeout", "http_response_timeout"},
        {REASON_answered, 0, "answered", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(reason_status(rows[i].r), rows[i].status);
        assert_string_equal(reason_word(rows[i].r), rows[i].word);
        assert_string_equal(reason_proxy_error(rows[i].r), rows[i].error);
    }
}

static void knows_phrases(void **state) {
    (void)state;
    assert_string_equal(status_phrase(200), "OK");
    assert_string_equal(status_phrase(204), "No Content");
    assert_string_equal(status_phrase(413), "Content Too Large");
    assert_string_equal(status_phrase(421), "Misdirected Request");
    assert_string_equal(status_phrase(424), "Failed Dependency");
    assert_string_equal(status_phrase(429), "Too Many Requests");
    assert_string_equal(status_phrase(599), "Unknown");
    assert_string_equal(status_phrase(0), "Unknown");
}

static void expect_problem(enum reason r, struct text detail, struct text id, const char *whole) {
    struct buf b;
    buf_init(&b, 4096);
    problem_write(&b, r, detail, id);
    assert_true(buf_ok(&b));
    assert_string_equal(b.at, whole);
    struct json *document = json_parse(buf_text(&b), 2);
    assert_non_null(document);
    json_free(&document);
    buf_done(&b);
}

static void writes_the_problem_document(void **state) {
    (void)state;
    expect_problem(REASON_no_route, TEXT(""), TEXT("id-1"),
                   "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                   "\"detail\":\"No route has this path.\",\"reason\":\"no_route\","
                   "\"request_id\":\"id-1\"}\n");
    expect_problem(REASON_host_not_ours, TEXT("Ask for \"x\"."), TEXT("a\\b"),
                   "{\"type\":\"about:blank\",\"title\":\"Misdirected Request\",\"status\":421,"
                   "\"detail\":\"Ask for \\\"x\\\".\",\"reason\":\"host_not_ours\","
                   "\"request_id\":\"a\\\\b\"}\n");
}

static void a_full_buffer_says_so(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 40);
    problem_write(&b, REASON_no_route, TEXT(""), TEXT("id"));
    assert_false(buf_ok(&b));
    buf_done(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(has_whole_rows),
        cmocka_unit_test(is_harmless_outside_of_the_table),
        cmocka_unit_test(has_the_statuses_that_the_manual_names),
        cmocka_unit_test(knows_phrases),
        cmocka_unit_test(writes_the_problem_document),
        cmocka_unit_test(a_full_buffer_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
