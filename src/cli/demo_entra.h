/* SPDX-License-Identifier: MIT */
/* The demo's stand-in for Microsoft Entra ID: the client credentials grant (RFC 6749 section 4.4)
 * with a secret, for one application of one tenant, answered as Entra's v2.0 endpoint answers. Here
 * without its sockets. */
#pragma once

#include "base/buf.h"
#include "base/secret.h"
#include "base/text.h"
#include "cli/demo_token.h"

#include <stdint.h>

#define DEMO_ENTRA_TENANT "demo"
#define DEMO_ENTRA_PATH   "/" DEMO_ENTRA_TENANT "/oauth2/v2.0/token"
#define DEMO_ENTRA_SCOPE  DEMO_TOKEN_AUDIENCE "/.default"

/* Lifetimes of tokens in seconds; they are to be renewed after half of it. */
#define DEMO_ENTRA_LIFETIME_MIN 2
#define DEMO_ENTRA_LIFETIME_MAX 3600

/* The application and its tokens. */
struct demo_entra {
    const char *client_id;
    struct secret *client_secret;
    unsigned lifetime_s;
    struct demo_token_key key;
};

/* Puts the JSON answer to a request, with that Content-Type and BODY, into the empty ANSWER and
 * returns its status: 200 with a token, or 400 or 401 with an error. 0 if OpenSSL or memory fails.
 * The answer may hold a token: wipe it. */
unsigned demo_entra_answer(const struct demo_entra *entra, struct text content_type,
                           struct text body, int64_t now_s, struct buf *answer);
