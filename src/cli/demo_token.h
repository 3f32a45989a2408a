/* SPDX-License-Identifier: MIT */
/* The tokens of the demo: JWTs (RFC 7519) signed with HMAC-SHA-256 by a key that lives as long as
 * the process, so that whoever signs them, the demo's token service, is also who checks them, its
 * scoring service. Their claims are those of Entra's tokens for an application. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/text.h"

#include <stdint.h>

/* Whom the tokens are for. */
#define DEMO_TOKEN_AUDIENCE "https://ml.azure.com"
#define DEMO_TOKEN_ISSUER   "https://localhost/demo/"

struct demo_token_key {
    unsigned char bytes[32];
};

struct demo_claims {
    const char *client_id; /* appid */
    int64_t now_s;         /* the wall clock */
    unsigned lifetime_s;   /* a token lives as long, and at most a second longer */
};

/* Appends a token. False if OpenSSL or memory fails. */
bool demo_token_make(const struct demo_token_key *key, const struct demo_claims *claims,
                     struct buf *token) MUST_CHECK;

enum demo_verdict {
    DEMO_TOKEN_GOOD,
    DEMO_TOKEN_DENIED,  /* not one of ours, or not yet good */
    DEMO_TOKEN_EXPIRED, /* it was one */
};

/* What TOKEN is at NOW_S. Only HS256 is taken, whatever else its header may name. */
enum demo_verdict demo_token_check(const struct demo_token_key *key, struct text token,
                                   int64_t now_s);
