/* SPDX-License-Identifier: MIT */
/* The table of known fields of policy/field.h. A name is compared only with the few known names of
 * its own length, so that looking up costs the same however many fields are known. */
#include "policy/field.h"

#include "base/macros.h"

#define LENGTH_MAX      38
#define SAME_LENGTH_MAX 6

static const struct {
    const char *name;
    unsigned rules;
} known[FIELD_COUNT] = {[FIELD_OTHER] = {"", 0},
#define X(name, id, rules) [FIELD_##id] = {name, rules},
                        FIELD_LIST(X)
#undef X
};

_Static_assert(FIELD_COUNT <= 256, "identifiers fit the bytes of the table below");

/* The fields by the length of their names; FIELD_OTHER ends a row. */
static const unsigned char by_length[LENGTH_MAX + 1][SAME_LENGTH_MAX + 1] = {
    [2] = {FIELD_TE},
    [3] = {FIELD_VIA},
    [4] = {FIELD_DATE, FIELD_ETAG, FIELD_HOST, FIELD_VARY},
    [5] = {FIELD_RANGE},
    [6] = {FIELD_ACCEPT, FIELD_COOKIE, FIELD_DIGEST, FIELD_EXPECT, FIELD_ORIGIN, FIELD_SERVER},
    [7] = {FIELD_ALT_SVC, FIELD_API_KEY, FIELD_TRAILER, FIELD_UPGRADE},
    [8] = {FIELD_IF_MATCH, FIELD_IF_RANGE, FIELD_LOCATION},
    [9] = {FIELD_FORWARDED, FIELD_X_API_KEY, FIELD_X_REAL_IP},
    [10] = {FIELD_CONNECTION, FIELD_KEEP_ALIVE, FIELD_SET_COOKIE, FIELD_USER_AGENT},
    [11] = {FIELD_CONTENT_MD5, FIELD_REPR_DIGEST, FIELD_RETRY_AFTER, FIELD_SET_COOKIE2},
    [12] = {FIELD_CONTENT_TYPE, FIELD_X_REQUEST_ID},
    [13] = {FIELD_ACCEPT_RANGES, FIELD_AUTHORIZATION, FIELD_CACHE_CONTROL, FIELD_IF_NONE_MATCH,
            FIELD_LAST_MODIFIED},
    [14] = {FIELD_CONTENT_DIGEST, FIELD_CONTENT_LENGTH, FIELD_SEC_FETCH_SITE, FIELD_X_MS_USERAGENT},
    [15] = {FIELD_ACCEPT_ENCODING, FIELD_CLEAR_SITE_DATA, FIELD_PUBLIC_KEY_PINS,
            FIELD_X_FORWARDED_FOR, FIELD_X_MS_REQUEST_ID},
    [16] = {FIELD_PROXY_CONNECTION, FIELD_WWW_AUTHENTICATE, FIELD_X_FORWARDED_HOST,
            FIELD_X_FORWARDED_PORT},
    [17] = {FIELD_IF_MODIFIED_SINCE, FIELD_TRANSFER_ENCODING, FIELD_X_FORWARDED_PROTO},
    [18] = {FIELD_PROXY_AUTHENTICATE, FIELD_X_FORWARDED_SERVER},
    [19] = {FIELD_IF_UNMODIFIED_SINCE, FIELD_PROXY_AUTHORIZATION},
    [22] = {FIELD_ACCESS_CONTROL_MAX_AGE, FIELD_X_MS_CLIENT_REQUEST_ID},
    [25] = {FIELD_OCP_APIM_SUBSCRIPTION_KEY, FIELD_PROXY_AUTHENTICATION_INFO,
            FIELD_STRICT_TRANSPORT_SECURITY},
    [27] = {FIELD_ACCESS_CONTROL_ALLOW_ORIGIN},
    [28] = {FIELD_ACCESS_CONTROL_ALLOW_HEADERS, FIELD_ACCESS_CONTROL_ALLOW_METHODS},
    [29] = {FIELD_ACCESS_CONTROL_EXPOSE_HEADERS, FIELD_ACCESS_CONTROL_REQUEST_METHOD},
    [30] = {FIELD_ACCESS_CONTROL_REQUEST_HEADERS},
    [32] = {FIELD_ACCESS_CONTROL_ALLOW_CREDENTIALS},
    [36] = {FIELD_ACCESS_CONTROL_ALLOW_PRIVATE_NETWORK},
    [38] = {FIELD_ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK},
};

/* strncasecmp() without the locale; LOWER is in lower case already. */
static bool same(const char *name, const char *lower, size_t n) {
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c >= 'A' && c <= 'Z')
            c |= 0x20;
        if (c != (unsigned char)lower[i])
            return false;
    }
    return true;
}

enum field field_lookup(struct text name) {
    if (name.len > LENGTH_MAX)
        return FIELD_OTHER;
    const unsigned char *row = by_length[name.len];
    for (; *row != FIELD_OTHER; row++)
        if (same(name.at, known[*row].name, name.len))
            return (enum field) * row;
    return FIELD_OTHER;
}

unsigned field_rules(enum field id) {
    return (size_t)id < ARRAY_LEN(known) ? known[id].rules : 0;
}

const char *field_name(enum field id) {
    return (size_t)id < ARRAY_LEN(known) ? known[id].name : "";
}

struct text field_value(const struct field_line *lines, size_t n, struct text name) {
    for (size_t i = 0; i < n; i++)
        if (text_equal_nocase(lines[i].name, name))
            return lines[i].value;
    return (struct text){0};
}
