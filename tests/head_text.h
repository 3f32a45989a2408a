/* SPDX-License-Identifier: MIT */
/* Writes down a request head as text, for tests: the request line, then a field to a line, parted
 * by LF. "HTTP/1.0" at the end of the request line sets the version, which is 1.1 otherwise.
 * Nothing is checked, so that every wrong byte reaches head_check(). */
#pragma once

#include "policy/head.h"

#define HEAD_TEXT_LINES 64

struct head_text {
    struct head head;
    struct field_line lines[HEAD_TEXT_LINES];
};

static inline struct text head_text_line(struct text *rest) {
    size_t end = text_find(*rest, '\n');
    struct text line = {rest->at, end};
    *rest = text_skip(*rest, end + 1);
    return line;
}

static inline void head_text_request(struct head *h, struct text line) {
    const struct text versions[] = {TEXT(" HTTP/1.0"), TEXT(" HTTP/1.1")};
    h->version = 11;
    for (size_t i = 0; i < 2; i++) {
        if (line.len < versions[i].len ||
            !text_equal(text_skip(line, line.len - versions[i].len), versions[i]))
            continue;
        line.len -= versions[i].len;
        h->version = 10 + (unsigned)i;
        break;
    }
    size_t blank = text_find(line, ' ');
    h->method_text = (struct text){line.at, blank};
    h->target = text_skip(line, blank + 1);
}

/* INPUT must live as long as T. */
static inline void head_text_read(struct head_text *t, struct text input) {
    t->head = (struct head){.fields = t->lines};
    head_text_request(&t->head, head_text_line(&input));
    while (input.len && t->head.field_count < HEAD_TEXT_LINES) {
        struct text line = head_text_line(&input);
        size_t colon = text_find(line, ':');
        t->lines[t->head.field_count++] =
            (struct field_line){{line.at, colon}, text_skip(line, colon + 1), FIELD_OTHER};
    }
}
