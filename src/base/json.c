/* SPDX-License-Identifier: MIT */
/* JSON for scoregate. cJSON builds the tree; what it is lax about (controls in strings, odd
 * numbers, trailing bytes, "\u0000", deep nesting) a scan of the grammar of RFC 8259 refuses
 * before. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

/* Length of the well-formed UTF-8 sequence at S of N bytes (RFC 3629 section 4), or 0. */
static size_t utf8_length(const unsigned char *s, size_t n) {
    size_t len = s[0] < 0x80   ? 1
                 : s[0] < 0xc2 ? 0
                 : s[0] < 0xe0 ? 2
                 : s[0] < 0xf0 ? 3
                 : s[0] < 0xf5 ? 4
                               : 0;
    if (len == 0 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return len;
}

void json_add_string(struct buf *b, struct text t) {
    buf_add_char(b, '"');
    while (t.len) {
        unsigned char c = (unsigned char)t.at[0];
        size_t n = utf8_length((const unsigned char *)t.at, t.len);
        if (n == 0)
            buf_add_string(b, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            buf_addf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_addf(b, "\\u%04x", c);
        else
            buf_add(b, t.at, n);
        t = text_skip(t, n ? n : 1);
    }
    buf_add_char(b, '"');
}

/* The scan: each function takes what it reads off the front of T. */

static bool scan_value(struct text *t, unsigned depth);

static void skip_blanks(struct text *t) {
    while (t->len && (t->at[0] == ' ' || t->at[0] == '\t' || t->at[0] == '\n' || t->at[0] == '\r'))
        *t = text_skip(*t, 1);
}

static bool scan_char(struct text *t, char c) {
    if (!t->len || t->at[0] != c)
        return false;
    *t = text_skip(*t, 1);
    return true;
}

static bool scan_digits(struct text *t) {
    size_t n = 0;
    while (n < t->len && t->at[n] >= '0' && t->at[n] <= '9')
        n++;
    *t = text_skip(*t, n);
    return n > 0;
}

static bool scan_number(struct text *t) {
    (void)scan_char(t, '-');
    if (!scan_char(t, '0') && !scan_digits(t))
        return false;
    if (scan_char(t, '.') && !scan_digits(t))
        return false;
    if (scan_char(t, 'e') || scan_char(t, 'E')) {
        if (!scan_char(t, '+'))
            (void)scan_char(t, '-');
        return scan_digits(t);
    }
    return true;
}

static bool scan_escape(struct text *t) {
    if (!t->len)
        return false;
    char c = t->at[0];
    *t = text_skip(*t, 1);
    if (c != 'u')
        return memchr("\"\\/bfnrt", c, 8) != NULL;
    if (t->len < 4 || memcmp(t->at, "0000", 4) == 0)
        return false;
    for (size_t i = 0; i < 4; i++)
        if (!memchr("0123456789abcdefABCDEF", t->at[i], 22))
            return false;
    *t = text_skip(*t, 4);
    return true;
}

static bool scan_string(struct text *t) {
    if (!scan_char(t, '"'))
        return false;
    while (t->len) {
        unsigned char c = (unsigned char)t->at[0];
        size_t n = utf8_length((const unsigned char *)t->at, t->len);
        if (n == 0 || c < 0x20)
            return false;
        *t = text_skip(*t, n);
        if (c == '"')
            return true;
        if (c == '\\' && !scan_escape(t))
            return false;
    }
    return false;
}

/* The elements of an array, or the members of an object, up to CLOSE. */
static bool scan_list(struct text *t, char close, unsigned depth) {
    skip_blanks(t);
    if (scan_char(t, close))
        return true;
    for (;;) {
        skip_blanks(t);
        if (close == '}') {
            if (!scan_string(t))
                return false;
            skip_blanks(t);
            if (!scan_char(t, ':'))
                return false;
        }
        if (!scan_value(t, depth))
            return false;
        skip_blanks(t);
        if (scan_char(t, close))
            return true;
        if (!scan_char(t, ','))
            return false;
    }
}

static bool scan_word(struct text *t, struct text word) {
    if (!text_starts(*t, word))
        return false;
    *t = text_skip(*t, word.len);
    return true;
}

static bool scan_value(struct text *t, unsigned depth) {
    skip_blanks(t);
    if (!t->len)
        return false;
    switch (t->at[0]) {
    case '{':
        *t = text_skip(*t, 1);
        return depth > 0 && scan_list(t, '}', depth - 1);
    case '[':
        *t = text_skip(*t, 1);
        return depth > 0 && scan_list(t, ']', depth - 1);
    case '"':
        return scan_string(t);
    case 't':
        return scan_word(t, TEXT("true"));
    case 'f':
        return scan_word(t, TEXT("false"));
    case 'n':
        return scan_word(t, TEXT("null"));
    default:
        return scan_number(t);
    }
}

/* A struct json is a cJSON by another name. */

static const cJSON *of(const struct json *value) {
    return (const cJSON *)(const void *)value;
}

static struct json *as_json(cJSON *value) {
    return (struct json *)(void *)value;
}

struct json *json_parse(struct text t, unsigned max_depth) {
    struct text rest = t;
    if (!scan_value(&rest, max_depth))
        return NULL;
    skip_blanks(&rest);
    if (rest.len)
        return NULL;
    return as_json(cJSON_ParseWithLengthOpts(t.at, t.len, NULL, false));
}

static void wipe(cJSON *value) {
    for (; value; value = value->next) {
        if (value->valuestring)
            explicit_bzero(value->valuestring, strlen(value->valuestring));
        wipe(value->child);
    }
}

void json_free(struct json **document) {
    cJSON *root = (cJSON *)(void *)*document;
    *document = NULL;
    wipe(root);
    cJSON_Delete(root);
}

const struct json *json_member(const struct json *value, const char *name) {
    const cJSON *found = NULL, *member;
    if (!json_is_object(value))
        return NULL;
    cJSON_ArrayForEach(member, of(value)) {
        if (!member->string || strcmp(member->string, name) != 0)
            continue;
        if (found)
            return NULL; /* twice: which one is meant cannot be known */
        found = member;
    }
    return (const struct json *)(const void *)found;
}

const struct json *json_first(const struct json *array) {
    return json_is_array(array) ? (const struct json *)(const void *)of(array)->child : NULL;
}

const struct json *json_next(const struct json *element) {
    return (const struct json *)(const void *)of(element)->next;
}

bool json_is_array(const struct json *value) {
    return cJSON_IsArray(of(value));
}

bool json_is_object(const struct json *value) {
    return cJSON_IsObject(of(value));
}

bool json_string(const struct json *value, struct text *string) {
    if (!cJSON_IsString(of(value)) || !of(value)->valuestring)
        return false;
    *string = text_of(of(value)->valuestring);
    return true;
}

bool json_number(const struct json *value, double *number) {
    if (!cJSON_IsNumber(of(value)))
        return false;
    *number = of(value)->valuedouble;
    return true;
}
