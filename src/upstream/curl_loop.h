/* SPDX-License-Identifier: MIT */
/* A libcurl multi handle whose sockets a loop watches, and how a trust is given to a handle: what
 * dialling (dial.c) and fetching (fetch.c) share. */
#pragma once

#include "base/macros.h"
#include "sys/loop.h"
#include "upstream/trust.h"

#include <curl/curl.h>

struct curl_loop {
    struct loop *loop;
    CURLM *multi;
    /* Memory was out in the midst of it. libcurl 7.88 divides by zero when a socket that met with
     * this, or a later one of the same number, is looked at again. So MULTI is never driven again:
     * the owner gives up what is under way and makes a new one. */
    bool starved;
    /* libcurl was called for a socket or its time: there may be messages. */
    void (*driven)(struct curl_loop *c);
};

bool curl_loop_init(struct curl_loop *c, struct loop *loop,
                    void (*driven)(struct curl_loop *c)) MUST_CHECK;
/* Every easy handle must have been removed. */
void curl_loop_done(struct curl_loop *c);
/* Lets libcurl look at its time (curl_loop_deadline()). */
void curl_loop_tick(struct curl_loop *c);
/* When curl_loop_tick() is due; USEC_NEVER: not now. To be asked again after each call of libcurl.
 */
usec_t curl_loop_deadline(const struct curl_loop *c);

/* Verification, versions, client certificate and pin for EASY as TRUST says; it must live as long.
 */
CURLcode curl_set_trust(CURL *easy, struct trust *trust) MUST_CHECK;
