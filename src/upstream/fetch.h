/* SPDX-License-Identifier: MIT */
/* Small calls to Azure's services (tokens, keys, discovery, secrets) on the control thread's loop,
 * or on a command's: whole answers with a ceiling, no redirects, TLS 1.2 at least, never a retry of
 * its own but for a GET whose kept connection turns out dead. libcurl does all of it (so between
 * dial_global_init() and dial_global_done()); connections are kept for the next GET. It needs
 * nothing but loop_turn(). */
#pragma once

#include "azure/answer.h"
#include "base/macros.h"
#include "sys/loop.h"

struct fetcher; /* one per loop */
struct fetch;   /* one call in progress */

struct fetcher_options {
    const char *ca_file;          /* azure.ca_file; NULL: the system's bundle */
    const char *proxy, *no_proxy; /* egress proxy, or NULL */
};

/* A token answer is never larger; lists may be. */
#define FETCH_TOKEN_MAX ((size_t)64 * 1024)
#define FETCH_LIST_MAX  ((size_t)4 * 1024 * 1024)

/* Called once per call, from the loop: ANSWER if an HTTP answer came whole (an error is an answer,
 * too), else NULL and ERROR, which names the host:
 * AZURE_UNAVAILABLE and what libcurl says; also for an answer that was cut off;
 * AZURE_MALFORMED for an answer that is too large, or a URL that may not be called;
 * AZURE_UNUSABLE for authorities (R->ca) that cannot be read; AZURE_NO_MEMORY.
 * The answer's texts are wiped after the call. New calls may be started and others cancelled from
 * here, but the fetcher not freed. */
typedef void fetch_done(void *context, const struct azure_answer *answer,
                        const struct azure_error *error);

/* NULL with a sentence in WHY: the CA file cannot be loaded, out of memory. */
struct fetcher *fetcher_new(struct loop *loop, const struct fetcher_options *options,
                            struct buf *why) MUST_CHECK;
/* Every call must be over or cancelled. NULL is fine. */
void fetcher_free(struct fetcher **fetcher);

/* Sends R (copied as far as it is needed) and calls DONE within TIMEOUT (an hour at most), never
 * before this returns. NULL: out of memory. */
struct fetch *fetch_start(struct fetcher *fetcher, const struct azure_request *r, size_t max_body,
                          usec_t timeout, fetch_done *done, void *context) MUST_CHECK;
/* Gives the call up: DONE is not called, what it held is wiped. NULL is fine. */
void fetch_cancel(struct fetch **fetch);
