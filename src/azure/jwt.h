/* SPDX-License-Identifier: MIT */
/* JSON Web Tokens (RFC 7519) as far as one needs who neither makes nor verifies them. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* The exp claim of TOKEN in seconds since 1970. False if it is no JWT, has none, or one that is no
 * sensible number. The signature is not looked at: who receives the token does that. */
bool jwt_expiry(struct text token, int64_t *expiry_s) MUST_CHECK;

/* Appends BYTES in base64url without padding (RFC 7515 appendix C). */
void base64url_add(struct buf *b, struct text bytes);
/* Appends what T, base64url without padding, stands for. False if it is not such a text. */
bool base64url_decode(struct buf *b, struct text t) MUST_CHECK;
