/* SPDX-License-Identifier: MIT */
#include "scripted_server.h"

#include "base/macros.h"
#include "base/parse.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define REQUESTS_MAX ((size_t)1024 * 1024)

/* A test's assert would jump out of the wrong thread. */
static void must(bool condition) {
    if (!condition)
        abort();
}

static ssize_t receive(struct scripted_server *s, size_t i, void *into, size_t n) {
    return s->ssl[i] ? SSL_read(s->ssl[i], into, (int)n) : recv(s->fds[i], into, n, 0);
}

static void send_all(struct scripted_server *s, size_t i, const char *bytes) {
    for (size_t left = strlen(bytes); left;) {
        ssize_t n = s->ssl[i] ? SSL_write(s->ssl[i], bytes, (int)left)
                              : send(s->fds[i], bytes, left, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* who does not want it */
        bytes += n;
        left -= (size_t)n;
    }
}

static void drop(struct scripted_server *s, size_t i, enum then how) {
    if (s->ssl[i] && how == THEN_CLOSE)
        SSL_shutdown(s->ssl[i]);
    SSL_free(s->ssl[i]);
    s->ssl[i] = NULL;
    if (s->fds[i] >= 0)
        close(s->fds[i]);
    s->fds[i] = -1;
}

static void accept_one(struct scripted_server *s) {
    size_t i = 0;
    while (i < SERVER_CONNECTIONS && s->fds[i] >= 0)
        i++;
    if (i == SERVER_CONNECTIONS)
        abort();
    s->fds[i] = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    must(s->fds[i] >= 0);
    s->connection_count++;
    if (!s->tls)
        return;
    s->ssl[i] = SSL_new(s->tls);
    must(s->ssl[i] && SSL_set_fd(s->ssl[i], s->fds[i]));
    if (SSL_accept(s->ssl[i]) != 1) {
        drop(s, i, THEN_CUT);
        return;
    }
    const char *name = SSL_get_servername(s->ssl[i], TLSEXT_NAMETYPE_host_name);
    (void)snprintf(s->server_name, sizeof s->server_name, "%s", name ? name : "");
}

static size_t length_of(const char *head) {
    static const char field[] = "\r\nContent-Length: ";
    const char *at = strstr(head, field);
    uint64_t length = 0;
    if (!at)
        return 0;
    at += sizeof field - 1;
    must(parse_u64(text_from(at, strchr(at, '\r')), REQUESTS_MAX, &length));
    return length;
}

/* A whole request; false if the peer went away instead. */
static bool read_request(struct scripted_server *s, size_t i) {
    size_t begin = s->requests.len, wanted = SIZE_MAX;
    while (s->requests.len - begin < wanted) {
        char byte;
        if (receive(s, i, &byte, 1) <= 0)
            return false;
        buf_add_char(&s->requests, byte);
        must(buf_ok(&s->requests));
        const char *head = s->requests.at + begin;
        if (wanted == SIZE_MAX && strstr(head, "\r\n\r\n"))
            wanted = s->requests.len - begin + length_of(head);
    }
    return true;
}

static void serve(struct scripted_server *s, size_t i) {
    if (!read_request(s, i)) {
        drop(s, i, THEN_CUT);
        return;
    }
    if (s->request_count >= s->script_length) {
        s->request_count++;
        return;
    }
    const struct scripted *next = &s->script[s->request_count++];
    send_all(s, i, next->answer);
    if (next->then != THEN_KEEP)
        drop(s, i, next->then);
}

static void *run(void *context) {
    struct scripted_server *s = context;
    for (;;) {
        struct pollfd polled[SERVER_CONNECTIONS + 2] = {{.fd = s->stop[0], .events = POLLIN},
                                                        {.fd = s->listener, .events = POLLIN}};
        for (size_t i = 0; i < SERVER_CONNECTIONS; i++)
            polled[i + 2] = (struct pollfd){.fd = s->fds[i], .events = POLLIN};
        must(poll(polled, ARRAY_LEN(polled), -1) > 0);
        if (polled[0].revents)
            return NULL;
        for (size_t i = 0; i < SERVER_CONNECTIONS; i++)
            if (polled[i + 2].revents)
                serve(s, i);
        if (polled[1].revents)
            accept_one(s);
    }
}

static void use_certificate(struct scripted_server *s) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    BIO *certificate = BIO_new_mem_buf(s->certificate->at, (int)s->certificate->len);
    BIO *key = BIO_new_mem_buf(s->key->at, (int)s->key->len);
    X509 *x509 = PEM_read_bio_X509(certificate, NULL, NULL, NULL);
    EVP_PKEY *pair = PEM_read_bio_PrivateKey(key, NULL, NULL, NULL);
    assert_int_equal(SSL_CTX_use_certificate(ctx, x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pair), 1);
    EVP_PKEY_free(pair);
    X509_free(x509);
    BIO_free(key);
    BIO_free(certificate);
    s->tls = ctx;
}

void server_start(struct scripted_server *s) {
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t size = sizeof at;
    buf_init(&s->requests, REQUESTS_MAX);
    for (size_t i = 0; i < SERVER_CONNECTIONS; i++)
        s->fds[i] = -1;
    if (s->certificate)
        use_certificate(s);
    assert_int_equal(inet_pton(AF_INET, s->address ? s->address : "127.0.0.1", &at.sin_addr), 1);
    s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->listener, SERVER_CONNECTIONS), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&at, &size), 0);
    s->port = ntohs(at.sin_port);
    assert_int_equal(pipe2(s->stop, O_CLOEXEC), 0);
    assert_int_equal(pthread_create(&s->thread, NULL, run, s), 0);
}

void server_stop(struct scripted_server *s) {
    if (!s->thread)
        return;
    assert_int_equal(write(s->stop[1], "", 1), 1);
    pthread_join(s->thread, NULL);
    s->thread = 0;
    for (size_t i = 0; i < SERVER_CONNECTIONS; i++)
        drop(s, i, THEN_CUT);
    SSL_CTX_free(s->tls);
    s->tls = NULL;
    close(s->listener);
    close(s->stop[0]);
    close(s->stop[1]);
}

void server_done(struct scripted_server *s) {
    server_stop(s);
    buf_done(&s->requests);
}
