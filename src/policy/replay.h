/* SPDX-License-Identifier: MIT */
/* Whether a request whose connection died may be sent again on another one. Unknown means no: a
 * request that the endpoint may have had whole is its to act on once (RFC 9110 section 9.2.2). */
#pragma once

#include "policy/head.h"

#include <stdbool.h>

/* How often a request is sent at most. */
#define REPLAY_ATTEMPTS_MAX 3

/* What is known when a connection has died under a request. */
struct replay_facts {
    bool connection_reused; /* it had carried a request before */
    bool anything_sent;     /* at least one byte was handed to the connection */
    bool whole_sent;        /* all were; false while the last byte is held back */
    bool answer_began;      /* at least one byte of an answer came */
    bool kept;              /* all of the request is still here, or will come from the caller */
    enum method method;
    bool idempotent;   /* the operator's word for the route */
    unsigned attempts; /* how often it has been sent, this time included */
};

/* Whether a method only reads (RFC 9110 section 9.2.1). */
bool replay_method_is_safe(enum method method);

/* Nothing sent: again, whatever the method. Partly sent on a reused connection: the endpoint cannot
 * have had all of it, again. Wholly sent on a reused one: only what is safe to repeat (GET, HEAD,
 * OPTIONS) or declared idempotent. On a fresh connection the endpoint itself fails: it is told, not
 * tried again. Never once an answer began, the request is no longer whole here, or
 * REPLAY_ATTEMPTS_MAX is reached. */
bool replay_allowed(const struct replay_facts *facts);
