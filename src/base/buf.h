/* SPDX-License-Identifier: MIT */
/* A growing byte buffer with a hard ceiling that its owner names at the start.
 *
 * Appending either succeeds as a whole or leaves the content as it was and marks the buffer as
 * failed (ceiling reached or out of memory); a failed buffer refuses everything until buf_clear().
 * So a chain of appends needs one check at its end: buf_ok(). The content is kept terminated by a
 * NUL that does not count. */
#pragma once

#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *at;        /* NULL until the first append */
    size_t len;      /* bytes of content */
    size_t capacity; /* bytes allocated */
    size_t max;      /* ceiling of len */
    bool failed;
};

/* An empty buffer that may grow to MAX bytes. Allocates nothing. */
void buf_init(struct buf *b, size_t max);
/* Frees the memory; the buffer is as after buf_init(). */
void buf_done(struct buf *b);
/* buf_done() that wipes the memory first: for buffers that held a secret. */
void buf_wipe(struct buf *b);
/* Empties the buffer, keeps its memory, forgets a failure. */
void buf_clear(struct buf *b);

/* True while no append has failed. */
static inline bool buf_ok(const struct buf *b) {
    return !b->failed;
}

static inline struct text buf_text(const struct buf *b) {
    return (struct text){b->at ? b->at : "", b->len};
}

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_text(struct buf *b, struct text t);
void buf_add_string(struct buf *b, const char *string);
void buf_add_char(struct buf *b, char c);
void buf_add_u64(struct buf *b, uint64_t number);
void buf_addf(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);

/* Room for N more bytes behind the content, or NULL (and failed). The caller writes there and then
 * counts what it wrote with buf_grew(). */
char *buf_room(struct buf *b, size_t n) MUST_CHECK;
void buf_grew(struct buf *b, size_t n);

/* Drops the first N bytes of the content; all but those. */
void buf_consume(struct buf *b, size_t n);
void buf_truncate(struct buf *b, size_t n);
