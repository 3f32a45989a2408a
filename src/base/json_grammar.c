/* SPDX-License-Identifier: MIT */
/* The grammar of RFC 8259, for base/json_grammar.h. */
#include "base/json_grammar.h"

#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* cJSON reads no more of a number, and does not say so. */
#define NUMBER_MAX 63

bool json_scan_take(struct json_scan *s, char c) {
    if (s->at == s->end || *s->at != c)
        return false;
    s->at++;
    return true;
}

static bool take_word(struct json_scan *s, struct text word) {
    if (!text_starts(text_from(s->at, s->end), word))
        return false;
    s->at += word.len;
    return true;
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

void json_scan_blanks(struct json_scan *s) {
    while (s->at < s->end && is_blank(*s->at))
        s->at++;
}

/* At least one decimal digit. */
static bool take_digits(struct json_scan *s) {
    const char *begin = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > begin;
}

static bool scan_number(struct json_scan *s) {
    const char *begin = s->at;
    (void)json_scan_take(s, '-');
    if (!json_scan_take(s, '0') && !take_digits(s))
        return false;
    if (json_scan_take(s, '.') && !take_digits(s))
        return false;
    if (json_scan_take(s, 'e') || json_scan_take(s, 'E')) {
        if (!json_scan_take(s, '+'))
            (void)json_scan_take(s, '-');
        if (!take_digits(s))
            return false;
    }
    return s->at - begin <= NUMBER_MAX;
}

/* What follows a backslash. Whether surrogates pair up is for those to check who read the string.
 */
static bool scan_escape(struct json_scan *s) {
    if (s->at == s->end)
        return false;
    char c = *s->at++;
    if (c != 'u')
        return c && strchr("\"\\/bfnrt", c);
    if (s->end - s->at < 4 || memcmp(s->at, "0000", 4) == 0)
        return false;
    for (int i = 0; i < 4; i++, s->at++)
        if (text_hex_digit(*s->at) < 0)
            return false;
    return true;
}

bool json_scan_string(struct json_scan *s) {
    if (!json_scan_take(s, '"'))
        return false;
    while (!json_scan_take(s, '"')) {
        uint32_t code = 0;
        size_t n = utf8_next(text_from(s->at, s->end), &code);
        if (n == 0 || code < 0x20)
            return false;
        s->at += n;
        if (code == '\\' && !scan_escape(s))
            return false;
    }
    return true;
}

static bool scan_member_name(struct json_scan *s) {
    json_scan_blanks(s);
    if (!json_scan_string(s))
        return false;
    json_scan_blanks(s);
    return json_scan_take(s, ':');
}

/* What follows the opening bracket, up to the one that closes. */
static bool scan_inside(struct json_scan *s, bool object) {
    char close = object ? '}' : ']';
    if (s->levels == 0)
        return false;
    s->levels--;
    json_scan_blanks(s);
    if (!json_scan_take(s, close)) {
        do {
            if ((object && !scan_member_name(s)) || !json_scan_value(s))
                return false;
        } while (json_scan_take(s, ','));
        if (!json_scan_take(s, close))
            return false;
    }
    s->levels++;
    return true;
}

/* A value and the blanks around it. Recursion ends with the levels. */
bool json_scan_value(struct json_scan *s) {
    bool good;
    json_scan_blanks(s);
    if (s->at == s->end)
        return false;
    switch (*s->at) {
    case '{':
    case '[':
        s->at++;
        good = scan_inside(s, s->at[-1] == '{');
        break;
    case '"':
        good = json_scan_string(s);
        break;
    case 't':
        good = take_word(s, TEXT("true"));
        break;
    case 'f':
        good = take_word(s, TEXT("false"));
        break;
    case 'n':
        good = take_word(s, TEXT("null"));
        break;
    default:
        good = scan_number(s);
    }
    json_scan_blanks(s);
    return good;
}

struct text json_trim(struct text t) {
    if (t.len == 0)
        return t;
    t = text_skip_byte_order_mark(t);
    struct json_scan s = {t.at, t.at + t.len, 0};
    json_scan_blanks(&s);
    while (s.end > s.at && is_blank(s.end[-1]))
        s.end--;
    return text_from(s.at, s.end);
}

bool json_is_valid(struct text t, unsigned max_depth) {
    if (t.len == 0)
        return false;
    struct json_scan s = {t.at, t.at + t.len, max_depth};
    return json_scan_value(&s) && s.at == s.end;
}
