/* SPDX-License-Identifier: MIT */
/* The options of a call, and reading its outcome. */
#include "upstream/fetch_call.h"

#include "upstream/curl_loop.h"

#include <assert.h>
#include <stdlib.h>

#define CONNECT_TIMEOUT (5 * USEC_PER_SEC)
#define TIMEOUT_MAX     (3600 * USEC_PER_SEC)
/* A connection that was idle for longer is not used again; Azure's front ends close them after a
 * minute or more. */
#define KEPT_FOR_S 50L

#define URL_MAX  ((size_t)16 * 1024)
#define HOST_MAX ((size_t)1024)
#define WHY_MAX  ((size_t)256)
/* What is added to the request's own fields, besides a host. */
#define OWN_FIELDS_MAX ((size_t)256)

/* --- what comes back ------------------------------------------------------------------------- */

/* An answer that lasts until the connection ends: under TLS that end must be told, or it could be
 * anyone's. */
static bool watch_end(struct fetch_call *c) {
    struct curl_tlssessioninfo *tls = NULL;
    trust_end_free(&c->end);
    if (!curl_easy_getinfo(c->easy, CURLINFO_TLS_SSL_PTR, &tls) && tls && tls->internals)
        c->end = trust_end_watch(tls->internals);
    return c->end;
}

static size_t on_head(char *at, size_t size, size_t n, void *context) {
    (void)size; /* is 1 */
    struct fetch_call *c = context;
    bool was_whole = c->head.whole;
    if (!fetch_head_line(&c->head, (struct text){at, n})) {
        c->problem = c->head.too_large ? AZURE_MALFORMED : AZURE_NO_MEMORY;
        return 0;
    }
    if (!was_whole && c->head.whole && !c->head.framed && c->tls && !watch_end(c)) {
        c->problem = AZURE_NO_MEMORY;
        return 0;
    }
    return n;
}

static size_t on_body(char *at, size_t size, size_t n, void *context) {
    (void)size;
    struct fetch_call *c = context;
    if (n > c->max_body - c->answer.len) {
        c->problem = AZURE_MALFORMED;
        return 0;
    }
    buf_add(&c->answer, at, n);
    if (buf_ok(&c->answer))
        return n;
    c->problem = AZURE_NO_MEMORY;
    return 0;
}

/* --- what is sent ---------------------------------------------------------------------------- */

/* The fields of R as a list for libcurl, which copies nothing of it: so all of it can be wiped. */
static bool set_header(struct fetch_call *c, const struct azure_request *r) {
    buf_add_text(&c->fields, buf_text(&r->fields));
    if (r->server_name.len) /* the URL has the TLS name, Host shall not */
        buf_addf(&c->fields, "Host: %s\r\n", c->host.at);
    /* Without the last two lines libcurl adds fields of its own. */
    buf_addf(&c->fields, "Content-Type:%s%s\r\nExpect:\r\n", r->content_type ? " " : "",
             r->content_type ? r->content_type : "");
    if (!buf_ok(&c->fields))
        return false;
    size_t lines = 0, i = 0;
    for (size_t at = 0; at < c->fields.len; at++)
        lines += c->fields.at[at] == '\n';
    assert(lines > 0); /* at least those two */
    c->header = calloc(lines, sizeof *c->header);
    if (!c->header)
        return false;
    for (char *line = c->fields.at, *end; i < lines; line = end + 1, i++) {
        end = strchr(line, '\n');
        *end = 0;
        if (end > line && end[-1] == '\r')
            end[-1] = 0;
        c->header[i] =
            (struct curl_slist){.data = line, .next = i + 1 < lines ? &c->header[i + 1] : NULL};
    }
    return true;
}

/* Names the host of URL in c->host and puts R's server name in its place: libcurl takes the TLS
 * name from the URL. The connection still goes to where the URL led. */
