/* SPDX-License-Identifier: MIT */
/* A certificate for the demo's scoring service, made anew at each start: P-256, self-signed, for
 * localhost and 127.0.0.1, good for a day. It is its own CA. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"

/* Appends both as PEM, terminated by a NUL that does not count. False if OpenSSL or memory fails.
 */
bool demo_certificate_make(struct buf *certificate, struct buf *key) MUST_CHECK;
