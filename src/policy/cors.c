/* SPDX-License-Identifier: MIT */
/* The decisions of policy/cors.h. What a page is told about its origin are the bytes of the
 * configuration, never those of the request. */
#include "policy/cors.h"

#include "base/macros.h"
#include "base/parse.h"

/* One entry of a list, or NULL. */
static const char *listed(char *const *list, size_t count, struct text value) {
    for (size_t i = 0; i < count; i++)
        if (text_equal(text_of(list[i]), value))
            return list[i];
    return NULL;
}

static bool listed_nocase(char *const *list, size_t count, struct text value) {
    for (size_t i = 0; i < count; i++)
        if (text_equal_nocase(text_of(list[i]), value))
            return true;
    return false;
}

/* With credentials, "*" is no origin for a browser, and must be none here. */
static bool serves_any(const struct cors *cors) {
    return !cors->credentials && listed(cors->origins, cors->origin_count, TEXT("*"));
}

/* What Access-Control-Allow-Origin says to ORIGIN, or NULL if it is not served. */
static const char *allowed_origin(const struct cors *cors, struct text origin) {
    if (!origin.at || (cors->credentials && text_equal(origin, TEXT("*"))))
        return NULL;
    return serves_any(cors) ? "*" : listed(cors->origins, cors->origin_count, origin);
}

/* What a page elsewhere sends without an Origin: a GET that it may not read. Other ports of the
 * same host are the same site for a browser, and other origins. */
static bool from_elsewhere(struct text site) {
    return text_equal_nocase(site, TEXT("cross-site")) ||
           text_equal_nocase(site, TEXT("same-site"));
}

enum cors_verdict cors_decide(const struct cors *cors, const struct head *h) {
    if (h->origin.at)
        return cors && allowed_origin(cors, h->origin) ? CORS_ALLOWED : CORS_REFUSED;
    return from_elsewhere(h->sec_fetch_site) ? CORS_CROSS_SITE : CORS_NONE;
}

bool cors_is_preflight(const struct head *h) {
    return h->method == METHOD_OPTIONS && h->origin.at && h->cors_method.at;
}

static bool fields_allowed(const struct cors *cors, struct text asked) {
    bool any = listed(cors->headers, cors->header_count, TEXT("*"));
    struct text name;
    while (text_next_element(&asked, &name)) {
        if (name.len == 0)
            continue;
        if (!parse_is_token(name) || !(any || text_equal_nocase(name, TEXT("content-type")) ||
                                       listed_nocase(cors->headers, cors->header_count, name)))
            return false;
    }
    return true;
}

/* The fields of an answer while they are put together. A value that is put together is known by its
 * place in the scratch buffer, which moves as it grows. */
struct answer_fields {
    struct buf *scratch;
    struct cors_field *fields;
    bool in_scratch[CORS_FIELDS_MAX];
    size_t offset[CORS_FIELDS_MAX];
    size_t count;
};

static void add(struct answer_fields *a, const char *name, struct text value) {
    a->fields[a->count++] = (struct cors_field){name, value};
}

static void begin_value(struct answer_fields *a, const char *name) {
    a->in_scratch[a->count] = true;
    a->offset[a->count] = a->scratch->len;
    a->fields[a->count].name = name;
}

static void end_value(struct answer_fields *a) {
    a->fields[a->count].value.len = a->scratch->len - a->offset[a->count];
    a->count++;
    buf_add_char(a->scratch, '\0');
}

static void add_list(struct buf *b, char *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add(b, ", ", 2);
        buf_add_string(b, list[i]);
    }
}

/* "*" is the name of a field for a browser that sends credentials, and never means Authorization;
 * what was asked for is told instead. */
static void add_allowed_fields(struct answer_fields *a, const struct cors *cors,
                               struct text asked) {
    struct buf *b = a->scratch;
    begin_value(a, "Access-Control-Allow-Headers");
    buf_add_string(b, "Content-Type");
    if (listed(cors->headers, cors->header_count, TEXT("*"))) {
        struct text name;
        while (text_next_element(&asked, &name)) {
            if (name.len == 0 || text_equal_nocase(name, TEXT("content-type")))
                continue;
            buf_add(b, ", ", 2);
            buf_add_text(b, name);
        }
    } else if (cors->header_count) {
        buf_add(b, ", ", 2);
        add_list(b, cors->headers, cors->header_count);
    }
    end_value(a);
}

