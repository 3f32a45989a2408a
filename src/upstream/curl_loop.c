/* SPDX-License-Identifier: MIT */
/* libcurl's socket callback on a loop, and TLS options. */
#include "upstream/curl_loop.h"

#include "sys/process.h"

#include <stdlib.h>
#include <unistd.h>

/* A descriptor that libcurl wants to be told of. */
struct curl_socket {
    struct watch watch;
    struct curl_loop *owner;
};

static void drive(struct curl_loop *c, curl_socket_t fd, int events) {
    int running;
    if (c->starved)
        return;
    /* The outcome of everything comes as a message, if memory sufficed. */
    c->starved = curl_multi_socket_action(c->multi, fd, events, &running) != CURLM_OK;
    /* Where libcurl 7.88 lacks memory for its resolver it closes descriptor 0 as if that were its
     * own. */
    process_occupy(STDIN_FILENO);
    c->driven(c);
}

void curl_loop_tick(struct curl_loop *c) {
    drive(c, CURL_SOCKET_TIMEOUT, 0);
}

static void on_ready(struct watch *watch, uint32_t events) {
    struct curl_socket *s = container_of(watch, struct curl_socket, watch);
    int mask = 0;
    if (events & (EPOLLIN | EPOLLRDHUP))
        mask |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        mask |= CURL_CSELECT_ERR;
    drive(s->owner, watch->fd, mask);
}

static bool watch(struct curl_loop *c, curl_socket_t fd, uint32_t events) {
    struct curl_socket *s = calloc(1, sizeof *s);
    if (!s)
        return false;
    *s = (struct curl_socket){.watch = {.fd = fd, .ready = on_ready}, .owner = c};
    if (!loop_watch(c->loop, &s->watch, events)) {
        free(s);
        return false;
    }
    curl_multi_assign(c->multi, fd, s);
    return true;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned) {
    (void)easy;
    struct curl_loop *c = context;
    struct curl_socket *s = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            loop_unwatch(c->loop, &s->watch);
            curl_multi_assign(c->multi, fd, NULL);
            free(s);
        }
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    bool watched = s ? loop_change(c->loop, &s->watch, events) : watch(c, fd, events);
    /* One that cannot be watched (memory, limits) is left to the timeout of its transfer: to return
     * -1 would be the end of the whole multi handle, for good. */
    (void)watched;
    return 0;
}

bool curl_loop_init(struct curl_loop *c, struct loop *loop, void (*driven)(struct curl_loop *c)) {
    *c = (struct curl_loop){.loop = loop, .multi = curl_multi_init(), .driven = driven};
    if (!c->multi)
        return false;
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
    return true;
}

void curl_loop_done(struct curl_loop *c) {
    if (c->multi)
        curl_multi_cleanup(c->multi);
    c->multi = NULL;
}

/* libcurl's timer callback is known to get lost in some releases; to ask costs next to nothing. It
 * cuts to whole milliseconds, hence the one more. */
usec_t curl_loop_deadline(const struct curl_loop *c) {
    long ms = -1;
    if (c->starved || curl_multi_timeout(c->multi, &ms) != CURLM_OK || ms < 0)
        return USEC_NEVER;
    return c->loop->now + (ms ? (ms + 1) * USEC_PER_MS : 0);
}

static CURLcode on_ssl_context(CURL *easy, void *ssl_ctx, void *context) {
    (void)easy;
    trust_prepare(context, ssl_ctx);
    return CURLE_OK;
}

static long tls_versions(const struct config_tls *tls) {
    long min = tls->min_version == 13 ? CURL_SSLVERSION_TLSv1_3 : CURL_SSLVERSION_TLSv1_2;
    long max = tls->max_version == 12   ? CURL_SSLVERSION_MAX_TLSv1_2
               : tls->max_version == 13 ? CURL_SSLVERSION_MAX_TLSv1_3
                                        : CURL_SSLVERSION_MAX_DEFAULT;
    return min | max;
}

CURLcode curl_set_trust(CURL *easy, struct trust *trust) {
    const struct config_tls *tls = trust_tls(trust);
    CURLcode bad = CURLE_OK;
#define SET(option, value) bad = bad ? bad : curl_easy_setopt(easy, option, value)
    SET(CURLOPT_SSLVERSION, tls_versions(tls));
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    /* The store comes from the trust; libcurl shall load none. */
    SET(CURLOPT_CAINFO, (char *)NULL);
    SET(CURLOPT_CAPATH, (char *)NULL);
    SET(CURLOPT_SSL_CTX_FUNCTION, on_ssl_context);
    SET(CURLOPT_SSL_CTX_DATA, trust);
    if (tls->client_certificate) {
        SET(CURLOPT_SSLCERT, tls->client_certificate);
        SET(CURLOPT_SSLKEY, tls->client_key ? tls->client_key : tls->client_certificate);
    }
    if (tls->pin)
        SET(CURLOPT_PINNEDPUBLICKEY, tls->pin);
#undef SET
    return bad;
}
