/* SPDX-License-Identifier: MIT */
/* Tokens as the various services give them, read strictly: Bearer only, the characters of a
 * credential, a lifetime that makes sense. All times become seconds from now, so that the clock of
 * this machine plays no part. */
#pragma once

#include "azure/answer.h"

struct azure_token {
    struct secret *value; /* the caller's reference */
    int64_t lifetime_s;   /* from now until it is dead: 1 … AZURE_LIFETIME_MAX_S */
    int64_t refresh_s;    /* from now until it should be renewed: 1 … lifetime_s */
};

/* No token is believed to live longer (the longest that Azure gives is 28 hours, refreshed at half
 * of it). A lifetime of more than a year is a mistake: such an answer is refused. */
#define AZURE_LIFETIME_MAX_S (48 * 3600)

/* Drops the token's reference; the struct may be zero. */
void azure_token_done(struct azure_token *t);

/* An OAuth answer of Entra (v1 and v2) or of a managed identity: access_token, token_type (Bearer),
 * expires_in (number or numeric string), else expires_on (as azure/moment.h reads it), refresh_in.
 * Without a refresh_in of sense: MANAGED and 7200 s or more: half of the lifetime; else 300 s
 * before the end, or half of a lifetime that is shorter than 600 s. If the token is a JWT whose exp
 * is earlier, that counts. NOW_S: the wall clock, used where the answer says no Date. False with
 * ERROR, also for an answer that is an error. */
bool azure_token_read(const struct azure_answer *a, bool managed, int64_t now_s,
                      struct azure_token *t, struct azure_error *error) MUST_CHECK;

/* The token of an endpoint: accessToken with expiryTimeUtc and refreshAfterTimeUtc (v2), or with
 * expiryOn and refreshAfter (v1). Without an expiry the exp of a JWT counts. A refresh time that is
 * missing, past, or after the end is as a missing refresh_in. */
bool azure_endpoint_token_read(const struct azure_answer *a, int64_t now_s, struct azure_token *t,
                               struct azure_error *error) MUST_CHECK;
