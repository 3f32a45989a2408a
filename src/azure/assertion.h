/* SPDX-License-Identifier: MIT */
/* The assertion by which an application shows its certificate to Entra: a JWT signed PS256, with
 * x5t#S256, ten minutes of life and a jti of its own. Source: Microsoft's "certificate credentials"
 * page; RFC 7523. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/secret.h"

#include <stdbool.h>
#include <stdint.h>

struct assertion_claims {
    const char *client_id; /* iss and sub */
    const char *audience;  /* the token endpoint */
    int64_t now_s;         /* the wall clock: nbf, iat; exp is 600 s later */
};

/* Reads the certificate (the first in the PEM file) and its RSA key (in the same file, or KEY_FILE
 * if that is not NULL) and signs. The key has 2048 bits at least and no passphrase, and its file is
 * neither readable nor writable by others (unless INSECURE_PERMISSIONS). NULL with a sentence in
 * WHY that names the file and holds nothing of the key. */
struct secret *assertion_new(const char *certificate_file, const char *key_file,
                             bool insecure_permissions, const struct assertion_claims *claims,
                             struct buf *why) MUST_CHECK;
