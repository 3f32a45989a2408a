/* SPDX-License-Identifier: MIT */
/* Random bytes from getrandom(2), fetched in blocks per thread so that an id costs no system call.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Length of a version 4 UUID as text, without NUL. */
#define RANDOM_UUID_LEN 36

void random_bytes(void *into, size_t n);
uint64_t random_u64(void);
/* A new UUID (RFC 9562 version 4), terminated: RANDOM_UUID_LEN + 1 bytes at INTO. */
void random_uuid(char *into);
