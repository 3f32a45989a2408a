/* SPDX-License-Identifier: MIT */
/* Dialling with libcurl, as upstream/dial.h says. One multi handle per trust configuration: libcurl
 * caches one CA store and its TLS sessions per multi and share. */
#include "upstream/conn_private.h"

#include "base/log.h"
#include "upstream/crypto.h"
#include "upstream/curl_loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Failures are logged at most this often: an endpoint that is down fails every dial. */
#define LOG_INTERVAL USEC_PER_SEC

/* A dial can block the loop for about a millisecond, so only so many start in one turn. */
#define DIALS_PER_TURN 4

/* Everything that is dialled under one trust. One that is starved takes no more dials: another
 * takes its place. It ends when its last connection has, and so does one that is not wanted. */
struct dial_group {
    struct list node;
    struct dialer *dialer;
    struct trust *trust;
    struct curl_loop curl;
    CURLSH *share;  /* TLS sessions, for resumption */
    unsigned conns; /* dialled, or open */
    bool unwanted;  /* by the last dialer_keep() */
};

struct dialer {
    struct loop *loop;
    struct list groups;
    struct list waiting; /* dials that have not started */
    struct list dialling;
    usec_t quiet_until; /* no failure is logged before */
    unsigned unlogged;
    bool progressed; /* libcurl was called since the messages were read */
};

bool dial_global_init(void) {
    /* libcurl would follow these behind our back; the configuration and the two proxy variables,
     * which the configuration has read already, are all there is. */
    unsetenv("SSLKEYLOGFILE");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return false;
    crypto_prepare();
    return true;
}

void dial_global_done(void) {
    curl_global_cleanup();
}

static void on_driven(struct curl_loop *curl) {
    container_of(curl, struct dial_group, curl)->dialer->progressed = true;
}

struct dialer *dialer_new(struct loop *loop) {
    struct dialer *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->loop = loop;
    list_init(&d->groups);
    list_init(&d->waiting);
    list_init(&d->dialling);
    return d;
}

static void group_free(struct dial_group *group) {
    list_remove(&group->node);
    curl_loop_done(&group->curl);
    if (group->share)
        curl_share_cleanup(group->share);
    trust_unref(&group->trust);
    free(group);
}

void dialer_free(struct dialer **pointer) {
    struct dialer *d = *pointer;
    *pointer = NULL;
    if (!d)
        return;
    list_each (node, next, &d->groups)
        group_free(list_entry(node, struct dial_group, node));
    free(d);
}

