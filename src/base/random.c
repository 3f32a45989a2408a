/* SPDX-License-Identifier: MIT */
/* The random bytes of base/random.h. */
#include "base/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define BLOCK 1024

static void fill(unsigned char *into, size_t n) {
    while (n) {
        ssize_t got = getrandom(into, n, 0);
        if (got < 0 && errno != EINTR)
            abort(); /* the kernel has no randomness: nothing may go on */
        if (got > 0) {
            into += got;
            n -= (size_t)got;
        }
    }
}

void random_bytes(void *into, size_t n) {
    static _Thread_local unsigned char block[BLOCK];
    static _Thread_local size_t left;
    unsigned char *to = into;
    while (n) {
        if (left == 0) {
            fill(block, sizeof block);
            left = sizeof block;
        }
        size_t part = n < left ? n : left;
        memcpy(to, block + sizeof block - left, part);
        memset(block + sizeof block - left, 0, part);
        left -= part;
        to += part;
        n -= part;
    }
}

uint64_t random_u64(void) {
    uint64_t number;
    random_bytes(&number, sizeof number);
    return number;
}

void random_uuid(char *into) {
    static const char hex[] = "0123456789abcdef";
    unsigned char bytes[16];
    random_bytes(bytes, sizeof bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40; /* version 4 */
    bytes[8] = (bytes[8] & 0x3f) | 0x80; /* variant of RFC 9562 section 4.1 */
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *into++ = '-';
        *into++ = hex[bytes[i] >> 4];
        *into++ = hex[bytes[i] & 0x0f];
    }
    *into = '\0';
}
