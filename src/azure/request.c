/* SPDX-License-Identifier: MIT */
/* Requests, as azure/request.h says. */
#include "azure/request.h"

#include "base/parse.h"

#include <assert.h>

#define URL_MAX         ((size_t)16 * 1024)
#define FIELDS_MAX      ((size_t)32 * 1024) /* a bearer of 16 KiB, and some more */
#define BODY_MAX        ((size_t)64 * 1024)
#define SERVER_NAME_MAX ((size_t)255)

void azure_request_init(struct azure_request *r, enum method method) {
    *r = (struct azure_request){.method = method, .reach = AZURE_REACH_CLOUD};
    buf_init(&r->url, URL_MAX);
    buf_init(&r->fields, FIELDS_MAX);
    buf_init(&r->body, BODY_MAX);
    buf_init(&r->ca, AZURE_CA_MAX);
    buf_init(&r->server_name, SERVER_NAME_MAX);
}

void azure_request_done(struct azure_request *r) {
    buf_wipe(&r->url);
    buf_wipe(&r->fields);
    buf_wipe(&r->body);
    buf_done(&r->ca);
    buf_done(&r->server_name);
    for (size_t i = 0; i < ARRAY_LEN(r->hidden); i++)
        secret_unref(&r->hidden[i]);
}

bool azure_request_ok(const struct azure_request *r) {
    return buf_ok(&r->url) && buf_ok(&r->fields) && buf_ok(&r->body) && buf_ok(&r->ca) &&
           buf_ok(&r->server_name);
}

bool azure_request_end(struct azure_request *r) {
    bool ok = azure_request_ok(r);
    if (!ok)
        azure_request_done(r);
    return ok;
}

/* --- fields and secrets ----------------------------------------------------------------------- */

void azure_hide(struct azure_request *r, struct secret *secret) {
    size_t free_place = 0;
    while (free_place < ARRAY_LEN(r->hidden) && r->hidden[free_place])
        free_place++;
    assert(free_place < ARRAY_LEN(r->hidden));
    r->hidden[free_place] = secret_ref(secret);
}

static void add_line(struct azure_request *r, const char *name, const char *prefix,
                     struct text value) {
    if (!parse_is_field_value(value)) {
        r->fields.failed = true;
        return;
    }
    buf_addf(&r->fields, "%s: %s", name, prefix);
    buf_add_text(&r->fields, value);
    buf_add_string(&r->fields, "\r\n");
}

void azure_add_field(struct azure_request *r, const char *name, struct text value) {
    add_line(r, name, "", value);
}

void azure_add_secret_field(struct azure_request *r, const char *name, const char *prefix,
                            struct secret *secret) {
    azure_hide(r, secret);
    add_line(r, name, prefix, secret_expose(secret));
}

void azure_add_bearer(struct azure_request *r, struct secret *token) {
    azure_add_secret_field(r, "Authorization", "Bearer ", token);
}

/* --- percent-encoding ------------------------------------------------------------------------- */

static bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

static void add_encoded(struct buf *b, struct text t) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (is_unreserved(t.at[i]))
            buf_add_char(b, t.at[i]);
        else
            buf_add(b, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

void azure_add_segment(struct buf *url, struct text segment) {
    buf_add_char(url, '/');
    add_encoded(url, segment);
}

static void add_pair(struct buf *b, const char *name, struct text value) {
    add_encoded(b, text_of(name));
    buf_add_char(b, '=');
    add_encoded(b, value);
}

void azure_add_query(struct buf *url, const char *name, struct text value) {
    struct text so_far = buf_text(url);
    buf_add_char(url, text_find(so_far, '?') < so_far.len ? '&' : '?');
    add_pair(url, name, value);
}

void azure_add_form(struct buf *body, const char *name, struct text value) {
    if (body->len)
        buf_add_char(body, '&');
    add_pair(body, name, value);
}

/* --- looking at URLs -------------------------------------------------------------------------- */

struct origin {
    bool tls;
    struct text host;
    uint16_t port;
};

static bool take_scheme(struct text *url, bool *tls) {
    size_t colon = text_find(*url, ':');
    struct text scheme = {url->at, colon}, rest = text_skip(*url, colon);
    *tls = text_equal_nocase(scheme, TEXT("https"));
    *url = text_skip(rest, 3);
    return text_starts(rest, TEXT("://")) && (*tls || text_equal_nocase(scheme, TEXT("http")));
}

/* Nothing that a URL cannot hold, and that two readers could take for different things. */
static bool is_plain(struct text url) {
    for (size_t i = 0; i < url.len; i++)
        if (url.at[i] <= ' ' || url.at[i] > '~' || url.at[i] == '\\')
            return false;
    return true;
}

static bool read_origin(struct text url, struct origin *o) {
    if (url.len > URL_MAX || !is_plain(url) || !take_scheme(&url, &o->tls))
        return false;
    size_t end = 0;
    while (end < url.len && !strchr("/?#", url.at[end]))
        end++;
    if (!parse_authority((struct text){url.at, end}, &o->host, &o->port))
        return false;
    if (o->port == 0)
        o->port = o->tls ? 443 : 80;
    return true;
}

bool azure_is_url(struct text url) {
    struct origin o;
    return read_origin(url, &o);
}

bool azure_is_https_url(struct text url) {
    struct origin o;
    return read_origin(url, &o) && o.tls;
}

bool azure_same_origin(struct text a, struct text b) {
    struct origin x, y;
    return read_origin(a, &x) && read_origin(b, &y) && x.tls == y.tls && x.port == y.port &&
           text_equal_nocase(x.host, y.host);
}
