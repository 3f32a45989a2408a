/* SPDX-License-Identifier: MIT */
/* The buffer of base/buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 256

void buf_init(struct buf *b, size_t max) {
    *b = (struct buf){.max = max};
}

void buf_done(struct buf *b) {
    free(b->at);
    buf_init(b, b->max);
}

void buf_wipe(struct buf *b) {
    if (b->at)
        explicit_bzero(b->at, b->capacity);
    buf_done(b);
}

void buf_clear(struct buf *b) {
    b->len = 0;
    b->failed = false;
    if (b->at)
        b->at[0] = '\0';
}

/* Room for N bytes and the NUL; the buffer has failed if there is none. */
static bool reserve(struct buf *b, size_t n) {
    if (LIKELY(!b->failed && n < b->capacity - b->len && b->capacity > b->len &&
               n <= b->max - b->len))
        return true;
    if (b->failed || n > b->max - b->len) {
        b->failed = true;
        return false;
    }
    size_t wanted = b->len + n + 1, capacity = b->capacity ? b->capacity : CAPACITY_FIRST;
    while (capacity < wanted)
        capacity = capacity > wanted / 2 ? wanted : 2 * capacity;
    if (capacity < 2 * b->capacity && b->max >= 2 * b->capacity)
        capacity = 2 * b->capacity;
    char *at = realloc(b->at, capacity);
    if (!at) {
        b->failed = true;
        return false;
    }
    b->at = at;
    b->capacity = capacity;
    return true;
}

void buf_add(struct buf *b, const void *bytes, size_t n) {
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->at + b->len, bytes, n);
    b->len += n;
    b->at[b->len] = '\0';
}

void buf_add_text(struct buf *b, struct text t) {
    buf_add(b, t.at, t.len);
}

void buf_add_string(struct buf *b, const char *string) {
    buf_add(b, string, strlen(string));
}

void buf_add_char(struct buf *b, char c) {
    buf_add(b, &c, 1);
}

void buf_add_u64(struct buf *b, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    buf_add(b, digits + at, sizeof digits - at);
}

void buf_addf(struct buf *b, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0) {
        b->failed = true;
        return;
    }
    if (!reserve(b, (size_t)n))
        return;
    va_start(arguments, format);
    vsnprintf(b->at + b->len, (size_t)n + 1, format, arguments);
    va_end(arguments);
    b->len += (size_t)n;
}

char *buf_room(struct buf *b, size_t n) {
    return reserve(b, n) ? b->at + b->len : NULL;
}

void buf_grew(struct buf *b, size_t n) {
    b->len += n;
    b->at[b->len] = '\0';
}

void buf_consume(struct buf *b, size_t n) {
    if (n == 0 || !b->at)
        return;
    if (n > b->len)
        n = b->len;
    memmove(b->at, b->at + n, b->len - n);
    b->len -= n;
    b->at[b->len] = '\0';
}