static void add_preflight(struct answer_fields *a, const struct cors *cors, const struct head *h,
                          unsigned methods) {
    begin_value(a, "Access-Control-Allow-Methods");
    method_list(a->scratch, methods);
    end_value(a);
    add_allowed_fields(a, cors, h->cors_headers);
    begin_value(a, "Access-Control-Max-Age");
    buf_add_u64(a->scratch, cors->max_age_s);
    end_value(a);
    if (cors->private_network && h->cors_private_network)
        add(a, "Access-Control-Allow-Private-Network", TEXT("true"));
}

static void add_actual(struct answer_fields *a, const struct cors *cors) {
    if (cors->expose_count == 0)
        return;
    begin_value(a, "Access-Control-Expose-Headers");
    add_list(a->scratch, cors->expose, cors->expose_count);
    end_value(a);
}

size_t cors_fields(const struct cors *cors, const struct head *h, bool preflight, unsigned methods,
                   struct buf *scratch, struct cors_field fields[CORS_FIELDS_MAX]) {
    if (!cors)
        return 0;
    struct answer_fields a = {.scratch = scratch, .fields = fields};
    if (cors->methods)
        methods = cors->methods;
    if (!serves_any(cors))
        add(&a, "Vary", TEXT("Origin"));
    const size_t only_vary = a.count;
    const char *origin = allowed_origin(cors, h->origin);
    if (!origin || (preflight && (!(method_lookup(h->cors_method) & methods) ||
                                  !fields_allowed(cors, h->cors_headers))))
        return only_vary;
    add(&a, "Access-Control-Allow-Origin", text_of(origin));
    if (cors->credentials)
        add(&a, "Access-Control-Allow-Credentials", TEXT("true"));
    if (preflight)
        add_preflight(&a, cors, h, methods);
    else
        add_actual(&a, cors);
    if (!buf_ok(scratch))
        return only_vary;
    for (size_t i = 0; i < a.count; i++)
        if (a.in_scratch[i])
            fields[i].value.at = buf_text(scratch).at + a.offset[i];
    return a.count;
}

static bool is_lower(struct text t) {
    for (size_t i = 0; i < t.len; i++)
        if ((unsigned char)t.at[i] <= 0x20 || (unsigned char)t.at[i] >= 0x7f ||
            (t.at[i] >= 'A' && t.at[i] <= 'Z'))
            return false;
    return true;
}

static bool has_only(struct text t, const char *allowed) {
    for (size_t i = 0; i < t.len; i++)
        if (!t.at[i] || !strchr(allowed, t.at[i]))
            return false;
    return t.len > 0;
}

static bool scheme_valid(struct text scheme) {
    return has_only(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") && scheme.at[0] >= 'a';
}

static uint16_t default_port(struct text scheme) {
    if (text_equal(scheme, TEXT("https")))
        return 443;
    return text_equal(scheme, TEXT("http")) ? 80 : 0;
}

/* A name, an address in brackets, or an IPv4 address as a browser writes it. */
static bool host_valid(struct text host) {
    struct cidr address;
    if (text_find(host, ':') != host.len)
        return parse_cidr(host, &address);
    if (!has_only(host, "abcdefghijklmnopqrstuvwxyz0123456789-._") || host.at[0] == '.')
        return false;
    return !has_only(host, "0123456789.") || parse_cidr(host, &address);
}

bool cors_origin_valid(struct text origin) {
    struct text separator = TEXT("://"), host, number;
    size_t colon = text_find(origin, ':');
    struct text scheme = {origin.at, colon}, authority = text_skip(origin, colon + separator.len);
    uint16_t port;
    if (!is_lower(origin) || !scheme_valid(scheme) ||
        !text_starts(text_skip(origin, colon), separator) ||
        !parse_authority(authority, &host, &port) || !host_valid(host))
        return false;
    size_t written = host.len + (authority.at[0] == '[' ? 2 : 0);
    if (written == authority.len)
        return true;
    number = text_skip(authority, written + 1);
    return number.len && number.at[0] != '0' && port != default_port(scheme);
}
