/* SPDX-License-Identifier: MIT */
#include "fetch_calls.h"

#include "cli/demo_certificate.h"
#include "upstream/dial.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct identity known, stranger;

struct loop loop;
struct fetcher *fetcher;
struct scripted_server server;

/* --- surroundings ----------------------------------------------------------------------------- */

static void make_identity(struct identity *who) {
    buf_init(&who->certificate, 8192);
    buf_init(&who->key, 8192);
    assert_true(demo_certificate_make(&who->certificate, &who->key));
    strcpy(who->file, "/tmp/test_fetch.XXXXXX");
    int fd = mkstemp(who->file);
    assert_int_equal(write(fd, who->certificate.at, who->certificate.len),
                     (ssize_t)who->certificate.len);
    close(fd);
}

static void drop_identity(struct identity *who) {
    unlink(who->file);
    buf_done(&who->certificate);
    buf_done(&who->key);
}

int before_all(void **state) {
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN); /* OpenSSL's own writes, where the client has gone */
    make_identity(&known);
    make_identity(&stranger);
    return dial_global_init() ? 0 : -1;
}

int after_all(void **state) {
    (void)state;
    dial_global_done();
    drop_identity(&known);
    drop_identity(&stranger);
    return 0;
}

void use_fetcher(const struct fetcher_options *options) {
    struct buf why;
    buf_init(&why, 1024);
    fetcher_free(&fetcher);
    fetcher = fetcher_new(&loop, options, &why);
    assert_non_null(fetcher);
    buf_done(&why);
}

int before_each(void **state) {
    (void)state;
    server = (struct scripted_server){0};
    assert_true(loop_init(&loop));
    use_fetcher(&(struct fetcher_options){.ca_file = known.file});
    return 0;
}

int after_each(void **state) {
    (void)state;
    fetcher_free(&fetcher);
    loop_done(&loop);
    server_done(&server);
    return 0;
}

void serve(const struct scripted *script, size_t length) {
    server.script = script;
    server.script_length = length;
    server_start(&server);
}

void use_tls(const struct identity *who) {
    server.certificate = &who->certificate;
    server.key = &who->key;
}

/* --- calls ------------------------------------------------------------------------------------ */

static void keep(char *into, size_t size, struct text t) {
    (void)snprintf(into, size, "%.*s", TEXT_ARG(t));
}

static void on_done(void *context, const struct azure_answer *answer,
                    const struct azure_error *error) {
    struct call *c = context;
    assert_true(!answer == !!error);
    c->done++;
    c->fetch = NULL;
    c->answered = answer;
    if (answer) {
        c->answer = *answer;
        keep(c->body, sizeof c->body, answer->body);
        keep(c->challenge, sizeof c->challenge, answer->challenge);
        keep(c->location, sizeof c->location, answer->location);
        keep(c->operation, sizeof c->operation, answer->operation);
    } else if (error) {
        c->error = *error;
    }
    if (c->cancels)
        fetch_cancel(&c->cancels->fetch);
}

void prepare(struct call *c, enum method method, const char *path) {
    *c = (struct call){.max_body = 1024, .timeout = PATIENCE};
    azure_request_init(&c->request, method);
    if (!server.certificate)
        c->request.reach = AZURE_REACH_MACHINE;
    buf_addf(&c->request.url, "%s://%s:%u%s", server.certificate ? "https" : "http",
             server.address ? server.address : "127.0.0.1", server.port, path);
}

void set_url(struct call *c, const char *url) {
    buf_clear(&c->request.url);
    buf_add_string(&c->request.url, url);
}

void begin(struct call *c) {
    c->fetch = fetch_start(fetcher, &c->request, c->max_body, c->timeout, on_done, c);
    assert_non_null(c->fetch);
    /* What is needed of it has been copied. */
    azure_request_done(&c->request);
    assert_int_equal(c->done, 0);
}

void await(const struct call *c) {
    usec_t deadline = clock_monotonic() + 2 * PATIENCE;
    while (!c->done && clock_monotonic() < deadline)
        assert_true(loop_turn(&loop, deadline));
    assert_int_equal(c->done, 1);
}

void complete(struct call *c) {
    begin(c);
    await(c);
}

void expect_answer(const struct call *c, unsigned status, const char *body) {
    if (!c->answered)
        fail_msg("no answer: %s", c->error.message);
    assert_int_equal(c->answer.status, status);
    assert_string_equal(c->body, body);
}

void expect_error(const struct call *c, enum azure_failure failure, const char *part) {
    assert_false(c->answered);
    assert_int_equal(c->error.failure, failure);
    assert_int_equal(c->error.status, 0);
    if (!strstr(c->error.message, part))
        fail_msg("\"%s\" is not in \"%s\"", part, c->error.message);
}

void get(struct call *c, const char *path) {
    prepare(c, METHOD_GET, path);
    complete(c);
}

void expect_sent(const char *part) {
    server_stop(&server);
    if (!strstr(server.requests.at, part))
        fail_msg("\"%s\" is not in \"%s\"", part, server.requests.at);
}

void expect_not_sent(const char *part) {
    server_stop(&server);
    if (strcasestr(server.requests.at, part))
        fail_msg("\"%s\" is in \"%s\"", part, server.requests.at);
}
