/* SPDX-License-Identifier: MIT */
/* The HTTP fields that scoregate knows by name, and what it does with each. A field is looked up
 * once when a head is read; everything later compares small integers and flags. */
#pragma once

#include "base/text.h"

#include <stdint.h>

enum field_rule {
    FIELD_HOP = 1 << 0, /* hop-by-hop (RFC 9110 section 7.6.1): passes in neither direction */
    FIELD_NEVER_UP =
        1 << 1, /* of the caller: never sent upstream (credentials, forwarding, framing) */
    FIELD_NEVER_DOWN = 1 << 2, /* of the upstream: never sent to the caller */
    FIELD_SINGLE = 1 << 3,     /* twice in a request is an error */
    /* Of a request: asks for a part or a version of the very bytes of an answer. Of an answer: says
     * something of these. Neither passes where the gateway writes these bytes anew. */
    FIELD_OF_BYTES = 1 << 4,
};

/* name in lower case, identifier, rules */
#define FIELD_LIST(X)                                                                              \
    X("accept", ACCEPT, 0)                                                                         \
    X("accept-encoding", ACCEPT_ENCODING, FIELD_OF_BYTES)                                          \
    X("accept-ranges", ACCEPT_RANGES, FIELD_OF_BYTES)                                              \
    X("access-control-allow-credentials", ACCESS_CONTROL_ALLOW_CREDENTIALS, FIELD_NEVER_DOWN)      \
    X("access-control-allow-headers", ACCESS_CONTROL_ALLOW_HEADERS, FIELD_NEVER_DOWN)              \
    X("access-control-allow-methods", ACCESS_CONTROL_ALLOW_METHODS, FIELD_NEVER_DOWN)              \
    X("access-control-allow-origin", ACCESS_CONTROL_ALLOW_ORIGIN, FIELD_NEVER_DOWN)                \
    X("access-control-allow-private-network", ACCESS_CONTROL_ALLOW_PRIVATE_NETWORK,                \
      FIELD_NEVER_DOWN)                                                                            \
    X("access-control-expose-headers", ACCESS_CONTROL_EXPOSE_HEADERS, FIELD_NEVER_DOWN)            \
    X("access-control-max-age", ACCESS_CONTROL_MAX_AGE, FIELD_NEVER_DOWN)                          \
    X("access-control-request-headers", ACCESS_CONTROL_REQUEST_HEADERS,                            \
      FIELD_NEVER_UP | FIELD_SINGLE)                                                               \
    X("access-control-request-method", ACCESS_CONTROL_REQUEST_METHOD,                              \
      FIELD_NEVER_UP | FIELD_SINGLE)                                                               \
    X("access-control-request-private-network", ACCESS_CONTROL_REQUEST_PRIVATE_NETWORK,            \
      FIELD_NEVER_UP)                                                                              \
    X("alt-svc", ALT_SVC, FIELD_NEVER_DOWN)                                                        \
    X("api-key", API_KEY, FIELD_NEVER_UP)                                                          \
    X("authorization", AUTHORIZATION, FIELD_NEVER_UP)                                              \
    X("cache-control", CACHE_CONTROL, 0)                                                           \
    X("clear-site-data", CLEAR_SITE_DATA, FIELD_NEVER_DOWN)                                        \
    X("connection", CONNECTION, FIELD_HOP)                                                         \
    X("content-digest", CONTENT_DIGEST, FIELD_OF_BYTES)                                            \
    X("content-length", CONTENT_LENGTH, FIELD_NEVER_UP | FIELD_NEVER_DOWN | FIELD_SINGLE)          \
    X("content-md5", CONTENT_MD5, FIELD_OF_BYTES)                                                  \
    X("content-type", CONTENT_TYPE, FIELD_SINGLE)                                                  \
    X("cookie", COOKIE, FIELD_NEVER_UP)                                                            \
    X("date", DATE, 0)                                                                             \
    X("digest", DIGEST, FIELD_OF_BYTES)                                                            \
    X("etag", ETAG, FIELD_OF_BYTES)                                                                \
    X("expect", EXPECT, FIELD_NEVER_UP)                                                            \
    X("forwarded", FORWARDED, FIELD_NEVER_UP)                                                      \
    X("host", HOST, FIELD_NEVER_UP | FIELD_SINGLE)                                                 \
    X("if-match", IF_MATCH, FIELD_OF_BYTES)                                                        \
    X("if-modified-since", IF_MODIFIED_SINCE, FIELD_OF_BYTES)                                      \
    X("if-none-match", IF_NONE_MATCH, FIELD_OF_BYTES)                                              \
    X("if-range", IF_RANGE, FIELD_OF_BYTES)                                                        \
    X("if-unmodified-since", IF_UNMODIFIED_SINCE, FIELD_OF_BYTES)                                  \
    X("keep-alive", KEEP_ALIVE, FIELD_HOP)                                                         \
    X("last-modified", LAST_MODIFIED, FIELD_OF_BYTES)                                              \
    X("location", LOCATION, 0)                                                                     \
    X("ocp-apim-subscription-key", OCP_APIM_SUBSCRIPTION_KEY, FIELD_NEVER_UP)                      \
    X("origin", ORIGIN, FIELD_NEVER_UP | FIELD_SINGLE)                                             \
    X("proxy-authenticate", PROXY_AUTHENTICATE, FIELD_HOP)                                         \
    X("proxy-authentication-info", PROXY_AUTHENTICATION_INFO, FIELD_HOP)                           \
    X("proxy-authorization", PROXY_AUTHORIZATION, FIELD_HOP)                                       \
    X("proxy-connection", PROXY_CONNECTION, FIELD_HOP)                                             \
    X("public-key-pins", PUBLIC_KEY_PINS, FIELD_NEVER_DOWN)                                        \
    X("range", RANGE, FIELD_OF_BYTES)                                                              \
    X("repr-digest", REPR_DIGEST, FIELD_OF_BYTES)                                                  \
    X("retry-after", RETRY_AFTER, 0)                                                               \
    X("sec-fetch-site", SEC_FETCH_SITE, FIELD_SINGLE)                                              \
    X("server", SERVER, 0)                                                                         \
    X("set-cookie", SET_COOKIE, FIELD_NEVER_DOWN)                                                  \
    X("set-cookie2", SET_COOKIE2, FIELD_NEVER_DOWN)                                                \
    X("strict-transport-security", STRICT_TRANSPORT_SECURITY, FIELD_NEVER_DOWN)                    \
    X("te", TE, FIELD_HOP)                                                                         \
    X("trailer", TRAILER, FIELD_HOP)                                                               \
    X("transfer-encoding", TRANSFER_ENCODING, FIELD_HOP | FIELD_SINGLE)                            \
    X("upgrade", UPGRADE, FIELD_HOP)                                                               \
    X("user-agent", USER_AGENT, 0)                                                                 \
    X("vary", VARY, 0)                                                                             \
    X("via", VIA, 0) /* ours is added to it on the way up */                                       \
    X("www-authenticate", WWW_AUTHENTICATE, 0)                                                     \
    X("x-api-key", X_API_KEY, FIELD_NEVER_UP)                                                      \
    X("x-forwarded-for", X_FORWARDED_FOR, FIELD_NEVER_UP)                                          \
    X("x-forwarded-host", X_FORWARDED_HOST, FIELD_NEVER_UP)                                        \
    X("x-forwarded-port", X_FORWARDED_PORT, FIELD_NEVER_UP)                                        \
    X("x-forwarded-proto", X_FORWARDED_PROTO, FIELD_NEVER_UP)                                      \
    X("x-forwarded-server", X_FORWARDED_SERVER, FIELD_NEVER_UP)                                    \
    X("x-ms-client-request-id", X_MS_CLIENT_REQUEST_ID, FIELD_NEVER_UP | FIELD_NEVER_DOWN)         \
    X("x-ms-request-id", X_MS_REQUEST_ID, FIELD_NEVER_UP)                                          \
    X("x-ms-useragent", X_MS_USERAGENT, 0)                                                         \
    X("x-real-ip", X_REAL_IP, FIELD_NEVER_UP)                                                      \
    X("x-request-id", X_REQUEST_ID, 0)

enum field {
    FIELD_OTHER = 0, /* not in the list; passes both ways */
#define X(name, id, rules) FIELD_##id,
    FIELD_LIST(X)
#undef X
        FIELD_COUNT
};

/* One field line of a head. */
struct field_line {
    struct text name, value;
    enum field id;
};

/* The identifier of a field name, whatever its case. */
enum field field_lookup(struct text name);
/* The rules of a field (bits of enum field_rule). */
unsigned field_rules(enum field id);
/* Its name in lower case; "" for FIELD_OTHER. */
const char *field_name(enum field id);
/* The value of the first of these N lines called NAME, whatever its case; {NULL, 0}: there is none.
 */
struct text field_value(const struct field_line *lines, size_t n, struct text name);
