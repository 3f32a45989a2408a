/* SPDX-License-Identifier: MIT */
/* Reading tokens, as azure/token.h says. */
#include "azure/token.h"

#include "azure/jwt.h"
#include "azure/moment.h"
#include "base/json.h"
#include "base/parse.h"

/* The answers are flat. */
#define TOKEN_DEPTH 8
/* A lifetime beyond a year is a mistake, not a long one. */
#define LIFETIME_SENSE_MAX ((int64_t)366 * 24 * 3600)
/* The rules of the vendor's libraries. */
#define MANAGED_HALF_FROM_S 7200
#define REFRESH_BEFORE_S    300

void azure_token_done(struct azure_token *t) {
    secret_unref(&t->value);
    *t = (struct azure_token){.value = NULL};
}

/* --- members ---------------------------------------------------------------------------------- */

/* A whole number of seconds, or a text of digits; up to LIFETIME_SENSE_MAX. */
static bool read_duration(const struct json *value, int64_t *seconds) {
    struct text t;
    double number = 0;
    uint64_t digits = 0;
    if (json_number(value, &number)) {
        if (!(number >= 1 && number <= (double)LIFETIME_SENSE_MAX))
            return false;
        digits = (uint64_t)number;
        if ((double)digits < number)
            return false;
    } else if (!json_string(value, &t) || !parse_u64(t, LIFETIME_SENSE_MAX, &digits) ||
               digits == 0) {
        return false;
    }
    *seconds = (int64_t)digits;
    return true;
}

static bool read_moment(const struct json *value, int64_t *seconds) {
    struct text t;
    double number;
    if (json_string(value, &t))
        return moment_parse(t, seconds);
    if (!json_number(value, &number) || !(number >= 1 && number < 1e11))
        return false;
    *seconds = (int64_t)number;
    return true;
}

static bool wrong(struct azure_error *error, unsigned status, const char *what) {
    azure_error_set(error, AZURE_MALFORMED, "the answer %s", what);
    error->status = status;
    return false;
}

/* --- lifetimes -------------------------------------------------------------------------------- */

/* Takes END, a point in time, into account: a lifetime of 0 is one not known yet. */
static bool end_at(struct azure_token *t, int64_t end_s, int64_t now_s) {
    int64_t left = end_s - now_s;
    if (left < 1 || (t->lifetime_s == 0 && left > LIFETIME_SENSE_MAX))
        return false;
    if (t->lifetime_s == 0 || left < t->lifetime_s)
        t->lifetime_s = left;
    return true;
}

/* REFRESH_S: what the answer says; 0 if it says nothing, or nothing of sense. */
static void set_refresh(struct azure_token *t, bool managed, int64_t refresh_s) {
    if (t->lifetime_s > AZURE_LIFETIME_MAX_S)
        t->lifetime_s = AZURE_LIFETIME_MAX_S;
    int64_t half = (t->lifetime_s + 1) / 2;
    if (refresh_s >= 1 && refresh_s <= t->lifetime_s)
        t->refresh_s = refresh_s;
    else if ((managed && t->lifetime_s >= MANAGED_HALF_FROM_S) ||
             t->lifetime_s < 2 * REFRESH_BEFORE_S)
        t->refresh_s = half;
    else
        t->refresh_s = t->lifetime_s - REFRESH_BEFORE_S;
}

static int64_t server_time(const struct azure_answer *a, int64_t now_s) {
    return a->date_s ? a->date_s : now_s;
}

/* --- the answers ------------------------------------------------------------------------------ */

/* Takes the token itself out of DOCUMENT, and what a JWT says of its end into account. */
static bool take_value(const struct json *value, const struct azure_answer *a, int64_t now_s,
                       struct azure_token *t, struct azure_error *error) {
    struct text token;
    int64_t exp;
    if (!json_string(value, &token))
        return wrong(error, a->status, "holds no token, or more than one");
    if (!parse_is_credential(token))
        return wrong(error, a->status,
                     "holds a token that is empty, longer than 16384 bytes, or not of visible "
                     "ASCII characters");
    if (jwt_expiry(token, &exp) && !end_at(t, exp, server_time(a, now_s)))
        return wrong(error, a->status,
                     "holds a token whose exp claim is no sensible time in the future");
    if (t->lifetime_s == 0)
        return wrong(error, a->status, "does not say when the token expires");
    t->value = secret_new(token);
    if (!t->value)
        azure_error_set(error, AZURE_NO_MEMORY, "out of memory");
    return t->value;
}

