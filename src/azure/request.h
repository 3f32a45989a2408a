/* SPDX-License-Identifier: MIT */
/* A request to one of Azure's services. The functions of this folder write them and read the
 * answers (azure/answer.h); upstream/fetch.h sends them. Nothing here opens a socket.
 *
 * A function that writes a whole request begins with azure_request_init() and ends with
 * azure_request_end(): where it returns false the request holds nothing. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/secret.h"
#include "policy/head.h"

#include <stdbool.h>

/* Where the service is, and so how it may be reached. */
enum azure_reach {
    AZURE_REACH_CLOUD, /* https only, under azure.ca_file, through the egress proxy if there is one
                        */
    AZURE_REACH_MACHINE, /* an identity endpoint of this machine: http is fine, never through a
                            proxy */
};

#define AZURE_HIDDEN_MAX 3
#define AZURE_CA_MAX     ((size_t)64 * 1024)

struct azure_request {
    enum method method; /* METHOD_GET or METHOD_POST; a POST always says its length */
    enum azure_reach reach;
    struct buf url;           /* absolute */
    struct buf fields;        /* "Name: value\r\n" each, besides Content-Type and Content-Length */
    struct buf body;          /* of a POST; may be empty */
    const char *content_type; /* of the body, a constant; NULL: none */
    struct buf ca;            /* PEM: the only authorities to trust; empty: as the reach says */
    struct buf server_name;   /* TLS name in place of the URL's host, which stays in Host; empty */
    struct secret *hidden[AZURE_HIDDEN_MAX]; /* what the request tells nobody else; referenced */
};

/* An empty request: AZURE_REACH_CLOUD, no body. Allocates nothing. */
void azure_request_init(struct azure_request *r, enum method method);
/* Wipes and frees it; does nothing the second time. */
void azure_request_done(struct azure_request *r);
/* Whether all of it could be written. */
bool azure_request_ok(const struct azure_request *r);
/* The same; if not, azure_request_done(). */
bool azure_request_end(struct azure_request *r) MUST_CHECK;

/* Remembers a secret that the body holds. */
void azure_hide(struct azure_request *r, struct secret *secret);
/* Adds a field, or the field NAME: PREFIX SECRET and remembers SECRET as hidden. A value that is
 * none for a field (parse_is_field_value()) makes the request fail. */
void azure_add_field(struct azure_request *r, const char *name, struct text value);
void azure_add_secret_field(struct azure_request *r, const char *name, const char *prefix,
                            struct secret *secret);
/* Adds "Authorization: Bearer TOKEN". */
void azure_add_bearer(struct azure_request *r, struct secret *token);

/* Appends "/" and SEGMENT, percent-encoded (RFC 3986 section 2.3: all but unreserved). */
void azure_add_segment(struct buf *url, struct text segment);
/* Appends "?" or "&", NAME, "=" and VALUE percent-encoded. */
void azure_add_query(struct buf *url, const char *name, struct text value);
/* Appends NAME=VALUE of an application/x-www-form-urlencoded body, with "&" if it is not the first.
 */
void azure_add_form(struct buf *body, const char *name, struct text value);

/* Whether URL is an absolute http or https URL (or only https), without userinfo, blanks, controls,
 * backslashes and what is not ASCII. */
bool azure_is_url(struct text url);
bool azure_is_https_url(struct text url);
/* Whether A and B, such URLs, have the same scheme, host and port: a link that an
 * answer gives is only followed to where the answer came from. */
bool azure_same_origin(struct text a, struct text b);