static bool set_place(struct fetch_call *c, CURLU *url, const struct azure_request *r) {
    char *host = NULL, *port = NULL;
    bool ok = !curl_url_get(url, CURLUPART_HOST, &host, 0) &&
              !curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    if (ok) {
        buf_addf(&c->host, "%s:%s", host, port);
        buf_addf(&c->target, "::%s:%s", host, port);
        if (r->server_name.len)
            ok = !curl_url_set(url, CURLUPART_HOST, r->server_name.at, 0);
    }
    curl_free(host);
    curl_free(port);
    c->connect_to.data = c->target.at;
    return ok && buf_ok(&c->host) && buf_ok(&c->target);
}

static const char *protocols(const struct azure_request *r) {
    return r->reach == AZURE_REACH_MACHINE ? "http,https" : "https";
}

static bool has_protocol(CURLU *url, const struct azure_request *r) {
    char *scheme = NULL;
    bool ok = false;
    if (!curl_url_get(url, CURLUPART_SCHEME, &scheme, 0))
        for (struct text all = text_of(protocols(r)), one; text_next_element(&all, &one);)
            ok |= text_equal(one, text_of(scheme));
    curl_free(scheme);
    return ok;
}

/* True also for a URL that cannot be called, which is a problem. */
static bool set_url(struct fetch_call *c, const struct azure_request *r) {
    CURLU *url = curl_url();
    if (!url)
        return false;
    char *whole = NULL;
    bool ok = true;
    struct text given = buf_text(&r->url);
    if (given.len > URL_MAX || text_find(given, 0) < given.len ||
        curl_url_set(url, CURLUPART_URL, given.at, CURLU_PATH_AS_IS | CURLU_DISALLOW_USER) ||
        !has_protocol(url, r) || !set_place(c, url, r) ||
        curl_url_get(url, CURLUPART_URL, &whole, 0)) {
        c->problem = AZURE_MALFORMED;
        buf_addf(&c->why, "that is no URL that may be called (%s)", protocols(r));
    } else {
        c->tls = text_starts(text_of(whole), TEXT("https:"));
        ok = !curl_easy_setopt(c->easy, CURLOPT_URL, whole);
    }
    curl_free(whole);
    curl_url_cleanup(url);
    return ok;
}

static void set_authorities(struct fetch_call *c, const struct azure_request *r) {
    if (!r->ca.len)
        return;
    c->trust = trust_new_pem(buf_text(&r->ca), &c->why);
    if (!c->trust)
        c->problem = AZURE_UNUSABLE;
}

#define SET(option, value) bad = bad ? bad : curl_easy_setopt(c->easy, option, value)

static bool set_message(struct fetch_call *c, const struct azure_request *r) {
    CURLcode bad = CURLE_OK;
    buf_add_text(&c->body, buf_text(&r->body));
    if (!buf_ok(&c->body) || !set_header(c, r))
        return false;
    SET(CURLOPT_HTTPHEADER, c->header);
    SET(CURLOPT_USERAGENT, "scoregate");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_PATH_AS_IS, 1L);
    if (r->method == METHOD_POST) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.len);
        SET(CURLOPT_POSTFIELDS, c->body.at ? c->body.at : "");
    } else {
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_HEADERFUNCTION, on_head);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, c);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    return !bad;
}

static bool set_connection(struct fetch_call *c, const struct azure_request *r) {
    CURLcode bad = CURLE_OK;
    /* libcurl by itself repeats a request when a kept connection dies before the answer begins,
     * whatever the method. The endpoint may have acted on it: keys would be regenerated twice. On a
     * new connection nothing is repeated. */
    SET(CURLOPT_FRESH_CONNECT, r->method == METHOD_POST || c->trust ? 1L : 0L);
    /* libcurl does not compare whom connections trust when it looks for one to use again. */
    SET(CURLOPT_FORBID_REUSE, c->trust ? 1L : 0L);
    SET(CURLOPT_MAXAGE_CONN, KEPT_FOR_S);
    if (r->server_name.len)
        SET(CURLOPT_CONNECT_TO, &c->connect_to);
    return !bad;
}

