/* SPDX-License-Identifier: MIT */
/* The walk of base/json_text.h. */
#include "base/json_text.h"

#include "base/json.h"
#include "base/json_grammar.h"

#include <limits.h>

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

bool json_text_string(struct text string, struct buf *into) {
    if (!json_text_is_string(string))
        return false;
    struct text plain = {string.at + 1, string.len - 2};
    if (text_find(plain, '\\') == plain.len) {
        buf_add_text(into, plain);
        return buf_ok(into);
    }
    struct json *document = json_parse(string, 0);
    bool good = json_string(document, &plain);
    if (good)
        buf_add_text(into, plain);
    json_free(&document);
    return good && buf_ok(into);
}

bool json_text_says(struct text string, const char *what) {
    return json_text_is_string(string) &&
           text_equal((struct text){string.at + 1, string.len - 2}, text_of(what));
}
