/* SPDX-License-Identifier: MIT */
/* The JSON document that an answer holds, read member by member. Nothing in it is believed: each
 * member has its type, its characters and its ceiling, and what is wrong is AZURE_MALFORMED with a
 * sentence that names the member. A member that is absent or null leaves the output untouched. */
#pragma once

#include "azure/answer.h"
#include "base/json.h"

/* The object of an answer of 2xx, to be given to document_end(). NULL with ERROR if the answer is
 * an error or holds no object. */
struct json *document_read(const struct azure_answer *a, struct azure_error *error) MUST_CHECK;
/* Frees the document (NULL is fine) and returns GOOD; if that is false, ERROR gets the status. */
bool document_end(struct json **document, const struct azure_answer *a, bool good,
                  struct azure_error *error) MUST_CHECK;

/* A name, a state: printable ASCII, 1 … 256 bytes; where there is none it is OTHERWISE, or, if that
 * is NULL, an error. *INTO is the caller's to free. */
bool document_word(const struct json *object, const char *name, const char *otherwise, char **into,
                   struct azure_error *error) MUST_CHECK;
/* An http or https URI as config/uri.h takes it; an empty string is none. *INTO is the caller's. */
bool document_uri(const struct json *object, const char *name, char **into,
                  struct azure_error *error) MUST_CHECK;
bool document_flag(const struct json *object, const char *name, bool *flag,
                   struct azure_error *error) MUST_CHECK;
/* A whole number from 0 to MAX. */
bool document_count(const struct json *object, const char *name, unsigned max, unsigned *count,
                    struct azure_error *error) MUST_CHECK;
/* Seconds since 1970, of this age of the world. */
bool document_time(const struct json *object, const char *name, int64_t *time_s,
                   struct azure_error *error) MUST_CHECK;
/* What parse_is_credential() takes, without the newlines at its end; an empty string is none. *INTO
 * becomes the caller's reference. */
bool document_credential(const struct json *object, const char *name, struct secret **into,
                         struct azure_error *error) MUST_CHECK;

/* A copy of T; false with ERROR if there is no memory for it. */
bool document_copy(struct text t, char **into, struct azure_error *error) MUST_CHECK;
