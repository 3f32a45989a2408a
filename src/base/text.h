/* SPDX-License-Identifier: MIT */
/* A text is a view of bytes that somebody else owns: not terminated, possibly empty, never freed.
 * Names and values of HTTP fields, paths and tokens travel as texts, so that nothing is copied to
 * be looked at. ASCII only where case matters, as in RFC 9110. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct text {
    const char *at;
    size_t len;
};

/* A text of a string literal, and what printf("%.*s") wants. */
#define TEXT(literal) ((struct text){"" literal, sizeof(literal) - 1})
#define TEXT_ARG(t)   (int)(t).len, (t).at

static inline struct text text_of(const char *string) {
    return (struct text){string ? string : "", string ? strlen(string) : 0};
}

/* Of strings that may be missing (NULL): the same, or both missing. */
static inline bool string_same(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static inline struct text text_from(const char *begin, const char *end) {
    return (struct text){begin, (size_t)(end - begin)};
}

static inline bool text_equal(struct text a, struct text b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline char text_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline bool text_equal_nocase(struct text a, struct text b) {
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (text_lower(a.at[i]) != text_lower(b.at[i]))
            return false;
    return true;
}

static inline bool text_starts(struct text t, struct text prefix) {
    return t.len >= prefix.len && (prefix.len == 0 || memcmp(t.at, prefix.at, prefix.len) == 0);
}

static inline struct text text_skip(struct text t, size_t n) {
    return n >= t.len ? (struct text){t.at + t.len, 0} : (struct text){t.at + n, t.len - n};
}

/* What some editors, and .NET, put before a text of UTF-8. */
#define TEXT_BYTE_ORDER_MARK TEXT("\xef\xbb\xbf")

static inline struct text text_skip_byte_order_mark(struct text t) {
    return text_starts(t, TEXT_BYTE_ORDER_MARK) ? text_skip(t, TEXT_BYTE_ORDER_MARK.len) : t;
}

/* The value of a hexadecimal digit; -1: C is none. */
static inline int text_hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = text_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* T as a string, to be freed; NULL: out of memory. */
static inline char *text_dup(struct text t) {
    char *string = malloc(t.len + 1);
    if (!string)
        return NULL;
    if (t.len)
        memcpy(string, t.at, t.len);
    string[t.len] = '\0';
    return string;
}

/* Where byte C first stands in T, or T.len. */
static inline size_t text_find(struct text t, char c) {
    const char *hit = t.len ? memchr(t.at, (unsigned char)c, t.len) : NULL;
    return hit ? (size_t)(hit - t.at) : t.len;
}

/* T without spaces and tabs at both ends (OWS of RFC 9110 section 5.6.3). */
static inline struct text text_trim(struct text t) {
    while (t.len && (t.at[0] == ' ' || t.at[0] == '\t')) {
        t.at++;
        t.len--;
    }
    while (t.len && (t.at[t.len - 1] == ' ' || t.at[t.len - 1] == '\t'))
        t.len--;
    return t;
}

/* The next element of the comma-separated LIST (RFC 9110 section 5.6.1), trimmed; *LIST moves on.
 * False at the end; empty elements are returned as empty texts. */
static inline bool text_next_element(struct text *list, struct text *element) {
    if (!list->at)
        return false;
    size_t comma = text_find(*list, ',');
    *element = text_trim((struct text){list->at, comma});
    if (comma == list->len)
        *list = (struct text){NULL, 0};
    else
        *list = text_skip(*list, comma + 1);
    return true;
}
