/* SPDX-License-Identifier: MIT */
/* One call as libcurl sees it: the options of its easy handle, all that they point to, and what
 * came back. The inside of fetch.c. */
#pragma once

#include "upstream/fetch.h"
#include "upstream/fetch_head.h"
#include "upstream/trust.h"

#include <curl/curl.h>

/* How calls of a fetcher travel. */
struct fetch_way {
    struct trust *trust;
    const char *proxy, *no_proxy;
    usec_t timeout;
};

struct fetch_call {
    CURL *easy;
    struct trust *trust;       /* of the request's own authorities; NULL: the fetcher's */
    struct buf host;           /* "name:port" of where it goes */
    struct buf fields, body;   /* of the request; fields: lines that end with NUL */
    struct curl_slist *header; /* an array; its texts are in fields */
    struct curl_slist connect_to;
    struct buf target; /* of connect_to */
    struct fetch_head head;
    struct buf answer;
    size_t max_body;
    enum azure_failure problem; /* found by ourselves; AZURE_FINE: none */
    struct buf why;             /* of the problem: a sentence, or empty */
    char said[CURL_ERROR_SIZE]; /* by libcurl */
};

/* Copies what it needs of R. False: out of memory. A request that cannot be sent has a problem; the
 * handle is then of no use. fetch_call_done() is due in any case. */
bool fetch_call_init(struct fetch_call *c, const struct azure_request *r,
                     const struct fetch_way *way, size_t max_body) MUST_CHECK;
/* After the transfer, which ended with CODE: true with ANSWER, whose texts are the call's, or false
 * with ERROR. */
bool fetch_call_outcome(struct fetch_call *c, CURLcode code, struct azure_answer *answer,
                        struct azure_error *error) MUST_CHECK;
/* Wipes it. The handle must be in no multi handle. */
void fetch_call_done(struct fetch_call *c);
