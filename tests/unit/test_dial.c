/* SPDX-License-Identifier: MIT */
/* What a dialer keeps for each trust, and when it lets go of that. */
#include "upstream/dial.h"

#include "config/uri.h"
#include "upstream/conn.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
/* cmocka wants the four above first. */
#include <cmocka.h>

static struct loop loop;
static struct dialer *dialer;
static struct trust *trusts[2];
static struct config_uri uri;
static int listener;
static struct conn *dialled;
static bool told;

/* Somebody takes connections, and says nothing. */
static void listen_here(char *text, size_t size) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    snprintf(text, size, "http://127.0.0.1:%u/", ntohs(address.sin_port));
}

static struct trust *make_trust(unsigned min_version) {
    struct buf why;
    buf_init(&why, 1024);
    struct trust *t = trust_new(&(struct config_tls){.min_version = min_version}, &why);
    assert_non_null(t);
    buf_done(&why);
    return t;
}

static int set_up(void **state) {
    (void)state;
    char text[64];
    listen_here(text, sizeof text);
    trusts[0] = make_trust(12);
    trusts[1] = make_trust(13);
    assert_null(uri_parse(text_of(text), &uri));
    assert_true(loop_init(&loop));
    dialer = dialer_new(&loop);
    assert_non_null(dialer);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    dialer_free(&dialer);
    loop_done(&loop);
    uri_done(&uri);
    trust_unref(&trusts[0]);
    trust_unref(&trusts[1]);
    close(listener);
    return 0;
}

static void on_done(void *context, struct conn *conn, enum reason why) {
    (void)context;
    assert_int_equal(why, REASON_NONE);
    dialled = conn;
    told = true;
}

static struct conn *dial(struct trust *trust) {
    const struct origin origin = {.uri = &uri, .trust = trust, .connect_timeout = USEC_PER_SEC};
    told = false;
    assert_non_null(dialer_dial(dialer, &origin, on_done, NULL));
    while (!told) {
        bool more = dialer_turn(dialer);
        if (!told)
            assert_true(loop_turn(&loop, more ? 0 : dialer_deadline(dialer)));
    }
    return dialled;
}

/* Each trust has descriptors of libcurl's for as long as there is something for it. */
static unsigned descriptors(void) {
    unsigned count = 0;
    DIR *all = opendir("/proc/self/fd");
    assert_non_null(all);
    while (readdir(all))
        count++;
    closedir(all);
    return count;
}

static void trusts_of_the_past_leave_nothing(void **state) {
    (void)state;
    unsigned before = descriptors();
    struct conn *c = dial(trusts[0]);
    conn_close(&c);
    assert_true(descriptors() > before);
    unsigned one = descriptors();
    dialer_keep(dialer, &trusts[1], 1);
    (void)dialer_turn(dialer);
    assert_int_equal(descriptors(), before);
    c = dial(trusts[1]);
    conn_close(&c);
    (void)dialer_turn(dialer);
    assert_int_equal(descriptors(), one); /* it is kept for the next dial */
}

static void the_last_connection_of_a_trust_is_waited_for(void **state) {
    (void)state;
    unsigned before = descriptors();
    struct conn *first = dial(trusts[0]);
    dialer_keep(dialer, NULL, 0);
    (void)dialer_turn(dialer);
    struct conn *second = dial(trusts[0]); /* of a request that began before */
    conn_close(&first);
    (void)dialer_turn(dialer);
    assert_true(conn_is_fit(second));
    conn_close(&second);
    (void)dialer_turn(dialer);
    assert_int_equal(descriptors(), before);
}

static void what_is_wanted_again_is_kept(void **state) {
    (void)state;
    struct conn *c = dial(trusts[0]);
    dialer_keep(dialer, NULL, 0);
    dialer_keep(dialer, trusts, 2);
    conn_close(&c);
    unsigned kept = descriptors();
    (void)dialer_turn(dialer);
    assert_int_equal(descriptors(), kept);
}

static int begin(void **state) {
    (void)state;
    return dial_global_init() ? 0 : -1;
}

static int end(void **state) {
    (void)state;
    dial_global_done();
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(trusts_of_the_past_leave_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_connection_of_a_trust_is_waited_for, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_wanted_again_is_kept, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