static bool set_way(struct fetch_call *c, const struct azure_request *r,
                    const struct fetch_way *way) {
    CURLcode bad = CURLE_OK;
    usec_t timeout = way->timeout < TIMEOUT_MAX ? way->timeout : TIMEOUT_MAX;
    timeout = timeout > USEC_PER_MS ? timeout : USEC_PER_MS; /* 0 would be none */
    usec_t connect = timeout < CONNECT_TIMEOUT ? timeout : CONNECT_TIMEOUT;
    /* A server name is that of the cluster's token proxy, which is as near as the machine's. */
    bool near = r->reach == AZURE_REACH_MACHINE || r->server_name.len;
    SET(CURLOPT_PROTOCOLS_STR, protocols(r));
    /* "" rather than nothing: libcurl would ask the environment. */
    SET(CURLOPT_PROXY, way->proxy && !near ? way->proxy : "");
    SET(CURLOPT_NOPROXY, way->no_proxy && !near ? way->no_proxy : "");
    SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
    SET(CURLOPT_TIMEOUT_MS, (long)(timeout / USEC_PER_MS));
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(connect / USEC_PER_MS));
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* never join a resolver thread */
    SET(CURLOPT_ERRORBUFFER, c->said);
    return !bad && !curl_set_trust(c->easy, c->trust ? c->trust : way->trust);
}

#undef SET

bool fetch_call_init(struct fetch_call *c, const struct azure_request *r,
                     const struct fetch_way *way, size_t max_body) {
    *c = (struct fetch_call){.easy = curl_easy_init(), .max_body = max_body};
    buf_init(&c->host, HOST_MAX);
    buf_init(&c->target, HOST_MAX);
    buf_init(&c->fields, r->fields.len + HOST_MAX + OWN_FIELDS_MAX);
    buf_init(&c->body, r->body.len);
    buf_init(&c->answer, max_body);
    buf_init(&c->why, WHY_MAX);
    fetch_head_init(&c->head);
    if (!c->easy || !set_url(c, r))
        return false;
    set_authorities(c, r);
    return c->problem != AZURE_FINE ||
           (set_message(c, r) && set_connection(c, r) && set_way(c, r, way));
}

/* --- the outcome ----------------------------------------------------------------------------- */

static const char *problem_text(const struct fetch_call *c) {
    if (c->why.len)
        return c->why.at;
    return c->problem == AZURE_NO_MEMORY ? "out of memory"
           : c->head.too_large           ? "the head of the answer is too large"
                                         : "the answer is too large";
}

static const char *curl_text(const struct fetch_call *c, CURLcode code) {
    if (code == CURLE_OUT_OF_MEMORY) /* it says so of a line that is too long for it, too */
        return "out of memory, or a field of the answer is too large";
    return c->said[0] ? c->said : curl_easy_strerror(code);
}

static void say(const struct fetch_call *c, enum azure_failure failure, const char *why,
                struct azure_error *error) {
    if (c->host.len)
        azure_error_set(error, failure, "%s: %s", c->host.at, why);
    else
        azure_error_set(error, failure, "%s", why);
}

bool fetch_call_outcome(struct fetch_call *c, CURLcode code, struct azure_answer *answer,
                        struct azure_error *error) {
    if (c->problem != AZURE_FINE) {
        say(c, c->problem, problem_text(c), error);
    } else if (code != CURLE_OK) {
        say(c, AZURE_UNAVAILABLE, curl_text(c, code), error);
    } else if (!c->head.whole || (c->end && !trust_end_was_clean(c->end))) {
        /* To libcurl a head that ends with the connection is a head, and so is a body. */
        say(c, AZURE_UNAVAILABLE, "the answer was cut off", error);
    } else {
        *answer = (struct azure_answer){.body = buf_text(&c->answer)};
        fetch_head_give(&c->head, clock_wall() / USEC_PER_SEC, answer);
        return true;
    }
    return false;
}

void fetch_call_done(struct fetch_call *c) {
    curl_easy_cleanup(c->easy);
    trust_unref(&c->trust);
    trust_end_free(&c->end);
    free(c->header);
    buf_wipe(&c->fields);
    buf_wipe(&c->body);
    buf_wipe(&c->answer);
    fetch_head_done(&c->head);
    buf_done(&c->host);
    buf_done(&c->target);
    buf_done(&c->why);
}
