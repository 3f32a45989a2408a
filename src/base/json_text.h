/* SPDX-License-Identifier: MIT */
/* A walk through JSON as it is written, for documents that are handed on with parts of them
 * changed: what is not changed stays as it was, numbers to the last digit. The functions are handed
 * texts out of a document for which json_is_valid() (base/json_grammar.h) is true: values without
 * blanks around them. Nothing is allocated. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>

static inline bool json_text_is_object(struct text value) {
    return value.len && value.at[0] == '{';
}
static inline bool json_text_is_array(struct text value) {
    return value.len && value.at[0] == '[';
}
static inline bool json_text_is_string(struct text value) {
    return value.len && value.at[0] == '"';
}

/* A member of an object or an element of an array; texts as they are written, a name and a string
 * with their quotes. NAME of an element is empty. */
struct json_part {
    struct text name, value;
};
/* What is left to walk through of VALUE, an object or an array; of any other value nothing. */
struct text json_text_inside(struct text value);
/* The next part; *INSIDE moves on. False at the end. A name that stands twice comes twice. */
bool json_text_next(struct text *inside, struct json_part *part) MUST_CHECK;
/* The value of the first member NAME of OBJECT; {NULL, 0} if there is none, or OBJECT is none. */
struct text json_text_member(struct text object, const char *name);

/* What STRING says is appended to INTO, without quotes and escapes. False, with nothing appended,
 * if it is no string, has half of a surrogate pair in it, or does not fit. */
bool json_text_string(struct text string, struct buf *into) MUST_CHECK;
/* Whether STRING says WHAT. An escaped spelling counts as another word. */
bool json_text_says(struct text string, const char *what);
