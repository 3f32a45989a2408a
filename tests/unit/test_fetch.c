/* SPDX-License-Identifier: MIT */
/* Fetching: what is sent, what is an answer, connections, giving up. */
#include "fetch_calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

/* --- requests --------------------------------------------------------------------------------- */

static void get_says_what_it_was_told_and_little_more(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    prepare(&c, METHOD_GET, "/a/../b%2Fc?q=1&r=%20");
    azure_add_field(&c.request, "Metadata", TEXT("true"));
    azure_add_field(&c.request, "Authorization", TEXT("Bearer abc"));
    complete(&c);
    expect_answer(&c, 200, "ok");
    char expected[256];
    server_stop(&server);
    (void)snprintf(expected, sizeof expected,
                   "GET /a/../b%%2Fc?q=1&r=%%20 HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n"
                   "User-Agent: scoregate\r\nAccept: */*\r\nMetadata: true\r\n"
                   "Authorization: Bearer abc\r\n\r\n",
                   server.port);
    assert_string_equal(server.requests.at, expected);
}

static void post_without_a_body_says_so(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    prepare(&c, METHOD_POST, "/listKeys");
    complete(&c);
    expect_answer(&c, 200, "ok");
    expect_sent("POST /listKeys HTTP/1.1\r\n");
    expect_sent("\r\nContent-Length: 0\r\n");
    expect_not_sent("Content-Type");
    expect_not_sent("Expect");
}

static void post_sends_its_body(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c;
    prepare(&c, METHOD_POST, "/token");
    c.request.content_type = "application/x-www-form-urlencoded";
    buf_add_string(&c.request.body, "a=b&c=d");
    complete(&c);
    expect_answer(&c, 200, "ok");
    expect_sent("\r\nContent-Length: 7\r\n");
    expect_sent("\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    expect_sent("\r\n\r\na=b&c=d");
}

/* --- answers ---------------------------------------------------------------------------------- */

static void fields_of_the_answer_are_collected(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 202 Accepted\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
           "location: https://a/1\r\nAzure-AsyncOperation: https://a/2\r\nRetry-After: 17\r\n"
           "WWW-Authenticate: Basic realm=/x\r\nContent-Length: 0\r\n\r\n",
           THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 202, "");
    assert_string_equal(c.location, "https://a/1");
    assert_string_equal(c.operation, "https://a/2");
    assert_string_equal(c.challenge, "Basic realm=/x");
    assert_int_equal(c.answer.retry_after_s, 17);
    assert_int_equal(c.answer.date_s, 784111777);
}

static void redirect_is_an_answer(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n", THEN_KEEP},
          {OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 302, "");
    assert_string_equal(c.location, "/other");
    server_stop(&server);
    assert_int_equal(server.request_count, 1);
}

static void error_is_an_answer(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}", THEN_KEEP},
          {"HTTP/1.1 503 Busy\r\nContent-Length: 3\r\n\r\nno!", THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 401, "{}");
    get(&c, "/");
    expect_answer(&c, 503, "no!");
    assert_int_equal(c.answer.retry_after_s, -1);
    assert_int_equal(c.answer.date_s, 0);
}

static void interim_answers_are_passed_over(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 100 Continue\r\nLocation: /hint\r\n\r\n"
           "HTTP/1.1 103 Early Hints\r\nRetry-After: 5\r\n\r\n" OK_ANSWER,
           THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "ok");
    assert_string_equal(c.location, "");
    assert_int_equal(c.answer.retry_after_s, -1);
}

static void chunked_answer_comes_whole(void **state) {
    (void)state;
    SERVE({"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
           "2\r\nab\r\n1\r\nc\r\n0\r\nRetry-After: 9\r\n\r\n",
           THEN_KEEP});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "abc");
    assert_int_equal(c.answer.retry_after_s, -1); /* a trailer is no field of the head */
}

/* --- answers that are none -------------------------------------------------------------------- */

static void cut_off_answer_is_none(void **state) {
    (void)state;
    static const struct {
        const char *answer, *part;
    } rows[] = {
        {"HTTP/1.1 200 OK\r\nContent-Le", "cut off"},
        {"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n", "cut off"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "cut off"},
        {"HTTP/1.1 100 Continue\r\n\r\n", ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcd", ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", ""},
        {"", "Empty reply"},
        {"SSH-2.0-OpenSSH\r\n", ""},
    };
    for (int tls = 0; tls <= 1; tls++)
        for (size_t i = 0; i < ARRAY_LEN(rows); i++)
            for (enum then then = THEN_CLOSE; then <= THEN_CUT; then++) {
                struct call c;
                const struct scripted script = {rows[i].answer, then};
                server = (struct scripted_server){0};
                if (tls)
                    use_tls(&known);
                serve(&script, 1);
                get(&c, "/");
                expect_error(&c, AZURE_UNAVAILABLE, tls && then == THEN_CUT ? "" : rows[i].part);
                server_done(&server);
            }
}

