/* SPDX-License-Identifier: MIT */
/* Reading percent-encoding (RFC 3986 section 2.1) to look at what it hides; nothing is rewritten.
 */
#pragma once

#include "base/text.h"

/* The byte whose two hex digits stand at T.at[AT], or -1 if they do not. */
static inline int percent_byte(struct text t, size_t at) {
    if (at >= t.len || t.len - at < 2)
        return -1;
    int high = text_hex_digit(t.at[at]), low = text_hex_digit(t.at[at + 1]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}
