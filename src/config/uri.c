/* SPDX-License-Identifier: MIT */
/* URIs, as config/uri.h says. */
#include "config/uri.h"

#include "base/parse.h"
#include "config/valid.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define URI_MAX   8192
#define NO_MEMORY "there is no memory for it"

/* What stands where in a URI, as views. */
struct parts {
    struct text scheme, userinfo, authority, path, query;
    bool has_scheme, has_userinfo, has_query, has_fragment;
};

static struct parts split(struct text t) {
    struct parts p = {.scheme = {t.at, 0}};
    size_t hash = text_find(t, '#');
    p.has_fragment = hash < t.len;
    t.len = hash;
    size_t mark = text_find(t, ':');
    if (text_starts(text_skip(t, mark), TEXT("://"))) {
        p.has_scheme = true;
        p.scheme = (struct text){t.at, mark};
        t = text_skip(t, mark + 3);
    }
    size_t query = text_find(t, '?');
    p.has_query = query < t.len;
    p.query = text_skip(t, query + 1);
    t.len = query;
    size_t slash = text_find(t, '/');
    p.path = text_skip(t, slash);
    p.authority = (struct text){t.at, slash};
    for (size_t at; (at = text_find(p.authority, '@')) < p.authority.len;) {
        const char *begin = p.has_userinfo ? p.userinfo.at : p.authority.at;
        p.userinfo = text_from(begin, p.authority.at + at);
        p.has_userinfo = true;
        p.authority = text_skip(p.authority, at + 1);
    }
    return p;
}

static bool is_hex(struct text t, size_t at) {
    return at < t.len && isxdigit((unsigned char)t.at[at]);
}

/* Characters of RFC 3986 section 3.3 and 3.4: pchar and those of MORE. */
static bool all_pchar(struct text t, const char *more) {
    for (size_t i = 0; i < t.len; i++) {
        unsigned char c = (unsigned char)t.at[i];
        if (c == '%' ? !is_hex(t, i + 1) || !is_hex(t, i + 2)
                     : !isalnum(c) && (c == 0 || !strchr("-._~!$&'()*+,;=:@", c)) &&
                           (c == 0 || !strchr(more, c)))
            return false;
    }
    return true;
}

/* "." or "..", each dot perhaps as %2e. */
static bool is_dot_segment(struct text t) {
    size_t dots = 0;
    while (t.len) {
        bool encoded = t.len >= 3 && strncasecmp(t.at, "%2e", 3) == 0;
        size_t n = encoded ? 3 : t.at[0] == '.' ? 1 : 0;
        if (n == 0)
            return false;
        t = text_skip(t, n);
        dots++;
    }
    return dots == 1 || dots == 2;
}

static bool has_dot_segment(struct text path) {
    while (path.len) {
        path = text_skip(path, 1);
        struct text segment = {path.at, text_find(path, '/')};
        if (is_dot_segment(segment))
            return true;
        path = text_skip(path, segment.len);
    }
    return false;
}

static const char *check_authority(struct text authority, struct text *host, uint16_t *port) {
    if (!parse_authority(authority, host, port) || !valid_host(*host))
        return "it has no valid host, or no valid port behind it";
    return authority.at[authority.len - 1] == ':' ? "the port behind its ':' is missing" : NULL;
}

static const char *check_parts(const struct parts *p) {
    if (!p->has_scheme)
        return "it has no scheme; expected https://HOST/PATH";
    if (!text_equal_nocase(p->scheme, TEXT("https")) && !text_equal_nocase(p->scheme, TEXT("http")))
        return "its scheme is neither https nor http";
    if (p->has_userinfo)
        return "it holds userinfo; a credential belongs into auth";
    if (p->has_fragment)
        return "it holds a fragment (#)";
    if (!all_pchar(p->path, "/"))
        return "its path holds characters that must be percent-encoded";
    if (!all_pchar(p->query, "/?"))
        return "its query holds characters that must be percent-encoded";
    if (has_dot_segment(p->path))
        return "its path holds a dot segment";
    return NULL;
}

