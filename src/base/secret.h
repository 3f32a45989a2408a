/* SPDX-License-Identifier: MIT */
/* A secret: bytes that are counted, shared between threads by reference, wiped at the last unref,
 * left out of core dumps where the kernel allows, and never printable. Immutable once made. */
#pragma once

#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>

struct secret;

/* Bytes of a fingerprint as text, with NUL. */
#define SECRET_FINGERPRINT_SIZE 9

/* A new secret with one reference, copying VALUE; NULL when out of memory. */
struct secret *secret_new(struct text value) MUST_CHECK;
struct secret *secret_ref(struct secret *s);
/* Drops a reference (NULL is fine) and sets *S to NULL. */
void secret_unref(struct secret **s);

/* The bytes, for the one who sends them. */
struct text secret_expose(const struct secret *s);
/* Whether A and B have the same value, or both are NULL. */
bool secret_same(const struct secret *a, const struct secret *b);

/* The first eight hex digits of SHA-256 over a salt of this process and the value: tells two
 * secrets apart in a log, says nothing about either. */
void secret_fingerprint(const struct secret *s, char into[SECRET_FINGERPRINT_SIZE]);