static struct dial_group *group_of(struct dialer *d, struct trust *trust) {
    list_each (node, next, &d->groups) {
        struct dial_group *known = list_entry(node, struct dial_group, node);
        if (known->trust == trust && !known->curl.starved)
            return known;
    }
    struct dial_group *group = calloc(1, sizeof *group);
    if (!group)
        return NULL;
    *group = (struct dial_group){.dialer = d, .trust = trust ? trust_ref(trust) : NULL};
    list_push_back(&d->groups, &group->node);
    group->share = curl_share_init();
    if (!curl_loop_init(&group->curl, d->loop, on_driven) || !group->share) {
        group_free(group);
        return NULL;
    }
    curl_share_setopt(group->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
    return group;
}

static bool has_trust(struct trust *const *trusts, size_t count, const struct trust *trust) {
    for (size_t i = 0; i < count; i++)
        if (trusts[i] == trust)
            return true;
    return false;
}

void dialer_keep(struct dialer *d, struct trust *const *trusts, size_t count) {
    list_each (node, next, &d->groups) {
        struct dial_group *group = list_entry(node, struct dial_group, node);
        group->unwanted = group->trust && !has_trust(trusts, count, group->trust);
    }
}

/* Not while libcurl calls: what it calls may close the last connection of a group. */
static void free_groups(struct dialer *d) {
    list_each (node, next, &d->groups) {
        struct dial_group *group = list_entry(node, struct dial_group, node);
        if ((group->unwanted || group->curl.starved) && group->conns == 0)
            group_free(group);
    }
}

/* What is dialled without a trust needs no TLS. */
static CURLcode set_tls(CURL *easy, struct dial_group *group) {
    if (!group->trust)
        return CURLE_OK;
    CURLcode bad = curl_set_trust(easy, group->trust);
    return bad ? bad : curl_easy_setopt(easy, CURLOPT_SHARE, group->share);
}

static CURLcode set_route(CURL *easy, const struct origin *origin) {
    char url[512];
    bool v6 = strchr(origin->uri->host, ':');
    int n = snprintf(url, sizeof url, "%s://%s%s%s:%u/", origin->uri->tls ? "https" : "http",
                     v6 ? "[" : "", origin->uri->host, v6 ? "]" : "", origin->uri->port);
    if (n < 0 || (size_t)n >= sizeof url)
        return CURLE_URL_MALFORMAT;
    CURLcode bad = CURLE_OK;
#define SET(option, value) bad = bad ? bad : curl_easy_setopt(easy, option, value)
    SET(CURLOPT_URL, url);
    SET(CURLOPT_CONNECT_ONLY, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* never join a resolver thread */
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(origin->connect_timeout / USEC_PER_MS));
    SET(CURLOPT_FRESH_CONNECT, 1L);
    SET(CURLOPT_PROXY, origin->proxy ? origin->proxy : "");
    if (origin->proxy) {
        SET(CURLOPT_NOPROXY, origin->no_proxy ? origin->no_proxy : "");
        SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
    }
#undef SET
    return bad;
}

struct conn *dialer_dial(struct dialer *d, const struct origin *origin, dial_done *done,
                         void *context) {
    struct conn *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct conn){.loop = d->loop,
                       .watch.fd = -1,
                       .dialer = d,
                       .origin = origin,
                       .done = done,
                       .context = context};
    list_init(&c->book.node);
    list_push_back(&d->waiting, &c->node);
    return c;
}

static bool start(struct conn *c) {
    c->refusals_before = crypto_refusals();
    c->group = group_of(c->dialer, c->origin->trust);
    if (c->group)
        c->group->conns++;
    c->easy = c->group ? curl_easy_init() : NULL;
    if (!c->easy || set_route(c->easy, c->origin) || set_tls(c->easy, c->group) ||
        curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c) ||
        curl_easy_setopt(c->easy, CURLOPT_ERRORBUFFER, c->error))
        return false;
    list_remove(&c->node);
    list_push_back(&c->dialer->dialling, &c->node);
    return curl_multi_add_handle(c->group->curl.multi, c->easy) == CURLM_OK;
}

/* The reason to give for libcurl's code. */
static enum reason reason_of(CURL *easy, CURLcode code) {
    long connect_status = 0;
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return REASON_dns_error;
    case CURLE_COULDNT_CONNECT:
        return REASON_connection_refused;
    case CURLE_OPERATION_TIMEDOUT:
        return REASON_connect_timeout;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
        return REASON_proxy_refused;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
    case CURLE_SSL_ISSUER_ERROR:
        return REASON_certificate_error;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_USE_SSL_FAILED:
        return REASON_tls_error;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
        return REASON_out_of_resources;
    case CURLE_RECV_ERROR:
        (void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &connect_status);
        return connect_status ? REASON_proxy_refused : REASON_connection_failed;
    default:
        return REASON_connection_failed;
    }
}

/* The caller gets the reason; why exactly, with addresses and TLS details, is for the operator. */
static void log_failure(const struct conn *c, enum reason why) {
    struct dialer *d = c->dialer;
    if (d->loop->now < d->quiet_until) {
        d->unlogged++;
        return;
    }
    log_warning("no connection to the endpoint", LOG_STRING("host", c->origin->uri->host),
                LOG_NUMBER("port", c->origin->uri->port), LOG_STRING("reason", reason_word(why)),
                LOG_STRING("error", c->error), LOG_NUMBER("not_logged_before", d->unlogged));
    d->quiet_until = d->loop->now + LOG_INTERVAL;
    d->unlogged = 0;
}