static char *copy_lower(struct text t) {
    char *copy = text_dup(t);
    for (char *c = copy; c && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

bool uri_same_origin(const struct config_uri *a, const struct config_uri *b) {
    return a->tls == b->tls && a->port == b->port && strcmp(a->host, b->host) == 0;
}

void uri_done(struct config_uri *uri) {
    free(uri->text);
    free(uri->host);
    free(uri->authority);
    free(uri->path);
    free(uri->query);
}

/* Host, and the port unless it is the scheme's own. */
static void add_authority(struct buf *b, const struct config_uri *uri) {
    bool v6 = strchr(uri->host, ':') != NULL;
    buf_addf(b, v6 ? "[%s]" : "%s", uri->host);
    if (uri->port != (uri->tls ? 443 : 80))
        buf_addf(b, ":%u", uri->port);
}

static bool write_texts(struct config_uri *uri) {
    struct buf authority, text;
    buf_init(&authority, URI_MAX);
    buf_init(&text, 2 * URI_MAX);
    add_authority(&authority, uri);
    buf_addf(&text, "%s://%s%s", uri->tls ? "https" : "http", buf_text(&authority).at, uri->path);
    if (uri->query)
        buf_addf(&text, "?%s", uri->query);
    uri->authority = authority.at;
    uri->text = text.at;
    return buf_ok(&authority) && buf_ok(&text);
}

const char *uri_parse(struct text t, struct config_uri *uri) {
    if (t.len > URI_MAX)
        return "it is too long";
    struct parts p = split(t);
    struct text host;
    uint16_t port = 0;
    const char *wrong = check_parts(&p);
    if (!wrong)
        wrong = check_authority(p.authority, &host, &port);
    if (wrong)
        return wrong;
    struct config_uri made = {.tls = text_equal_nocase(p.scheme, TEXT("https"))};
    made.port = port ? port : made.tls ? 443 : 80;
    made.host = copy_lower(host);
    made.path = text_dup(p.path.len ? p.path : TEXT("/"));
    made.query = p.has_query ? text_dup(p.query) : NULL;
    if (!made.host || !made.path || (p.has_query && !made.query) || !write_texts(&made)) {
        uri_done(&made);
        return NO_MEMORY;
    }
    *uri = made;
    return NULL;
}

const char *uri_swagger(const struct config_uri *scoring, struct config_uri *uri) {
    struct buf b;
    buf_init(&b, 2 * URI_MAX);
    const char *slash = strrchr(scoring->path, '/');
    buf_addf(&b, "%s://%s%.*s/swagger.json", scoring->tls ? "https" : "http", scoring->authority,
             slash ? (int)(slash - scoring->path) : 0, scoring->path);
    if (scoring->query)
        buf_addf(&b, "?%s", scoring->query);
    const char *wrong = buf_ok(&b) ? uri_parse(buf_text(&b), uri) : NO_MEMORY;
    buf_done(&b);
    return wrong;
}

const char *uri_base(struct text t, bool http, bool path, char **base) {
    struct config_uri uri;
    if (split(t).has_userinfo)
        return "it holds userinfo";
    const char *wrong = uri_parse(t, &uri);
    if (wrong)
        return wrong;
    size_t end = strlen(uri.path);
    while (end && uri.path[end - 1] == '/')
        end--;
    if (uri.query)
        wrong = "it holds a query";
    else if (!uri.tls && !http)
        wrong = "its scheme is http, and what is sent there is secret; expected https";
    else if (end && !path)
        wrong = "it holds a path";
    else if (asprintf(base, "%s://%s%.*s", uri.tls ? "https" : "http", uri.authority, (int)end,
                      uri.path) < 0)
        wrong = NO_MEMORY;
    uri_done(&uri);
    return wrong;
}

const char *uri_check_proxy(struct text t) {
    static const char *const schemes[] = {"http", "https", "socks5", "socks5h"};
    struct parts p = split(t);
    struct text host;
    uint16_t port = 0;
    bool known = false;
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
        known |= text_equal_nocase(p.scheme, text_of(schemes[i]));
    if (!p.has_scheme || !known)
        return "its scheme is none of http, https, socks5, socks5h";
    if (p.has_fragment || p.has_query || (p.path.len && !text_equal(p.path, TEXT("/"))))
        return "it holds more than a host and a port";
    if (!all_pchar(p.userinfo, ""))
        return "its userinfo holds characters that must be percent-encoded";
    if (check_authority(p.authority, &host, &port))
        return "it has no valid host";
    return port ? NULL : "it has no port";
}

struct text uri_userinfo(struct text proxy) {
    return split(proxy).userinfo;
}

static void print_query(struct buf *into, struct text query) {
    while (query.len) {
        struct text pair = {query.at, text_find(query, '&')};
        size_t equals = text_find(pair, '=');
        /* Without '=' it is all value: some keys are sent that way. */
        if (equals < pair.len)
            buf_add(into, pair.at, equals + 1);
        buf_add_string(into, "***");
        query = text_skip(query, pair.len);
        if (query.len)
            buf_add_char(into, '&');
        query = text_skip(query, 1);
    }
}

void uri_print(struct buf *into, struct text t) {
    struct parts p = split(t);
    buf_add_text(into, p.scheme);
    if (p.has_scheme)
        buf_add_string(into, "://");
    if (p.has_userinfo)
        buf_add_string(into, "***@");
    buf_add_text(into, p.authority);
    buf_add_text(into, p.path);
    if (p.has_query)
        buf_add_char(into, '?');
    print_query(into, p.query);
}
