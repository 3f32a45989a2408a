/* SPDX-License-Identifier: MIT */
/* JSON (RFC 8259) with limits: writing strings safely, reading small documents. The only file that
 * knows cJSON is json.c. Numbers come back as doubles, strings without NUL bytes. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>

/* Appends T as a JSON string with its quotes. NUL, which json_parse() refuses, and bytes that are
 * not UTF-8 become U+FFFD; control characters are escaped. */
void json_add_string(struct buf *b, struct text t);

struct json; /* a value inside a parsed document */

/* Parses the whole of T: no trailing bytes, at most MAX_DEPTH levels, no NUL bytes. NULL if it is
 * not such a document. The caller frees it with json_free(), which wipes every string in it. */
struct json *json_parse(struct text t, unsigned max_depth) MUST_CHECK;
void json_free(struct json **document);

/* A member of an object, or NULL (also where VALUE is NULL or no object). A name that stands twice
 * in the object counts as absent. */
const struct json *json_member(const struct json *value, const char *name);
/* First element of an array and the one after ELEMENT, or NULL; likewise the members of an object,
 * each with its name. Here a name that stands twice comes twice. */
const struct json *json_first(const struct json *array);
const struct json *json_first_member(const struct json *object);
const struct json *json_next(const struct json *element);
struct text json_name(const struct json *member);
bool json_is_array(const struct json *value);
bool json_is_object(const struct json *value);
/* False, with the output untouched, if VALUE is NULL or of another type. */
bool json_string(const struct json *value, struct text *string) MUST_CHECK;
bool json_number(const struct json *value, double *number) MUST_CHECK;
bool json_bool(const struct json *value, bool *flag) MUST_CHECK;
/* True also where VALUE is NULL: a member that is null says no more than one that is absent. */
bool json_is_null(const struct json *value);