static void end_of_the_connection_is_the_end_of_an_unframed_answer(void **state) {
    (void)state;
    SERVE({UNFRAMED_ANSWER, THEN_CLOSE});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "ok");
}

static void end_under_tls_must_be_told(void **state) {
    (void)state;
    use_tls(&known);
    SERVE({UNFRAMED_ANSWER, THEN_CLOSE}, {UNFRAMED_ANSWER, THEN_CUT});
    struct call c;
    get(&c, "/");
    expect_answer(&c, 200, "ok");
    get(&c, "/");
    expect_error(&c, AZURE_UNAVAILABLE, "");
}

static void answer_has_a_ceiling(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP}, {OK_ANSWER, THEN_KEEP}, {UNFRAMED_ANSWER, THEN_CLOSE});
    struct call c;
    prepare(&c, METHOD_GET, "/");
    c.max_body = 2;
    complete(&c);
    expect_answer(&c, 200, "ok");
    for (int i = 0; i < 2; i++) {
        prepare(&c, METHOD_GET, "/");
        c.max_body = 1;
        complete(&c);
        expect_error(&c, AZURE_MALFORMED, "answer is too large");
    }
}

static void head_has_a_ceiling(void **state) {
    (void)state;
    struct buf many, one;
    buf_init(&many, 100000);
    buf_add_string(&many, "HTTP/1.1 200 OK\r\n");
    while (many.len < 80000)
        buf_add_string(&many, "X-Field: something that nobody needs\r\n");
    buf_add_string(&many, "Content-Length: 0\r\n\r\n");
    buf_init(&one, 300000);
    buf_addf(&one, "HTTP/1.1 200 OK\r\nX-Field: %0200000d\r\nContent-Length: 0\r\n\r\n", 0);
    assert_true(buf_ok(&many) && buf_ok(&one));
    const struct scripted script[] = {{many.at, THEN_CLOSE}, {one.at, THEN_CLOSE}};
    serve(script, 2);
    struct call c;
    get(&c, "/");
    expect_error(&c, AZURE_MALFORMED, "head of the answer is too large");
    get(&c, "/");
    expect_error(&c, AZURE_UNAVAILABLE, "too large");
    server_stop(&server);
    buf_done(&many);
    buf_done(&one);
}

static void silence_ends_in_time(void **state) {
    (void)state;
    SERVE({"", THEN_KEEP}, {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", THEN_KEEP});
    for (int i = 0; i < 2; i++) {
        struct call c;
        prepare(&c, METHOD_GET, "/");
        c.timeout = 150 * USEC_PER_MS;
        usec_t begun = clock_monotonic();
        complete(&c);
        usec_t took = clock_monotonic() - begun;
        expect_error(&c, AZURE_UNAVAILABLE, "timed out");
        assert_in_range(took, 140 * USEC_PER_MS, PATIENCE / 2);
    }
}

static void nobody_there(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP});
    server_stop(&server);
    struct call c;
    get(&c, "/");
    expect_error(&c, AZURE_UNAVAILABLE, "connect");
    assert_non_null(strstr(c.error.message, "127.0.0.1:")); /* says who it was */
}

static void only_urls_that_may_be_called(void **state) {
    (void)state;
    static const char *const urls[] = {
        "http://localhost/",  "ftp://localhost/",         "file:///etc/passwd", "//localhost/",
        "https://a:b@local/", "https://localhost:99999/", "https:// a/",        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct call c;
        prepare(&c, METHOD_GET, "/");
        c.request.reach = AZURE_REACH_CLOUD;
        set_url(&c, urls[i]);
        complete(&c);
        expect_error(&c, AZURE_MALFORMED, "");
    }
}

/* --- connections ------------------------------------------------------------------------------ */

static void connection_is_kept_for_the_next_get(void **state) {
    (void)state;
    use_tls(&known);
    SERVE({OK_ANSWER, THEN_KEEP}, {OK_ANSWER, THEN_KEEP}, {OK_ANSWER, THEN_KEEP});
    struct call c;
    for (int i = 0; i < 3; i++) {
        get(&c, "/");
        expect_answer(&c, 200, "ok");
    }
    server_stop(&server);
    assert_int_equal(server.connection_count, 1);
}

