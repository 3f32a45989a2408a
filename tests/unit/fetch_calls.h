/* SPDX-License-Identifier: MIT */
/* What the tests of fetching share: a loop, a fetcher that believes in `known`, a scripted server,
 * and calls whose outcome is kept. */
#pragma once

#include "scripted_server.h"
#include "upstream/fetch.h"

#define PATIENCE  (10 * USEC_PER_SEC)
#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
/* Lasts until the connection ends. */
#define UNFRAMED_ANSWER "HTTP/1.1 200 OK\r\n\r\nok"

/* Where nobody listens, for proxies that are not to be used. */
#define NOWHERE "http://127.0.0.1:1"

/* A certificate for localhost and 127.0.0.1 that is its own CA, in a file, too. */
struct identity {
    struct buf certificate, key;
    char file[32];
};

extern struct identity known, stranger;
extern struct loop loop;
extern struct fetcher *fetcher;
extern struct scripted_server server;

int before_all(void **state);
int after_all(void **state);
int before_each(void **state);
int after_each(void **state);
#define T(test) cmocka_unit_test_setup_teardown(test, before_each, after_each)

/* Another fetcher in place of the one there is. */
void use_fetcher(const struct fetcher_options *options);
/* Before serve(): with TLS. */
void use_tls(const struct identity *who);
void serve(const struct scripted *script, size_t length);
#define SERVE(...)                                                                                 \
    static const struct scripted script[] = {__VA_ARGS__};                                         \
    serve(script, ARRAY_LEN(script))

struct call {
    struct azure_request request;
    struct fetch *fetch;
    size_t max_body;
    usec_t timeout;

    int done; /* times */
    bool answered;
    struct azure_answer answer; /* but for its texts */
    char body[64], challenge[64], location[64], operation[64];
    struct azure_error error;
    struct call *cancels; /* when it is done */
};

/* A call of the server's PATH; one of the machine if there is no TLS. */
void prepare(struct call *c, enum method method, const char *path);
void set_url(struct call *c, const char *url);
/* Starts it; the request is gone then. */
void begin(struct call *c);
void await(const struct call *c);
/* begin() and await(). */
void complete(struct call *c);
/* prepare() and complete() a GET. */
void get(struct call *c, const char *path);

void expect_answer(const struct call *c, unsigned status, const char *body);
void expect_error(const struct call *c, enum azure_failure failure, const char *part);
/* These stop the server. */
void expect_sent(const char *part);
void expect_not_sent(const char *part);
