/* SPDX-License-Identifier: MIT */
/* The documents of gateway/document.h. */
#include "gateway/document.h"

#include "base/buf.h"
#include "base/parse.h"

#include <stdlib.h>
#include <string.h>

/* A year: no document is fresh for longer (RFC 9111 section 5.2.2.1 has no end). */
#define AGE_MAX 31536000U
/* The head of an answer is smaller. */
#define CONTROL_MAX (64 * 1024)

/* What an answer says of how it may be kept. */
struct caching {
    bool store, check;     /* check: not used without asking */
    bool said;             /* how long it is fresh */
    uint64_t seconds, age; /* as the endpoint says them */
};

static struct text value_of(struct text directive) {
    return text_skip(directive, text_find(directive, '=') + 1);
}

static uint64_t seconds_of(struct text directive) {
    uint64_t seconds;
    if (!parse_u64(value_of(directive), UINT64_MAX, &seconds))
        return 0;
    return seconds < AGE_MAX ? seconds : AGE_MAX;
}

/* Many callers share what is kept here (RFC 9111 section 5.2.2): "private" is not for them, and
 * s-maxage goes before max-age. */
static void read_directive(struct caching *c, struct text directive) {
    struct text name = {directive.at, text_find(directive, '=')};
    bool shared = text_equal_nocase(name, TEXT("s-maxage"));
    if (text_equal_nocase(name, TEXT("no-store")) || text_equal_nocase(name, TEXT("private"))) {
        c->store = false;
    } else if (text_equal_nocase(name, TEXT("no-cache"))) {
        c->check = true;
    } else if (shared || (text_equal_nocase(name, TEXT("max-age")) && !c->said)) {
        c->said = true;
        c->seconds = seconds_of(directive);
    }
}

/* Expires counts where Cache-Control says nothing; what is no date is past (RFC 9111 section 5.3).
 */
static void read_expires(struct caching *c, const struct field_line *lines, size_t n) {
    struct text expires = field_value(lines, n, TEXT("expires"));
    int64_t end, now;
    if (c->said || !expires.at)
        return;
    c->said = true;
    if (parse_http_date(expires, &end) &&
        parse_http_date(field_value(lines, n, TEXT("date")), &now) && end > now)
        c->seconds = end - now < AGE_MAX ? (uint64_t)(end - now) : AGE_MAX;
}

/* What makes other answers of the same address than the query does is not kept: callers' fields
 * pass to the endpoint as they come. */
static bool varies(struct text fields) {
    struct text one;
    while (text_next_element(&fields, &one))
        if (one.len && !text_equal_nocase(one, TEXT("Origin")) &&
            !text_equal_nocase(one, TEXT("Accept-Encoding")))
            return true;
    return false;
}

/* CONTROL: all that was said under Cache-Control. */
static struct caching read_caching(struct text control, const struct field_line *lines, size_t n) {
    struct caching c = {.store = true};
    struct text directive;
    while (text_next_element(&control, &directive))
        read_directive(&c, directive);
    read_expires(&c, lines, n);
    struct text age = field_value(lines, n, TEXT("age"));
    if (age.at && !parse_u64(age, AGE_MAX, &c.age))
        c.age = AGE_MAX;
    for (size_t i = 0; i < n; i++)
        if (lines[i].id == FIELD_VARY && varies(lines[i].value))
            c.store = false;
    return c;
}

static void set_fresh(struct document *d, const struct field_line *lines, size_t n, usec_t now) {
    struct caching c = read_caching(text_of(d->cache_control), lines, n);
    d->kept = c.store && d->length <= DOCUMENT_KEPT_BYTES;
    d->born = now - (usec_t)c.age * USEC_PER_SEC;
    if (c.check)
        d->fresh = now;
    else
        d->fresh = c.said ? d->born + (usec_t)c.seconds * USEC_PER_SEC : now + DOCUMENT_FRESH;
}

/* Copies the value of the first of LINES called ID. False: memory is out. */
static bool copy_value(char **into, const struct field_line *lines, size_t n, enum field id) {
    for (size_t i = 0; i < n; i++) {
        if (lines[i].id != id)
            continue;
        char *copy = text_dup(lines[i].value);
        if (!copy)
            return false;
        free(*into);
        *into = copy;
        return true;
    }
    return true;
}

