/* SPDX-License-Identifier: MIT */
/* Asynchronous operations of ARM and MMS: azure/service.h. */
#include "azure/service_private.h"

#include <stdio.h>

bool azure_operation_begin(const struct azure_answer *a, struct text origin, struct buf *poll,
                           enum azure_operation *state, struct azure_error *error) {
    if (a->status < 200 || a->status > 299) {
        azure_error_read(error, a, false);
        return false;
    }
    if (a->status != 202) {
        *state = AZURE_OPERATION_DONE;
        return true;
    }
    struct text link = a->operation.len ? a->operation : a->location;
    if (link.len == 0) {
        azure_error_set(error, AZURE_MALFORMED, "the answer says not where to ask for the end");
        return false;
    }
    *state = AZURE_OPERATION_RUNNING;
    return service_resolve(link, origin, "operation's URL", poll, error);
}

/* The operation's own error, out of the same envelopes as that of an answer. */
static void read_failure(const struct azure_answer *a, const char *ended,
                         struct azure_error *error) {
    struct azure_answer failed = *a;
    failed.status = 500;
    azure_error_read(error, &failed, false);
    error->status = a->status;
    if (!error->message[0])
        (void)snprintf(error->message, sizeof error->message, "the operation ended as %s", ended);
}

/* The state in words, "status" of ARM or "state" of MMS; empty if there is none. */
static struct text state_of(const struct json *document) {
    struct text word;
    if (json_string(json_member(document, "status"), &word) ||
        json_string(json_member(document, "state"), &word))
        return word;
    return TEXT("");
}

static bool read_state(const struct azure_answer *a, struct text word, enum azure_operation *state,
                       struct azure_error *error) {
    static const char *const failures[] = {"Failed", "Canceled", "Cancelled", "TimedOut"};
    for (size_t i = 0; i < ARRAY_LEN(failures); i++)
        if (text_equal_nocase(word, text_of(failures[i]))) {
            read_failure(a, failures[i], error);
            return false;
        }
    *state =
        text_equal_nocase(word, TEXT("Succeeded")) ? AZURE_OPERATION_DONE : AZURE_OPERATION_RUNNING;
    return true;
}

bool azure_operation_read(const struct azure_answer *a, enum azure_operation *state,
                          struct azure_error *error) {
    /* Of a Location the status is the state, and the body, if there is one, the result. */
    if (a->status >= 200 && a->status <= 299 && a->body.len == 0) {
        *state = a->status == 202 ? AZURE_OPERATION_RUNNING : AZURE_OPERATION_DONE;
        return true;
    }
    struct json *document = document_read(a, error);
    if (!document)
        return false;
    struct text word = state_of(document);
    bool good = true;
    if (word.len)
        good = read_state(a, word, state, error);
    else
        *state = a->status == 202 ? AZURE_OPERATION_RUNNING : AZURE_OPERATION_DONE;
    json_free(&document);
    return good;
}