static void get_survives_a_kept_connection_that_died(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP}, {"", THEN_CUT}, {OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    get(&c, "/");
    expect_answer(&c, 200, "ok");
    server_stop(&server);
    assert_int_equal(server.request_count, 3);
}

/* A connection is there that could be used; the POST that dies on it would be sent again. */
static void post_is_sent_once(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP}, {"", THEN_CUT}, {OK_ANSWER, THEN_KEEP});
    struct call c;
    get(&c, "/");
    prepare(&c, METHOD_POST, "/regenerateKeys");
    complete(&c);
    expect_error(&c, AZURE_UNAVAILABLE, "");
    server_stop(&server);
    assert_int_equal(server.request_count, 2);
    assert_int_equal(server.connection_count, 2);
}

static void many_at_once(void **state) {
    (void)state;
    enum { MANY = 40 };
    static struct scripted script[MANY];
    static struct call calls[MANY];
    for (size_t i = 0; i < MANY; i++)
        script[i] = (struct scripted){OK_ANSWER, i % 3 ? THEN_KEEP : THEN_CLOSE};
    serve(script, MANY);
    for (size_t i = 0; i < MANY; i++) {
        prepare(&calls[i], i % 2 ? METHOD_GET : METHOD_POST, "/");
        begin(&calls[i]);
    }
    for (size_t i = 0; i < MANY; i++) {
        await(&calls[i]);
        expect_answer(&calls[i], 200, "ok");
    }
    server_stop(&server);
    assert_int_equal(server.request_count, MANY);
}

/* --- giving up -------------------------------------------------------------------------------- */

static void cancelled_before_it_began(void **state) {
    (void)state;
    SERVE({OK_ANSWER, THEN_KEEP});
    struct call c, broken, other;
    prepare(&c, METHOD_GET, "/");
    begin(&c);
    prepare(&broken, METHOD_GET, "/");
    set_url(&broken, "");
    begin(&broken);
    fetch_cancel(&c.fetch);
    fetch_cancel(&broken.fetch);
    assert_null(c.fetch);
    fetch_cancel(&c.fetch);
    get(&other, "/");
    expect_answer(&other, 200, "ok");
    assert_int_equal(c.done + broken.done, 0);
}

static void cancelled_while_another_is_done(void **state) {
    (void)state;
    SERVE({"", THEN_KEEP}, {OK_ANSWER, THEN_KEEP});
    struct call waits, c;
    prepare(&waits, METHOD_GET, "/");
    begin(&waits);
    while (server.request_count == 0)
        assert_true(loop_turn(&loop, clock_monotonic() + USEC_PER_MS));
    prepare(&c, METHOD_GET, "/");
    c.cancels = &waits;
    complete(&c);
    expect_answer(&c, 200, "ok");
    assert_null(waits.fetch);
    assert_int_equal(waits.done, 0);
}

/* Both fail in one turn; the first that is told of it gives up the other. */
static void cancelled_from_inside_a_callback(void **state) {
    (void)state;
    struct call first, second;
    prepare(&first, METHOD_GET, "/");
    set_url(&first, "");
    prepare(&second, METHOD_GET, "/");
    set_url(&second, "");
    begin(&first);
    begin(&second);
    first.cancels = &second;
    second.cancels = &first;
    await(&first);
    assert_true(loop_turn(&loop, 0));
    assert_int_equal(second.done, 0);
    assert_null(second.fetch);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        T(get_says_what_it_was_told_and_little_more),
        T(post_without_a_body_says_so),
        T(post_sends_its_body),
        T(fields_of_the_answer_are_collected),
        T(redirect_is_an_answer),
        T(error_is_an_answer),
        T(interim_answers_are_passed_over),
        T(chunked_answer_comes_whole),
        T(cut_off_answer_is_none),
        T(end_of_the_connection_is_the_end_of_an_unframed_answer),
        T(end_under_tls_must_be_told),
        T(answer_has_a_ceiling),
        T(head_has_a_ceiling),
        T(silence_ends_in_time),
        T(nobody_there),
        T(only_urls_that_may_be_called),
        T(connection_is_kept_for_the_next_get),
        T(get_survives_a_kept_connection_that_died),
        T(post_is_sent_once),
        T(many_at_once),
        T(cancelled_before_it_began),
        T(cancelled_while_another_is_done),
        T(cancelled_from_inside_a_callback),
    };
    return cmocka_run_group_tests(tests, before_all, after_all);
}