/* Several lines become one value. False: memory is out. */
static bool copy_cache_control(struct document *d, const struct field_line *lines, size_t n) {
    struct buf all;
    buf_init(&all, CONTROL_MAX);
    for (size_t i = 0; i < n; i++) {
        if (lines[i].id != FIELD_CACHE_CONTROL || lines[i].value.len == 0)
            continue;
        if (all.len)
            buf_add_string(&all, ", ");
        buf_add_text(&all, lines[i].value);
    }
    bool ok = buf_ok(&all);
    if (!ok || all.len == 0) {
        buf_done(&all);
        return ok;
    }
    free(d->cache_control);
    d->cache_control = all.at;
    return true;
}

struct document *document_new(struct text query, struct text body, const struct field_line *lines,
                              size_t n, usec_t now) {
    struct document *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->references = 1;
    d->query = text_dup(query);
    d->body = text_dup(body);
    d->length = body.len;
    bool ok = d->query && d->body && copy_cache_control(d, lines, n) &&
              copy_value(&d->etag, lines, n, FIELD_ETAG) &&
              copy_value(&d->last_modified, lines, n, FIELD_LAST_MODIFIED);
    if (!ok) {
        document_unref(&d);
        return NULL;
    }
    set_fresh(d, lines, n, now);
    return d;
}

struct document *document_ref(struct document *d) {
    d->references++;
    return d;
}

static void forget_shown(struct document *d) {
    free(d->shown_host);
    free(d->shown);
    d->shown_host = d->shown = NULL;
}

void document_unref(struct document **pointer) {
    struct document *d = *pointer;
    *pointer = NULL;
    if (!d || --d->references > 0)
        return;
    free(d->query);
    free(d->body);
    free(d->cache_control);
    free(d->etag);
    free(d->last_modified);
    forget_shown(d);
    free(d);
}

void document_renew(struct document *d, const struct field_line *lines, size_t n, usec_t now) {
    /* Without memory what it said before holds. */
    (void)copy_cache_control(d, lines, n);
    (void)copy_value(&d->etag, lines, n, FIELD_ETAG);
    (void)copy_value(&d->last_modified, lines, n, FIELD_LAST_MODIFIED);
    set_fresh(d, lines, n, now);
}

void document_show(struct document *d, struct text host, struct text shown) {
    forget_shown(d);
    d->shown_host = text_dup(host);
    d->shown = text_dup(shown);
    if (!d->shown_host || !d->shown) {
        forget_shown(d);
        return;
    }
    d->shown_length = shown.len;
}

struct text document_shown(const struct document *d, struct text host) {
    if (!d->shown || !text_equal(text_of(d->shown_host), host))
        return (struct text){0};
    return (struct text){d->shown, d->shown_length};
}

static size_t place_of(const struct documents *all, struct text query) {
    size_t i = 0;
    while (i < DOCUMENTS_MAX && all->at[i] && !text_equal(text_of(all->at[i]->query), query))
        i++;
    return i;
}

struct document *documents_find(const struct documents *all, struct text query) {
    size_t i = place_of(all, query);
    return i < DOCUMENTS_MAX ? all->at[i] : NULL;
}

void documents_keep(struct documents *all, struct document *d) {
    size_t i = place_of(all, text_of(d->query));
    if (i == DOCUMENTS_MAX && !d->kept)
        return;
    if (i == DOCUMENTS_MAX)
        i--;
    document_unref(&all->at[i]);
    if (!d->kept) {
        memmove(&all->at[i], &all->at[i + 1], (DOCUMENTS_MAX - 1 - i) * sizeof all->at[0]);
        all->at[DOCUMENTS_MAX - 1] = NULL;
        return;
    }
    memmove(&all->at[1], &all->at[0], i * sizeof all->at[0]);
    all->at[0] = document_ref(d);
}

void documents_done(struct documents *all) {
    for (size_t i = 0; i < DOCUMENTS_MAX; i++)
        document_unref(&all->at[i]);
}
