/* SPDX-License-Identifier: MIT */
/* An answer of one of Azure's services, and what is wrong with it. Each service has an envelope of
 * its own for errors; azure_error_read() knows all of them. */
#pragma once

#include "azure/request.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The texts belong to whoever fetched it. */
struct azure_answer {
    unsigned status;
    struct text body;
    struct text challenge; /* WWW-Authenticate */
    struct text location;  /* Location */
    struct text operation; /* Azure-AsyncOperation, or Operation-Location */
    int64_t retry_after_s; /* of Retry-After; -1: not said */
    int64_t date_s;        /* the server's clock (Date) in seconds since 1970; 0: not said. Absolute
                            * times in an answer are read against it, so that a wrong clock of this
                            * machine does no harm. */
};

enum azure_failure {
    AZURE_FINE,
    AZURE_REJECTED,     /* the identity service refuses what we show, or a management service what
                         * we ask: a person must act */
    AZURE_UNAUTHORIZED, /* 401 of a management service: the bearer is not good any more */
    AZURE_FORBIDDEN,    /* 403: a role is missing */
    AZURE_MISSING,      /* 404: no such endpoint, service, secret */
    AZURE_UNAVAILABLE,  /* 408, 409, 410, 429, 5xx, or no answer at all: try again */
    AZURE_MALFORMED,    /* an answer that is not what the protocol says */
    AZURE_UNUSABLE,     /* nothing was sent: a file or variable that is needed is not there */
    AZURE_NO_MEMORY,
};

/* What went wrong, in words for the log. Nothing in it is a secret once azure_error_hide() was
 * called. Strings are UTF-8 on one line, without controls, cut where they are too long. */
struct azure_error {
    enum azure_failure failure;
    unsigned status;       /* of the answer; 0: none */
    int64_t retry_after_s; /* -1: not said */
    char code[64];         /* "invalid_client", "ResourceNotFound", … or "" */
    char message[384];
    char trace_id[48], correlation_id[48]; /* of Entra and ARM, or "" */
};

/* Starts an error of our own: FAILURE with a sentence. */
void azure_error_set(struct azure_error *e, enum azure_failure failure, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* Reads an answer that is no success: OAuth (RFC 6749 section 5.2, with Entra's trace_id and
 * correlation_id), ARM and Key Vault ({"error": {…}}), MMS and App Service ({"code"|"statusCode",
 * "message"}), or plain text. Classifies by the status; of a token endpoint (TOKEN) 401 and 403
 * mean AZURE_REJECTED, as 400 does always (but for OAuth's temporarily_unavailable). A status below
 * 400 is AZURE_MALFORMED. A body that tells nothing leaves only the status. */
void azure_error_read(struct azure_error *e, const struct azure_answer *a, bool token);
/* Puts "***" for every hidden secret of R that shows in the error, also percent-encoded, in base64
 * or base64url (alone or within a longer text), or cut off at the end of a string after six bytes
 * or more. */
void azure_error_hide(struct azure_error *e, const struct azure_request *r);
/* "rejected", "forbidden", "unavailable", …: one word, for status and metrics. */
const char *azure_failure_word(enum azure_failure failure);
