/* SPDX-License-Identifier: MIT */
/* The walk of base/json_text.h. */
#include "base/json_text.h"

#include "base/json_grammar.h"
#include "base/utf8.h"

#include <limits.h>
#include <string.h>

struct text json_text_inside(struct text value) {
    if (!json_text_is_object(value) && !json_text_is_array(value))
        return TEXT("");
    return (struct text){value.at + 1, value.len - 2};
}

bool json_text_next(struct text *inside, struct json_part *part) {
    /* The document is valid, so that nothing is too deep and every comma has a part behind it. */
    struct json_scan s = {inside->at, inside->at + inside->len, UINT_MAX};
    *part = (struct json_part){0};
    json_scan_blanks(&s);
    if (s.at == s.end)
        return false;
    const char *begin = s.at;
    if (json_scan_string(&s)) {
        part->name = text_from(begin, s.at);
        json_scan_blanks(&s);
        if (!json_scan_take(&s, ':')) { /* it was an element */
            part->name = (struct text){0};
            s.at = begin;
        }
    }
    begin = s.at;
    if (!json_scan_value(&s))
        return false;
    part->value = json_trim(text_from(begin, s.at));
    (void)json_scan_take(&s, ',');
    *inside = text_from(s.at, s.end);
    return true;
}

struct text json_text_member(struct text object, const char *name) {
    struct text inside = json_text_inside(object);
    struct json_part part;
    while (json_text_is_object(object) && json_text_next(&inside, &part))
        if (json_text_says(part.name, name))
            return part.value;
    return (struct text){0};
}

/* Four hexadecimal digits of valid JSON. */
static uint32_t hex4(const char *at) {
    uint32_t code = 0;
    for (int i = 0; i < 4; i++)
        code = code << 4 | (uint32_t)text_hex_digit(at[i]);
    return code;
}

static bool is_surrogate(uint32_t code, uint32_t first) {
    return code >= first && code < first + 0x400;
}

/* The character of the escape that T begins with, and its length; 0: half of a surrogate pair. */
static size_t read_escape(struct text t, uint32_t *code) {
    static const char letters[] = "bfnrt", plain[] = "\b\f\n\r\t";
    const char *hit = strchr(letters, t.at[1]);
    if (t.at[1] != 'u') {
        *code = (unsigned char)(hit ? plain[hit - letters] : t.at[1]);
        return 2;
    }
    *code = hex4(t.at + 2);
    if (is_surrogate(*code, 0xdc00))
        return 0;
    if (!is_surrogate(*code, 0xd800))
        return 6;
    if (t.len < 12 || t.at[6] != '\\' || t.at[7] != 'u' || !is_surrogate(hex4(t.at + 8), 0xdc00))
        return 0;
    *code = 0x10000 + ((*code - 0xd800) << 10) + (hex4(t.at + 8) - 0xdc00);
    return 12;
}

/* Appends what the escape says that *REST begins with, and moves on behind it. */
static bool add_escape(struct buf *into, struct text *rest) {
    uint32_t code = 0;
    size_t n = read_escape(*rest, &code);
    if (n)
        utf8_add(into, code);
    *rest = text_skip(*rest, n);
    return n;
}

bool json_text_string(struct text string, struct buf *into) {
    if (!json_text_is_string(string))
        return false;
    struct text rest = {string.at + 1, string.len - 2};
    size_t before = into->len;
    bool good = true;
    while (good && rest.len) {
        size_t plain = text_find(rest, '\\');
        buf_add_text(into, (struct text){rest.at, plain});
        rest = text_skip(rest, plain);
        good = rest.len == 0 || add_escape(into, &rest);
    }
    good = good && buf_ok(into);
    if (!good)
        buf_truncate(into, before);
    return good;
}

bool json_text_says(struct text string, const char *what) {
    return json_text_is_string(string) &&
           text_equal((struct text){string.at + 1, string.len - 2}, text_of(what));
}
