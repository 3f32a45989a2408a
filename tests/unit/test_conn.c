/* SPDX-License-Identifier: MIT */
/* What a connection says of its end, with libcurl played by the test. */
#include "upstream/conn_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static CURLcode send_says, recv_says;

CURLcode curl_easy_send(CURL *curl, const void *buffer, size_t buflen, size_t *n) {
    (void)curl, (void)buffer;
    *n = send_says == CURLE_OK ? buflen : 0;
    return send_says;
}

CURLcode curl_easy_recv(CURL *curl, void *buffer, size_t buflen, size_t *n) {
    (void)curl, (void)buffer, (void)buflen;
    *n = 0;
    return recv_says;
}

static void end_without_tls(void **state) {
    (void)state;
    struct conn c = {.may_read = true, .may_write = true};
    char byte;
    recv_says = CURLE_AGAIN;
    assert_int_equal(conn_recv(&c, &byte, 1), CONN_AGAIN);
    assert_false(conn_may_read(&c));
    assert_false(conn_is_dead(&c));
    recv_says = CURLE_OK;
    assert_int_equal(conn_recv(&c, &byte, 1), CONN_END);
    assert_true(conn_is_dead(&c));
}

/* A pair of sockets, of which C has one. */
static int connect_to(struct conn *c) {
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    *c = (struct conn){.watch.fd = pair[0], .may_read = true};
    return pair[1];
}

static void fit_for_one_more_request(void **state) {
    (void)state;
    struct conn c;
    int peer = connect_to(&c);
    assert_true(conn_is_fit(&c)); /* nothing came */
    assert_int_equal(write(peer, "t", 1), 1);
    recv_says = CURLE_AGAIN; /* a ticket: TLS had use for it */
    assert_true(conn_is_fit(&c));
    recv_says = CURLE_OK; /* the end in good order, behind it */
    assert_false(conn_is_fit(&c));
    assert_false(conn_is_fit(&c));
    close(peer);
    close(c.watch.fd);
    peer = connect_to(&c);
    close(peer);
    assert_false(conn_is_fit(&c));
    close(c.watch.fd);
}

static void reset_without_tls(void **state) {
    (void)state;
    struct conn c = {.may_read = true, .may_write = true};
    char byte;
    recv_says = CURLE_RECV_ERROR;
    assert_int_equal(conn_recv(&c, &byte, 1), CONN_FAILED);
    assert_true(conn_is_dead(&c));
}

/* The kernel tells of a reset once: who sends first hears of it, and who receives then sees an end
 * like any other. */
static void reset_that_sending_heard_of_is_no_end(void **state) {
    (void)state;
    struct conn c = {.may_read = true, .may_write = true};
    char byte = 'x';
    send_says = CURLE_AGAIN;
    assert_int_equal(conn_send(&c, &byte, 1), CONN_AGAIN);
    assert_false(conn_may_write(&c));
    send_says = CURLE_SEND_ERROR;
    assert_int_equal(conn_send(&c, &byte, 1), CONN_FAILED);
    recv_says = CURLE_OK;
    assert_int_equal(conn_recv(&c, &byte, 1), CONN_FAILED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(end_without_tls),
        cmocka_unit_test(fit_for_one_more_request),
        cmocka_unit_test(reset_without_tls),
        cmocka_unit_test(reset_that_sending_heard_of_is_no_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