static bool is_bearer(const struct json *value) {
    struct text type;
    return json_string(value, &type) && text_equal_nocase(type, TEXT("Bearer"));
}

static bool read_oauth(const struct json *document, const struct azure_answer *a, bool managed,
                       int64_t now_s, struct azure_token *t, struct azure_error *error) {
    const struct json *in = json_member(document, "expires_in");
    const struct json *on = json_member(document, "expires_on");
    int64_t end = 0, refresh = 0;
    if (!is_bearer(json_member(document, "token_type")))
        return wrong(error, a->status, "has no token_type \"Bearer\"");
    if (in && !read_duration(in, &t->lifetime_s))
        return wrong(error, a->status, "has an expires_in that is no sensible number of seconds");
    if (!in && !on)
        return wrong(error, a->status, "has neither expires_in nor expires_on");
    if (!in && (!read_moment(on, &end) || !end_at(t, end, server_time(a, now_s))))
        return wrong(error, a->status, "has an expires_on that is no sensible time in the future");
    if (!take_value(json_member(document, "access_token"), a, now_s, t, error))
        return false;
    if (!read_duration(json_member(document, "refresh_in"), &refresh))
        refresh = 0;
    set_refresh(t, managed, refresh);
    return true;
}

bool azure_token_read(const struct azure_answer *a, bool managed, int64_t now_s,
                      struct azure_token *t, struct azure_error *error) {
    *t = (struct azure_token){.value = NULL};
    if (a->status != 200) {
        azure_error_read(error, a, true);
        return false;
    }
    struct json *document = json_parse(a->body, TOKEN_DEPTH);
    bool ok = json_is_object(document) ? read_oauth(document, a, managed, now_s, t, error)
                                       : wrong(error, a->status, "is no JSON object");
    json_free(&document);
    return ok;
}

/* The first of two members that is there: v2's name, and v1's. */
static const struct json *either(const struct json *document, const char *v2, const char *v1) {
    const struct json *value = json_member(document, v2);
    return value ? value : json_member(document, v1);
}

static bool read_endpoint(const struct json *document, const struct azure_answer *a, int64_t now_s,
                          struct azure_token *t, struct azure_error *error) {
    const struct json *type = json_member(document, "tokenType");
    int64_t end = 0, refresh = 0, now = server_time(a, now_s);
    if (type && !is_bearer(type))
        return wrong(error, a->status, "has a tokenType that is not \"Bearer\"");
    /* Null and 0 say nothing; then what the token says counts. */
    if (read_moment(either(document, "expiryTimeUtc", "expiryOn"), &end) && !end_at(t, end, now))
        return wrong(error, a->status, "has an expiry that is no sensible time in the future");
    if (!take_value(json_member(document, "accessToken"), a, now_s, t, error))
        return false;
    if (!read_moment(either(document, "refreshAfterTimeUtc", "refreshAfter"), &refresh))
        refresh = now;
    set_refresh(t, false, refresh - now);
    return true;
}

bool azure_endpoint_token_read(const struct azure_answer *a, int64_t now_s, struct azure_token *t,
                               struct azure_error *error) {
    *t = (struct azure_token){.value = NULL};
    if (a->status < 200 || a->status > 299) {
        azure_error_read(error, a, false);
        return false;
    }
    struct json *document = json_parse(a->body, TOKEN_DEPTH);
    bool ok = json_is_object(document) ? read_endpoint(document, a, now_s, t, error)
                                       : wrong(error, a->status, "is no JSON object");
    json_free(&document);
    return ok;
}
