/* SPDX-License-Identifier: MIT */
/* The growing buffer of base/buf.h. Invariant: at is NULL, or len < capacity and at[len] is NUL.
 * Memory that is outgrown is wiped before it is freed, because a buffer may hold a credential. */
#include "base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 256

void buf_init(struct buf *b, size_t max) {
    /* Half of the address space, so that no sum below can overflow. */
    *b = (struct buf){.max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2};
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

static inline void set_len(struct buf *b, size_t len) {
    b->len = len;
    if (b->at)
        b->at[len] = '\0';
}

void buf_clear(struct buf *b) {
    set_len(b, 0);
    b->failed = false;
}

static bool grow(struct buf *b, size_t need) {
    size_t size = b->capacity ? b->capacity * 2 : FIRST_CAPACITY;
    if (size > b->max + 1)
        size = b->max + 1;
    if (size < need)
        size = need;
    char *fresh = malloc(size);
    if (!fresh)
        return false;
    if (b->at) {
        memcpy(fresh, b->at, b->len);
        explicit_bzero(b->at, b->capacity);
        free(b->at);
    }
    b->at = fresh;
    b->capacity = size;
    set_len(b, b->len);
    return true;
}

/* Makes room for N more bytes and the NUL; false if the buffer has failed, now or before. */
static inline bool reserve(struct buf *b, size_t n) {
    if (UNLIKELY(b->failed))
        return false;
    if (LIKELY(n <= b->max - b->len) &&
        (LIKELY(n < b->capacity - b->len) || grow(b, b->len + n + 1)))
        return true;
    b->failed = true;
    return false;
}

void buf_add(struct buf *b, const void *bytes, size_t n) {
    if (!reserve(b, n))
        return;
    if (n)
        memcpy(b->at + b->len, bytes, n);
    set_len(b, b->len + n);
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
    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    buf_add(b, digits + at, sizeof digits - at);
}

void buf_addf(struct buf *b, const char *format, ...) {
    va_list arguments, again;
    if (!reserve(b, 0))
        return;
    va_start(arguments, format);
    va_copy(again, arguments);
    size_t room = b->capacity - b->len;
    int n = vsnprintf(b->at + b->len, room, format, arguments);
    if (n < 0 || !reserve(b, (size_t)n)) {
        b->failed = true;
        set_len(b, b->len);
    } else {
        if ((size_t)n >= room)
            vsnprintf(b->at + b->len, (size_t)n + 1, format, again);
        set_len(b, b->len + (size_t)n);
    }
    va_end(again);
    va_end(arguments);
}

char *buf_room(struct buf *b, size_t n) {
    return reserve(b, n) ? b->at + b->len : NULL;
}

void buf_grew(struct buf *b, size_t n) {
    assert(b->at && n < b->capacity - b->len);
    set_len(b, b->len + n);
}

void buf_consume(struct buf *b, size_t n) {
    assert(n <= b->len);
    if (n == 0)
        return;
    memmove(b->at, b->at + n, b->len - n);
    set_len(b, b->len - n);
}

void buf_truncate(struct buf *b, size_t n) {
    assert(n <= b->len);
    if (n < b->len)
        set_len(b, n);
}
