/* SPDX-License-Identifier: MIT */
/* What is kept of a head: each form of the fields that say when to come back, and what is not one.
 */
#include "upstream/fetch_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static void read_lines(struct fetch_head *h, const char *lines) {
    for (const char *end; *lines; lines = end) {
        end = strchr(lines, '\n') + 1;
        assert_true(fetch_head_line(h, text_from(lines, end)));
    }
}

static struct azure_answer answer_of(struct fetch_head *h, const char *fields, int64_t wall_s) {
    struct azure_answer a = {0};
    fetch_head_init(h);
    read_lines(h, "HTTP/1.1 429 Too Many Requests\r\n");
    read_lines(h, fields);
    assert_false(h->whole);
    read_lines(h, "\r\n");
    assert_true(h->whole);
    fetch_head_give(h, wall_s, &a);
    assert_int_equal(a.status, 429);
    return a;
}

static void when_to_come_back(void **state) {
    (void)state;
    static const struct {
        const char *fields;
        int64_t wall_s, retry_after_s;
    } rows[] = {
        {"", NOW, -1},
        {"Retry-After: 0\r\n", NOW, 0},
        {"retry-after:60\r\n", NOW, 60},
        {"Retry-After: \t 60 \r\n", NOW, 60},
        {"Retry-After: -1\r\n", NOW, -1},
        {"Retry-After: 1.5\r\n", NOW, -1},
        {"Retry-After: soon\r\n", NOW, -1},
        {"Retry-After:\r\n", NOW, -1},
        {"Retry-After: 18446744073709551615\r\n", NOW, (int64_t)366 * 24 * 3600},
        {"Retry-After: 18446744073709551616\r\n", NOW, -1},
        {"retry-after-ms: 1\r\n", NOW, 1},
        {"retry-after-ms: 2000\r\n", NOW, 2},
        {"x-ms-retry-after-ms: 2001\r\n", NOW, 3},
        {"x-ms-retry-after-ms: 18446744073709551615\r\n", NOW, (int64_t)366 * 24 * 3600},
        /* The longest of all. */
        {"retry-after-ms: 1500\r\nRetry-After: 1\r\n", NOW, 2},
        {"Retry-After: 9\r\nretry-after-ms: 1500\r\n", NOW, 9},
        {"Retry-After: 9\r\nRetry-After: 7\r\n", NOW, 9},
        /* A date is read against the server's clock, wherever its Date stands; else against ours.
         */
        {"Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
         NOW + 5000, 30},
        {"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n", 0,
         30},
        {"Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n", NOW, 30},
        {"Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n", NOW + 31, 0},
        {"Retry-After: Sun, 06 Nov 2094 08:50:07 GMT\r\n", NOW, (int64_t)366 * 24 * 3600},
        {"Retry-After: 40\r\nRetry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n", NOW, 40},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fetch_head h;
        struct azure_answer a = answer_of(&h, rows[i].fields, rows[i].wall_s);
        if (a.retry_after_s != rows[i].retry_after_s)
            fail_msg("%lld of %s", (long long)a.retry_after_s, rows[i].fields);
        fetch_head_done(&h);
    }
}

static void date_of_the_server(void **state) {
    (void)state;
    static const struct {
        const char *fields;
        int64_t date_s;
    } rows[] = {
        {"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", NOW},
        {"date:Sun, 06 Nov 1994 08:49:37 GMT \r\n", NOW},
        {"Date: Sun, 06 Nov 1994 25:49:37 GMT\r\n", 0},
        {"Date: yesterday\r\n", 0},
        {"Date: Sun, 06 Nov 1994 08:49:37 GMT, and then a lot more than any date would ever "
         "have\r\n",
         0},
        {"Date:\r\n", 0},
        {"X-Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fetch_head h;
        assert_int_equal(answer_of(&h, rows[i].fields, 1).date_s, rows[i].date_s);
        fetch_head_done(&h);
    }
}

static void expect_text(struct text t, const char *expected) {
    assert_true(text_equal(t, text_of(expected)));
}

static void places_and_challenges(void **state) {
    (void)state;
    struct fetch_head h;
    struct azure_answer a = answer_of(&h,
                                      "Operation-Location: https://a/old\r\n"
                                      "AZURE-ASYNCOPERATION:  https://a/op?x=1 \r\n"
                                      "operation-location: https://a/other\r\n"
                                      "Location: https://a/1\r\nLocation: https://a/2\r\n"
                                      "WWW-Authenticate: Basic realm=x\r\n"
                                      "WWW-Authenticate: Bearer\r\n"
                                      " Location: https://folded/\r\nno colon\r\n",
                                      1);
    expect_text(a.operation, "https://a/op?x=1");
    expect_text(a.location, "https://a/1");
    expect_text(a.challenge, "Basic realm=x, Bearer");
    fetch_head_done(&h);
    a = answer_of(&h, "Operation-Location: https://a/1\r\n", 1);
    expect_text(a.operation, "https://a/1");
    expect_text(a.location, "");
    expect_text(a.challenge, "");
    fetch_head_done(&h);
}

static void head_after_an_interim_one_begins_anew(void **state) {
    (void)state;
    struct fetch_head h;
    struct azure_answer a = {0};
    fetch_head_init(&h);
    read_lines(&h, "HTTP/1.1 103 Early Hints\r\nLocation: /hint\r\nContent-Length: 3\r\n\r\n");
    assert_false(h.whole);
    read_lines(&h, "HTTP/1.1 200\r\n");
    assert_false(h.framed);
    read_lines(&h, "\r\n");
    assert_true(h.whole);
    read_lines(&h, "Location: /trailer\r\nRetry-After: 4\r\n\r\n");
    fetch_head_give(&h, 1, &a);
    assert_int_equal(a.status, 200);
    expect_text(a.location, "");
    assert_int_equal(a.retry_after_s, -1);
    fetch_head_done(&h);
}

static void where_the_answer_ends(void **state) {
    (void)state;
    static const struct {
        const char *head;
        bool framed;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\n\r\n", false},
        {"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775808\r\n\r\n", false},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", false},
        {"HTTP/1.1 204 No Content\r\n\r\n", true},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fetch_head h;
        fetch_head_init(&h);
        read_lines(&h, rows[i].head);
        assert_int_equal(h.framed, rows[i].framed);
        fetch_head_done(&h);
    }
}

static void ceiling(void **state) {
    (void)state;
    static const char line[] = "WWW-Authenticate: 0123456789012345678901234567890123456789\r\n";
    struct fetch_head h;
    fetch_head_init(&h);
    read_lines(&h, "HTTP/1.1 401 Unauthorized\r\n");
    size_t lines = 0;
    while (fetch_head_line(&h, text_of(line)))
        lines++;
    assert_true(h.too_large);
    assert_int_equal(lines, (FETCH_HEAD_MAX - 27) / (sizeof line - 1));
    /* Interim heads count, or they could go on for ever. */
    assert_false(fetch_head_line(&h, TEXT("HTTP/1.1 100 Continue\r\n")));
    fetch_head_done(&h);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_to_come_back),
        cmocka_unit_test(date_of_the_server),
        cmocka_unit_test(places_and_challenges),
        cmocka_unit_test(head_after_an_interim_one_begins_anew),
        cmocka_unit_test(where_the_answer_ends),
        cmocka_unit_test(ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
