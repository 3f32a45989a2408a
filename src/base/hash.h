/* SPDX-License-Identifier: MIT */
/* FNV-1a, 64 bits (draft-eastlake-fnv): for what nobody gains by making two things alike. */
#pragma once

#include "base/text.h"

#include <stdint.h>

#define HASH_NOTHING 0xcbf29ce484222325U

static inline uint64_t hash_byte(uint64_t hash, unsigned char byte) {
    return (hash ^ byte) * 0x100000001b3U;
}

/* HASH, or HASH_NOTHING to begin with, and the bytes of T. */
static inline uint64_t hash_text(uint64_t hash, struct text t) {
    for (size_t i = 0; i < t.len; i++)
        hash = hash_byte(hash, (unsigned char)t.at[i]);
    return hash;
}
