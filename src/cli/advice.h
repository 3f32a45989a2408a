/* SPDX-License-Identifier: MIT */
/* What an error of Azure means for the person at the terminal. */
#pragma once

#include "azure/answer.h"

#define ADVICE_MAX 2048

/* Appends the error in one line: "rejected (401), invalid_client: … (trace …, correlation …)". */
void advice_describe(struct buf *b, const struct azure_error *error);
/* What to do about it, a constant sentence; NULL: nothing is known. KIND: of the credential, as in
 * struct credential_status, or NULL. */
const char *advice_for(const struct azure_error *error, const char *kind);
