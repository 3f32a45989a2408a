/* SPDX-License-Identifier: MIT */
/* The grammar of JSON (RFC 8259), strictly, for those that read it: base/json.h into a tree,
 * base/json_text.h in place. Left out are the escape \u0000 and numbers of more than 63 characters,
 * which cJSON would cut short without a word. */
#pragma once

#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>

/* T without a byte order mark, which .NET likes to begin with, and without blanks around it. */
struct text json_trim(struct text t);
/* Whether T is one value of at most MAX_DEPTH levels, with blanks around it or none, and no byte
 * order mark. */
bool json_is_valid(struct text t, unsigned max_depth) MUST_CHECK;

/* A place in a text. The functions move it on behind what they find there, and return false if it
 * is something else. */
struct json_scan {
    const char *at, *end;
    unsigned levels; /* that may still be opened */
};

void json_scan_blanks(struct json_scan *s);
/* The character C. */
bool json_scan_take(struct json_scan *s, char c);
/* A string with its quotes. */
bool json_scan_string(struct json_scan *s) MUST_CHECK;
/* A value, and the blanks around it. Recursion ends with the levels. */
bool json_scan_value(struct json_scan *s) MUST_CHECK;
