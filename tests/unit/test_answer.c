/* SPDX-License-Identifier: MIT */
/* The reader of answers: what it takes, whole and byte by byte, and what it refuses. */
#include "upstream/answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct result {
    struct answer answer;
    char bytes[64 * 1024];
    char body[64 * 1024];
    size_t body_len, left;
};

static struct result r;

/* Feeds WIRE in pieces of STEP bytes, as exchange does: the head where it lies, body squeezed. */
static void feed(const char *wire, size_t n, size_t step, bool head_request) {
    char *out = r.body;
    size_t at = 0;
    memset(&r, 0, sizeof r);
    memcpy(r.bytes, wire, n);
    answer_begin(&r.answer, head_request);
    while (at < n && (r.answer.state == ANSWER_HEAD || r.answer.state == ANSWER_BODY)) {
        size_t piece = step < n - at ? step : n - at;
        size_t end = at + piece;
        while (at < end && (r.answer.state == ANSWER_HEAD || r.answer.state == ANSWER_BODY)) {
            char *to = r.bytes + at;
            size_t taken = answer_feed(&r.answer, r.bytes + at, end - at, &to);
            size_t got = (size_t)(to - (r.bytes + at));
            memcpy(out, r.bytes + at, got);
            out += got;
            at += taken;
        }
    }
    r.body_len = (size_t)(out - r.body);
    r.left = n - at;
}

#define FEED(wire, step) feed(wire, sizeof(wire) - 1, step, false)

static void takes(void **state) {
    (void)state;
    static const struct {
        const char *wire, *body;
        unsigned status;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
         "chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n",
         "abcde", 200},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nT: v\r\n\r\n", "a",
         200},
        {"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", 200},
        {"HTTP/1.1 204 No Content\r\n\r\n", "", 204},
        {"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", "", 304},
        {"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "", 200},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", "x", 200},
        {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 Not Found\r\n"
         "Content-Length: 1\r\n\r\nx",
         "x", 404},
        {"HTTP/1.1 599 Odd\r\nContent-Length: 0\r\n\r\n", "", 599},
        {"HTTP/1.1 424 Failed Dependency\r\nX:\r\nContent-Length: 2\r\n\r\nno", "no", 424},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t step = 1; step <= 64; step = step == 1 ? 7 : step == 7 ? 64 : 65) {
            feed(rows[i].wire, strlen(rows[i].wire), step, false);
            if (r.answer.state != ANSWER_DONE)
                print_error("row %zu step %zu\n", i, step);
            assert_int_equal(r.answer.state, ANSWER_DONE);
            assert_int_equal(r.answer.status, rows[i].status);
            assert_int_equal(r.body_len, strlen(rows[i].body));
            assert_memory_equal(r.body, rows[i].body, r.body_len);
            assert_int_equal(r.left, 0);
        }
}

static void refuses(void **state) {
    (void)state;
    static const struct {
        const char *wire;
        size_t len;
    } rows[] = {
#define ROW(wire) {wire, sizeof(wire) - 1}
        ROW("HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\nhello"),
        ROW("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"),
        ROW("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello"),
        ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
        ROW("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhello"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
            "chunked\r\n\r\n0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nabc"),
        ROW("HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\r\nA : b\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\r\nAb\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\r\nA: b\0c\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\r\nA: b\rInjected: c\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
        ROW("HTTP/1.1 200 OK\r\nA: b\nContent-Length: 0\r\n\r\n"),
        ROW("\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 1000 OK\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 999 OK\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n"),
        ROW("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"),
        ROW("hello\r\n\r\n"),
        ROW("<html></html>\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t step = 1; step <= 4096; step *= 4096) {
            feed(rows[i].wire, rows[i].len, step, false);
            if (r.answer.state != ANSWER_BAD)
                print_error("row %zu step %zu\n", i, step);
            assert_int_equal(r.answer.state, ANSWER_BAD);
            assert_int_equal(r.answer.why, REASON_malformed_answer);
        }
}

static void interim_flood_is_refused(void **state) {
    (void)state;
    static char wire[200 * 32];
    for (int i = 0; i < 200; i++)
        strcat(wire, "HTTP/1.1 102 Processing\r\n\r\n");
    feed(wire, strlen(wire), 1000, false);
    assert_int_equal(r.answer.state, ANSWER_BAD);
}

static void many_lines_are_refused(void **state) {
    (void)state;
    static char wire[64 * 1024] = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 1000; i++)
        strcat(wire, "X-Field: value\r\n");
    strcat(wire, "\r\n");
    feed(wire, strlen(wire), sizeof wire, false);
    assert_int_equal(r.answer.state, ANSWER_BAD);
    assert_int_equal(r.answer.why, REASON_answer_head_too_large);
}

static void extra_bytes_are_left(void **state) {
    (void)state;
    FEED("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n\r\n", 4096);
    assert_int_equal(r.answer.state, ANSWER_DONE);
    assert_int_equal(r.body_len, 5);
    assert_int_equal(r.left, 19);
    FEED("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello", 4096);
    assert_int_equal(r.answer.state, ANSWER_DONE);
    assert_int_equal(r.left, 5);
}

static void head_request_has_no_body(void **state) {
    (void)state;
    static const char wire[] = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n";
    feed(wire, sizeof wire - 1, 3, true);
    assert_int_equal(r.answer.state, ANSWER_DONE);
    assert_int_equal(r.answer.length, 500);
    assert_true(r.answer.keep_alive);
}

static void keep_alive_follows_the_rules(void **state) {
    (void)state;
    FEED("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 4096);
    assert_true(r.answer.keep_alive);
    FEED("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", 4096);
    assert_false(r.answer.keep_alive);
    FEED("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 4096);
    assert_false(r.answer.keep_alive);
    FEED("HTTP/1.1 205 Reset\r\nContent-Length: 4\r\n\r\n", 4096);
    assert_false(r.answer.keep_alive);
}

static void end_of_the_connection(void **state) {
    (void)state;
    FEED("HTTP/1.1 200 OK\r\n\r\nabc", 4096);
    assert_int_equal(r.answer.state, ANSWER_BODY);
    assert_true(r.answer.until_close);
    assert_false(r.answer.keep_alive);
    assert_true(answer_end(&r.answer));
    FEED("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", 4096);
    assert_false(answer_end(&r.answer));
    FEED("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", 4096);
    assert_false(answer_end(&r.answer));
    FEED("HTTP/1.1 200 OK\r\nContent-Le", 4096);
    assert_false(answer_end(&r.answer));
}

static void lines_are_named(void **state) {
    (void)state;
    FEED("HTTP/1.1 200 OK\r\nCONTENT-length: 0\r\nX-A:  b c \t\r\nEmpty:\r\nLast: z\r\n\r\n", 1);
    assert_int_equal(r.answer.line_count, 4);
    assert_int_equal(r.answer.lines[0].id, FIELD_CONTENT_LENGTH);
    assert_true(text_equal(r.answer.lines[1].value, TEXT("b c")));
    assert_true(text_equal(r.answer.lines[2].name, TEXT("Empty")));
    assert_int_equal(r.answer.lines[2].value.len, 0);
    assert_true(text_equal(r.answer.lines[3].value, TEXT("z")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes),
        cmocka_unit_test(refuses),
        cmocka_unit_test(interim_flood_is_refused),
        cmocka_unit_test(many_lines_are_refused),
        cmocka_unit_test(extra_bytes_are_left),
        cmocka_unit_test(head_request_has_no_body),
        cmocka_unit_test(keep_alive_follows_the_rules),
        cmocka_unit_test(end_of_the_connection),
        cmocka_unit_test(lines_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
