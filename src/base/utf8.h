/* SPDX-License-Identifier: MIT */
/* UTF-8 (RFC 3629) as far as escaping needs it: one character at a time, and which characters may
 * be shown to people as they are. */
#pragma once

#include "base/buf.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first character of T: its length in bytes (1..4) with its number in *CODE; or 0 with *CODE
 * untouched where T is empty or does not begin with UTF-8 (overlong forms, surrogates, numbers
 * above U+10FFFF and cut-off sequences are none). */
static inline size_t utf8_next(struct text t, uint32_t *code) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (t.len == 0)
        return 0;
    uint32_t c = (unsigned char)t.at[0];
    if (c < 0x80) {
        *code = c;
        return 1;
    }
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || t.len < n)
        return 0;
    c &= 0x7fu >> n;
    for (size_t i = 1; i < n; i++) {
        unsigned char byte = (unsigned char)t.at[i];
        if ((byte & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (byte & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *code = c;
    return n;
}

/* Appends the character CODE, which is no surrogate and not above U+10FFFF. */
static inline void utf8_add(struct buf *b, uint32_t code) {
    char bytes[4];
    size_t n = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char marks[] = {0, 0, 0xc0, 0xe0, 0xf0};
    for (size_t i = n; i-- > 1; code >>= 6)
        bytes[i] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(marks[n] | code);
    buf_add(b, bytes, n);
}

/* True for what acts on a terminal or a viewer instead of being seen: the control characters of
 * ASCII and Latin-1, line and paragraph separators, and the overrides of writing direction. */
static inline bool utf8_is_control(uint32_t code) {
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2066 && code <= 0x2069);
}

/* How many bytes at the start of T may stand between quotes as they are: whole UTF-8 characters
 * that are no control, no '"' and no '\'. */
static inline size_t utf8_plain(struct text t) {
    size_t n = 0;
    while (n < t.len) {
        unsigned char byte = (unsigned char)t.at[n];
        size_t length = 1;
        if (byte >= 0x80) {
            uint32_t code = 0;
            length = utf8_next(text_skip(t, n), &code);
            if (length == 0 || utf8_is_control(code))
                return n;
        } else if (byte < 0x20 || byte == 0x7f || byte == '"' || byte == '\\') {
            return n;
        }
        n += length;
    }
    return n;
}
