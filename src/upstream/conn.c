/* SPDX-License-Identifier: MIT */
/* Bytes over a dialled connection: curl_easy_send() and curl_easy_recv() with sticky readiness. */
#include "upstream/conn_private.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static void on_ready(struct watch *watch, uint32_t events) {
    struct conn *c = container_of(watch, struct conn, watch);
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->may_read = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        c->may_write = true;
    if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->dead = true;
    if (c->ready)
        c->ready(c->owner);
}

bool conn_opened(struct conn *c) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    if (curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd) || fd == CURL_SOCKET_BAD)
        return false;
    /* The first receive ties the connection to the handle; otherwise libcurl may prune it as idle
     * when it dials again. An HTTP server has nothing to say yet. */
    char nothing;
    size_t n = 0;
    if (curl_easy_recv(c->easy, &nothing, 1, &n) != CURLE_AGAIN)
        return false;
    struct curl_tlssessioninfo *tls = NULL;
    if (c->origin->uri->tls) {
        if (curl_easy_getinfo(c->easy, CURLINFO_TLS_SSL_PTR, &tls) || !tls || !tls->internals)
            return false; /* without it a cut answer could not be told from a whole one */
        trust_read_ahead(tls->internals);
        c->ssl = tls->internals;
    }
    c->watch = (struct watch){.fd = fd, .ready = on_ready};
    c->open = loop_watch(c->loop, &c->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    /* Nothing was there to read; what has come since, the registration reports. */
    c->may_read = false;
    c->may_write = c->open;
    return c->open;
}

ssize_t conn_send(struct conn *c, const void *bytes, size_t n) {
    size_t sent = 0;
    CURLcode code = curl_easy_send(c->easy, bytes, n, &sent);
    if (code == CURLE_OK && sent > 0)
        return (ssize_t)sent;
    if (code == CURLE_OK || code == CURLE_AGAIN) {
        c->may_write = false;
        return CONN_AGAIN;
    }
    c->dead = c->send_failed = true;
    return CONN_FAILED;
}

ssize_t conn_recv(struct conn *c, void *into, size_t n) {
    size_t received = 0;
    CURLcode code = curl_easy_recv(c->easy, into, n, &received);
    if (code == CURLE_OK && received > 0)
        return (ssize_t)received;
    if (code == CURLE_AGAIN) {
        c->may_read = false;
        return CONN_AGAIN;
    }
    c->dead = true;
    if (code != CURLE_OK && !c->ssl)
        return CONN_FAILED;
    /* libcurl 7.88 calls a bare FIN a success as well, 8.14 calls it an error; OpenSSL knows. */
    if (c->ssl)
        return trust_closed_cleanly(c->ssl) ? CONN_END
               : code == CURLE_OK           ? CONN_TRUNCATED
                                            : CONN_FAILED;
    return c->send_failed ? CONN_FAILED : CONN_END;
}

bool conn_may_read(const struct conn *c) {
    return c->may_read;
}

bool conn_may_write(const struct conn *c) {
    return c->may_write;
}

bool conn_is_dead(const struct conn *c) {
    return c->dead;
}

bool conn_is_fit(struct conn *c) {
    char byte;
    if (c->dead)
        return false;
    ssize_t n = recv(c->watch.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN;
    return n > 0 && conn_recv(c, &byte, 1) == CONN_AGAIN && !c->dead;
}

bool conn_has_pending(const struct conn *c) {
    return trust_has_pending(c->ssl);
}

bool conn_acknowledged(const struct conn *c) {
    int unacknowledged = 0;
    return ioctl(c->watch.fd, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0;
}

usec_t conn_round_trip(const struct conn *c) {
    struct tcp_info info;
    memset(&info, 0, sizeof info);
    socklen_t size = sizeof info;
    if (getsockopt(c->watch.fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return 0;
    return (usec_t)info.tcpi_rtt;
}

void conn_own(struct conn *c, void (*ready)(void *owner), void *owner) {
    c->ready = ready;
    c->owner = owner;
}

struct conn_book *conn_book(struct conn *c) {
    return &c->book;
}

struct conn *conn_of_book(struct conn_book *book) {
    return container_of(book, struct conn, book);
}
