/* SPDX-License-Identifier: MIT */
/* What a fetch keeps of an answer's head: the few fields that Azure's protocols need. Lines come
 * one by one from libcurl, several heads in a row if there are interim answers. */
#pragma once

#include "azure/answer.h"
#include "base/buf.h"
#include "base/macros.h"
#include "base/text.h"
#include "policy/retry_after.h"

#include <stdbool.h>
#include <stdint.h>

/* All lines together, interim answers and trailers included. */
#define FETCH_HEAD_MAX ((size_t)64 * 1024)

struct fetch_head {
    size_t seen;     /* bytes */
    unsigned status; /* of the head that is being read, or was read last */
    bool whole;      /* the final head was read to its empty line */
    bool framed;     /* it says where the answer ends */
    bool too_large;
    struct buf challenge, location, operation;
    struct retry_after retry_after;
};

void fetch_head_init(struct fetch_head *h);
/* Wipes it. */
void fetch_head_done(struct fetch_head *h);
/* Reads LINE, with its line end. False: too large, or out of memory (no field is ever left out). */
bool fetch_head_line(struct fetch_head *h, struct text line) MUST_CHECK;
/* Fills in all of A but its body; the texts are of H. WALL_S is our clock, for a Retry-After that
 * is a date where the server did not tell its own. */
void fetch_head_give(const struct fetch_head *h, int64_t wall_s, struct azure_answer *a);
