/* SPDX-License-Identifier: MIT */
/* Cross-origin resource sharing (the Fetch standard, section 3.2) for one route: which origins may
 * call, what a preflight is told, what is added to an answer. Pure decisions. */
#pragma once

#include "base/buf.h"
#include "policy/head.h"

#include <stdbool.h>
#include <stddef.h>

/* From the configuration; strings are owned by whoever made it. */
struct cors {
    char **origins; /* "https://host[:port]", exact bytes; "*" alone means any */
    size_t origin_count;
    unsigned methods; /* set of enum method; 0: those of the route */
    char **headers;   /* request fields allowed besides Content-Type; "*" allowed */
    size_t header_count;
    char **expose; /* answer fields that a page may read */
    size_t expose_count;
    unsigned max_age_s;
    bool credentials;
    bool private_network;
};

/* Whether ORIGIN, as serialized by a browser, is a valid entry of cors.origins ("*" is not checked
 * here): scheme and host in lower case, no path, no default port. */
bool cors_origin_valid(struct text origin);

/* What may happen to a request because of where a browser says it comes from. */
enum cors_verdict {
    CORS_NONE,       /* no Origin: not a browser's cross-origin request */
    CORS_ALLOWED,    /* Origin is served: add the fields */
    CORS_REFUSED,    /* Origin present and not served: 403 origin_not_allowed */
    CORS_CROSS_SITE, /* no Origin but Sec-Fetch-Site: cross-site or same-site: 403 cross_site */
};

/* SELF: whether the Origin is the gateway itself (same host and port as the request was sent to) is
 * not an exception: browsers send no Origin on same-origin GET, and a same-origin POST must be
 * listed. CORS may be NULL: no origin is served. */
enum cors_verdict cors_decide(const struct cors *cors, const struct head *h);

/* Whether the request is a preflight: OPTIONS with Origin and Access-Control-Request-Method. */
bool cors_is_preflight(const struct head *h);

/* A field to add to an answer. Values live in the buffer that was handed in or in the
 * configuration, or are constant; a NUL follows each. */
struct cors_field {
    const char *name;
    struct text value;
};
#define CORS_FIELDS_MAX 8

/* The fields of an actual answer (preflight = false) or of the answer to a preflight of an allowed
 * origin. Vary: Origin is always among them unless any origin is served. METHODS: those of the
 * route. A preflight that asks for a method or a field that is not allowed gets none but Vary, and
 * so does everything when SCRATCH is full. CORS may be NULL: no fields. "*" among the origins does
 * not count together with credentials. Returns how many; values that are put together are appended
 * to SCRATCH. */
size_t cors_fields(const struct cors *cors, const struct head *h, bool preflight, unsigned methods,
                   struct buf *scratch, struct cors_field fields[CORS_FIELDS_MAX]);
