/* SPDX-License-Identifier: MIT */
/* What the demo's token service answers. Codes and sentences of errors are Entra's ("Microsoft
 * Entra authentication and authorization error codes"). */
#include "cli/demo_entra.h"

#include "base/json.h"
#include "base/random.h"
#include "cli/demo_form.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <time.h>

/* More than this is no request for a token. */
#define BODY_MAX    (16 * 1024)
#define TOKEN_MAX   4096
#define MESSAGE_MAX 1024

enum { GRANT_TYPE, CLIENT_ID, CLIENT_SECRET, SCOPE, FIELDS };

/* A refusal: error is what programs look at (RFC 6749 section 5.2), the rest is for people. */
struct refusal {
    unsigned status;
    const char *error;
    unsigned code; /* AADSTS… */
    const char *message;
};

static const struct refusal malformed = {400, "invalid_request", 90013,
                                         "The request body is no form, or has a parameter twice."};
static const struct refusal missing[FIELDS] = {
    [GRANT_TYPE] = {400, "invalid_request", 900144,
                    "The request body must contain the following parameter: 'grant_type'."},
    [CLIENT_ID] = {400, "invalid_request", 900144,
                   "The request body must contain the following parameter: 'client_id'."},
    [CLIENT_SECRET] = {401, "invalid_client", 7000216,
                       "'client_assertion', 'client_secret' or 'request' is required for the "
                       "'client_credentials' grant type."},
    [SCOPE] = {400, "invalid_request", 900144,
               "The request body must contain the following parameter: 'scope'."},
};
static const struct refusal other_grant = {400, "unsupported_grant_type", 70003,
                                           "The app requested an unsupported grant type; this one "
                                           "is 'client_credentials'."};
static const struct refusal other_client = {
    400, "unauthorized_client", 700016,
    "The application was not found in the directory '" DEMO_ENTRA_TENANT "'."};
static const struct refusal wrong_secret = {401, "invalid_client", 7000215,
                                            "Invalid client secret provided."};
static const struct refusal other_scope = {
    400, "invalid_scope", 70011,
    "The provided value for the input parameter 'scope' is not valid; it is '" DEMO_ENTRA_SCOPE
    "'."};

static bool is_form(struct text content_type) {
    content_type.len = text_find(content_type, ';');
    return text_equal_nocase(text_trim(content_type), TEXT("application/x-www-form-urlencoded"));
}

static bool is(const struct demo_field *field, const char *what) {
    return text_equal(buf_text(&field->value), text_of(what));
}

static bool is_secret(const struct demo_field *field, const struct secret *secret) {
    struct text given = buf_text(&field->value), right = secret_expose(secret);
    return given.len == right.len && CRYPTO_memcmp(given.at, right.at, right.len) == 0;
}

/* Why no token is given for what the FIELDS say; NULL: one is. */
static const struct refusal *refuse(const struct demo_entra *entra,
                                    const struct demo_field fields[FIELDS]) {
    for (int i = 0; i < FIELDS; i++)
        if (fields[i].value.len == 0)
            return &missing[i];
    if (!is(&fields[GRANT_TYPE], "client_credentials"))
        return &other_grant;
    if (!is(&fields[CLIENT_ID], entra->client_id))
        return &other_client;
    if (!is_secret(&fields[CLIENT_SECRET], entra->client_secret))
        return &wrong_secret;
    return is(&fields[SCOPE], DEMO_ENTRA_SCOPE) ? NULL : &other_scope;
}

static unsigned add_refusal(const struct refusal *r, int64_t now_s, struct buf *answer) {
    char trace_id[RANDOM_UUID_LEN + 1], correlation_id[RANDOM_UUID_LEN + 1], timestamp[32];
    struct tm utc;
    time_t now = (time_t)now_s;
    random_uuid(trace_id);
    random_uuid(correlation_id);
    if (!gmtime_r(&now, &utc) ||
        strftime(timestamp, sizeof timestamp, "%Y-%m-%d %H:%M:%SZ", &utc) == 0)
        timestamp[0] = '\0';
    struct buf description;
    buf_init(&description, MESSAGE_MAX);
    buf_addf(&description, "AADSTS%u: %s Trace ID: %s Correlation ID: %s Timestamp: %s", r->code,
             r->message, trace_id, correlation_id, timestamp);
    buf_addf(answer, "{\"error\":\"%s\",\"error_description\":", r->error);
    json_add_string(answer, buf_text(&description));
    buf_addf(answer,
             ",\"error_codes\":[%u],\"timestamp\":\"%s\",\"trace_id\":\"%s\","
             "\"correlation_id\":\"%s\",\"error_uri\":"
             "\"https://login.microsoftonline.com/error?code=%u\"}",
             r->code, timestamp, trace_id, correlation_id, r->code);
    buf_done(&description);
    return r->status;
}

static unsigned add_token(const struct demo_entra *entra, int64_t now_s, struct buf *answer) {
    struct demo_claims claims = {entra->client_id, now_s, entra->lifetime_s};
    struct buf token;
    buf_init(&token, TOKEN_MAX);
    bool ok = demo_token_make(&entra->key, &claims, &token);
    buf_addf(answer,
             "{\"token_type\":\"Bearer\",\"expires_in\":%u,\"ext_expires_in\":%u,"
             "\"refresh_in\":%u,\"access_token\":",
             entra->lifetime_s, entra->lifetime_s, entra->lifetime_s / 2);
    json_add_string(answer, buf_text(&token));
    buf_add_char(answer, '}');
    buf_wipe(&token);
    return ok ? 200 : 0;
}

unsigned demo_entra_answer(const struct demo_entra *entra, struct text content_type,
                           struct text body, int64_t now_s, struct buf *answer) {
    struct demo_field fields[FIELDS] = {
        [GRANT_TYPE] = {.name = "grant_type"},
        [CLIENT_ID] = {.name = "client_id"},
        [CLIENT_SECRET] = {.name = "client_secret"},
        [SCOPE] = {.name = "scope"},
    };
    bool read =
        is_form(content_type) && body.len <= BODY_MAX && demo_form_read(body, fields, FIELDS);
    const struct refusal *why = read ? refuse(entra, fields) : &malformed;
    unsigned status = why ? add_refusal(why, now_s, answer) : add_token(entra, now_s, answer);
    demo_form_done(fields, FIELDS);
    return buf_ok(answer) ? status : 0;
}
