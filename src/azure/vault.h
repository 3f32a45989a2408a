/* SPDX-License-Identifier: MIT */
/* Secrets from Azure Key Vault. Source: Key Vault REST API, "Get Secret". */
#pragma once

#include "azure/answer.h"

/* GET of a secret; VERSION NULL: the latest. BEARER: a token for the vault resource. */
bool vault_secret_get(const char *vault, const char *name, const char *version,
                      struct secret *bearer, struct azure_request *r) MUST_CHECK;

struct vault_secret {
    struct secret *value; /* the caller's reference */
    int64_t lifetime_s;   /* from now to its exp; -1: no end */
};

/* Refuses one that is disabled, expired, or not of the form of a credential. NOW_S as in
 * azure/token.h. */
bool vault_secret_read(const struct azure_answer *a, int64_t now_s, struct vault_secret *secret,
                       struct azure_error *error) MUST_CHECK;
