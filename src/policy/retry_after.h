/* SPDX-License-Identifier: MIT */
/* When an answer says to come back: Retry-After (RFC 9110 section 10.2.3), in seconds or as a date,
 * and what Azure's services write beside it in milliseconds, retry-after-ms and
 * x-ms-retry-after-ms. The longest that is said counts; what is malformed counts as not said. A
 * date is read against the answer's own Date, so that a wrong clock here does no harm. */
#pragma once

#include "base/clock.h"
#include "policy/field.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More than anyone means: what is longer counts as this. */
#define RETRY_AFTER_MAX (366 * 24 * 3600 * USEC_PER_SEC)

/* What was said so far, for a head that comes line by line. */
struct retry_after {
    usec_t wait;    /* the longest; USEC_NEVER: none */
    int64_t until;  /* as a date, in seconds since 1970; -1: none */
    int64_t date_s; /* of Date, in seconds since 1970; 0: none */
};

void retry_after_init(struct retry_after *r);
/* Takes note of the field if it is one of the four; the value is trimmed. */
void retry_after_field(struct retry_after *r, struct text name, struct text value);
/* How long to wait, or USEC_NEVER: nothing was said. WALL: our clock (clock_wall()), for a date in
 * an answer that has no Date. */
usec_t retry_after_wait(const struct retry_after *r, usec_t wall);

/* The same of a head that is there as a whole. */
usec_t retry_after_read(const struct field_line *lines, size_t n, usec_t wall);
