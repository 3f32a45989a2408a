/* SPDX-License-Identifier: MIT */
/* The request head, checked as a whole before anything is done with it.
 *
 * libmicrohttpd's parser is lax (it takes two Content-Length fields, an obs-fold becomes a forged
 * name), so nothing that it says is believed: head_check() looks at the raw target and at every
 * field line, by RFC 9112 and RFC 9110, and refuses what two parsers could read in two ways. */
#pragma once

#include "policy/field.h"
#include "policy/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The methods that scoregate serves; their bits make sets. */
enum method {
    METHOD_OTHER = 0, /* a token, but none of these */
    METHOD_GET = 1 << 0,
    METHOD_HEAD = 1 << 1,
    METHOD_POST = 1 << 2,
    METHOD_PUT = 1 << 3,
    METHOD_PATCH = 1 << 4,
    METHOD_DELETE = 1 << 5,
    METHOD_OPTIONS = 1 << 6,
};

/* The method of that name (case-sensitive), or METHOD_OTHER. */
enum method method_lookup(struct text name);
const char *method_name(enum method m);
/* Appends the names of a set as for an Allow field: "GET, HEAD, POST". */
void method_list(struct buf *b, unsigned set);

#define HEAD_NO_LENGTH UINT64_MAX

/* What the front hands in (upper half) and what the check finds (lower half). The texts belong to
 * the front and live as long as the request. */
struct head {
    struct text method_text;
    struct text target; /* raw, as it came */
    unsigned version;   /* 10 or 11 */
    struct field_line *fields;
    size_t field_count;

    enum method method;
    struct text path;  /* raw, begins with '/' ("*" for OPTIONS *) */
    struct text query; /* raw, without '?'; at is NULL if there was no '?' */
    struct text host;  /* of the Host field, without port; at is NULL if there is none (HTTP/1.0) */
    uint64_t content_length; /* HEAD_NO_LENGTH if none */
    bool chunked;
    bool expect_continue;
    bool connection_lists; /* Connection names something besides "close" and "keep-alive" */
    /* Values of the fields of these names, at == NULL if absent. */
    struct text origin, sec_fetch_site, content_type, user_agent;
    struct text request_id;                /* X-Ms-Client-Request-Id, the first */
    struct text cors_method, cors_headers; /* Access-Control-Request-* */
    bool cors_private_network;
};

/* Sets the id of every field line, trims its value, and sets everything in the lower half, of a
 * refused head what can be told of it. REASON_NONE if the head may be acted on, else the first
 * thing that is wrong; then the connection must be closed after the answer.
 *
 * malformed_request  version neither 1.0 nor 1.1, method no token
 * method_unknown     CONNECT; other unknown methods are METHOD_OTHER, which the route answers
 * malformed_target   not in origin-form (or "*" for OPTIONS); a control, blank, '#', backslash,
 * byte
 *                    >= 0x7f, "%00", encoded CR or LF in the path, or a '%' that no two hex digits
 * follow malformed_header   name no token, a control in the value, a name that begins with
 * content-length or transfer-encoding without being it (a folded line), another FIELD_SINGLE twice
 * ambiguous_framing  Content-Length or Transfer-Encoding twice, both, no number, or the latter
 * on 1.0 transfer_coding    anything but "chunked" body_too_large     a Content-Length that no 64
 * bits hold bad_host           not exactly one well-formed Host on 1.1, more than one on 1.0
 *
 * Sources: RFC 9112 sections 3, 5, 6; RFC 9110 sections 5.5, 7.2, 8.6. */
enum reason head_check(struct head *h);

/* Whether the request says that it has a body. */
static inline bool head_has_body(const struct head *h) {
    return h->chunked || (h->content_length != HEAD_NO_LENGTH && h->content_length > 0);
}

/* The fields that the Connection fields of a message name, as a filter: whether NAME is one of them
 * (RFC 9110 section 7.6.1). Needs the ids of the lines; looks through them each time, so ask
 * connection_lists of a request first. */
bool connection_names(const struct field_line *fields, size_t n, struct text name);
