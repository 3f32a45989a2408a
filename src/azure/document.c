/* SPDX-License-Identifier: MIT */
/* The readers of azure/document.h. */
#include "azure/document.h"

#include "base/parse.h"
#include "config/uri.h"

#include <stdlib.h>

#define DEPTH_MAX 32
#define WORD_MAX  256
/* The year 5138: a number of milliseconds is no time in seconds. */
#define TIME_MAX_S 1e11

struct json *document_read(const struct azure_answer *a, struct azure_error *error) {
    if (a->status < 200 || a->status > 299) {
        azure_error_read(error, a, false);
        return NULL;
    }
    struct json *document = json_parse(a->body, DEPTH_MAX);
    if (json_is_object(document))
        return document;
    json_free(&document);
    azure_error_set(error, AZURE_MALFORMED, "the answer is no JSON object");
    return NULL;
}

bool document_end(struct json **document, const struct azure_answer *a, bool good,
                  struct azure_error *error) {
    json_free(document);
    if (!good)
        error->status = a->status;
    return good;
}

static bool wrong(struct azure_error *error, const char *name, const char *what) {
    azure_error_set(error, AZURE_MALFORMED, "\"%s\" %s", name, what);
    return false;
}

bool document_copy(struct text t, char **into, struct azure_error *error) {
    *into = text_dup(t);
    if (!*into)
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return *into != NULL;
}

static bool is_word(struct text t) {
    for (size_t i = 0; i < t.len; i++)
        if (t.at[i] < 0x20 || t.at[i] > 0x7e)
            return false;
    return t.len > 0 && t.len <= WORD_MAX;
}

bool document_word(const struct json *object, const char *name, const char *otherwise, char **into,
                   struct azure_error *error) {
    struct text t;
    const struct json *member = json_member(object, name);
    if (json_is_null(member))
        return otherwise ? document_copy(text_of(otherwise), into, error)
                         : wrong(error, name, "is missing");
    if (!json_string(member, &t) || !is_word(t))
        return wrong(error, name, "is no short text of plain characters");
    return document_copy(t, into, error);
}

bool document_uri(const struct json *object, const char *name, char **into,
                  struct azure_error *error) {
    struct text t;
    struct config_uri uri;
    const struct json *member = json_member(object, name);
    if (json_is_null(member))
        return true;
    if (!json_string(member, &t))
        return wrong(error, name, "is no text");
    if (t.len == 0)
        return true;
    const char *why = uri_parse(t, &uri);
    if (why) {
        azure_error_set(error, AZURE_MALFORMED, "\"%s\" is no usable URI: %s", name, why);
        return false;
    }
    uri_done(&uri);
    return document_copy(t, into, error);
}

bool document_flag(const struct json *object, const char *name, bool *flag,
                   struct azure_error *error) {
    const struct json *member = json_member(object, name);
    return json_is_null(member) || json_bool(member, flag) ||
           wrong(error, name, "is neither true nor false");
}

bool document_count(const struct json *object, const char *name, unsigned max, unsigned *count,
                    struct azure_error *error) {
    double number;
    const struct json *member = json_member(object, name);
    if (json_is_null(member))
        return true;
    if (!json_number(member, &number) || number < 0 || number > max ||
        number != (double)(unsigned)number)
        return wrong(error, name, "is no whole number that can be");
    *count = (unsigned)number;
    return true;
}

bool document_time(const struct json *object, const char *name, int64_t *time_s,
                   struct azure_error *error) {
    double number;
    const struct json *member = json_member(object, name);
    if (json_is_null(member))
        return true;
    if (!json_number(member, &number) || number < 0 || number > TIME_MAX_S)
        return wrong(error, name, "is no time in seconds since 1970");
    *time_s = (int64_t)number;
    return true;
}

bool document_credential(const struct json *object, const char *name, struct secret **into,
                         struct azure_error *error) {
    struct text t;
    const struct json *member = json_member(object, name);
    if (json_is_null(member))
        return true;
    if (!json_string(member, &t))
        return wrong(error, name, "is no text");
    if (t.len == 0)
        return true;
    while (t.len && (t.at[t.len - 1] == '\n' || t.at[t.len - 1] == '\r'))
        t.len--;
    if (!parse_is_credential(t))
        return wrong(error, name, "does not have the form of a credential");
    *into = secret_new(t);
    if (!*into)
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return *into != NULL;
}