/* Where OpenSSL was refused memory meanwhile, that may well be all that is wrong. */
static bool lacked_memory(const struct conn *c, enum reason why) {
    return (why == REASON_tls_error || why == REASON_certificate_error ||
            why == REASON_connection_failed) &&
           crypto_refusals() != c->refusals_before;
}

static void finish(struct conn *c, enum reason why) {
    list_remove(&c->node);
    dial_done *done = c->done;
    void *context = c->context;
    c->done = NULL;
    if (why == REASON_NONE && !conn_opened(c))
        why = REASON_connection_closed; /* at once: it never was of use */
    if (lacked_memory(c, why))
        why = REASON_out_of_resources;
    if (why != REASON_NONE) {
        log_failure(c, why);
        conn_close(&c);
    }
    done(context, c, why);
}

/* Gives up what a starved group dials. */
static void give_up(struct dialer *d, struct dial_group *group) {
    struct list dialling;
    list_take_all(&dialling, &d->dialling);
    struct list *node;
    while ((node = list_pop_front(&dialling))) {
        struct conn *c = list_entry(node, struct conn, node);
        list_push_back(&d->dialling, node);
        if (c->group == group)
            finish(c, REASON_out_of_resources);
    }
}

static void read_messages(struct dialer *d) {
    d->progressed = false;
    list_each (node, next, &d->groups) {
        struct dial_group *group = list_entry(node, struct dial_group, node);
        int left;
        CURLMsg *message;
        while ((message = curl_multi_info_read(group->curl.multi, &left))) {
            struct conn *c = NULL;
            CURLcode code = message->data.result;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&c);
            if (message->msg == CURLMSG_DONE && c && c->done)
                finish(c, code ? reason_of(c->easy, code) : REASON_NONE);
        }
        if (group->curl.starved)
            give_up(d, group);
    }
}

bool dialer_turn(struct dialer *d) {
    free_groups(d);
    if (d->progressed)
        read_messages(d);
    for (int i = 0; i < DIALS_PER_TURN && !list_empty(&d->waiting); i++) {
        struct conn *c = list_entry(d->waiting.next, struct conn, node);
        if (start(c))
            d->progressed = true;
        else
            finish(c, REASON_out_of_resources);
    }
    if (list_empty(&d->dialling))
        return !list_empty(&d->waiting);
    /* libcurl's own timer decides; calling it without one due costs next to nothing. */
    list_each (node, next, &d->groups) {
        struct dial_group *group = list_entry(node, struct dial_group, node);
        if (curl_loop_deadline(&group->curl) <= d->loop->now)
            curl_loop_tick(&group->curl);
    }
    if (d->progressed)
        read_messages(d);
    return !list_empty(&d->waiting);
}

usec_t dialer_deadline(const struct dialer *d) {
    usec_t deadline = USEC_NEVER;
    if (list_empty(&d->dialling))
        return deadline;
    list_each (node, next, &d->groups) {
        usec_t at = curl_loop_deadline(&list_entry(node, struct dial_group, node)->curl);
        deadline = at < deadline ? at : deadline;
    }
    return deadline;
}

void conn_close(struct conn **pointer) {
    struct conn *c = *pointer;
    *pointer = NULL;
    if (!c)
        return;
    if (c->done)
        list_remove(&c->node);
    if (c->open)
        loop_unwatch(c->loop, &c->watch);
    if (c->easy && c->group)
        curl_multi_remove_handle(c->group->curl.multi, c->easy);
    curl_easy_cleanup(c->easy);
    if (c->group)
        c->group->conns--;
    free(c);
}
