/* SPDX-License-Identifier: MIT */
/* The spans of base/duration.h. */
#include "base/duration.h"

#define MINUTE ((uint64_t)60)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

static void add(struct buf *b, uint64_t number, const char *unit) {
    buf_add_u64(b, number);
    buf_add_char(b, ' ');
    buf_add_string(b, unit);
}

void duration_add(struct buf *b, usec_t span) {
    uint64_t s = span < 0 ? 0 : (uint64_t)(span / USEC_PER_SEC);
    if (s < 2 * MINUTE) {
        add(b, s, "s");
    } else if (s < 2 * HOUR) {
        add(b, s / MINUTE, "min");
    } else if (s < 2 * DAY) {
        add(b, s / HOUR, "h");
        if (s % HOUR >= MINUTE) {
            buf_add_char(b, ' ');
            add(b, s % HOUR / MINUTE, "min");
        }
    } else {
        add(b, s / DAY, "days");
    }
}
