/* SPDX-License-Identifier: MIT */
/* Tokens from Microsoft Entra ID by the client credentials grant (RFC 6749 section 4.4), with a
 * secret or an assertion (RFC 7523). Answers are read with azure_token_read(). */
#pragma once

#include "azure/answer.h"
#include "config/config.h"

/* POST AUTHORITY/TENANT/oauth2/v2.0/token. SCOPE as "https://ml.azure.com/.default". False: out of
 * memory. */
bool entra_secret_request(const char *authority, const char *tenant, const char *client_id,
                          const char *scope, struct secret *secret,
                          struct azure_request *r) MUST_CHECK;
bool entra_assertion_request(const char *authority, const char *tenant, const char *client_id,
                             const char *scope, struct secret *assertion,
                             struct azure_request *r) MUST_CHECK;
/* Appends the token endpoint's URL, which is also the audience of an assertion. A slash at the end
 * of AUTHORITY is as none. */
void entra_token_url(struct buf *url, const char *authority, const char *tenant);

/* The request for IDENTITY of type certificate: signs an assertion with the certificate's key, both
 * read now. NOW_S: the wall clock. INSECURE_PERMISSIONS: the key may be open to every user. */
bool entra_certificate_request(const struct config_identity *identity, const char *authority,
                               const char *scope, int64_t now_s, bool insecure_permissions,
                               struct azure_request *r, struct azure_error *error) MUST_CHECK;
