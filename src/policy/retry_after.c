/* SPDX-License-Identifier: MIT */
/* Reading the fields of policy/retry_after.h. */
#include "policy/retry_after.h"

#include "base/macros.h"
#include "base/parse.h"

void retry_after_init(struct retry_after *r) {
    *r = (struct retry_after){.wait = USEC_NEVER, .until = -1};
}

/* The longer of two, of which either may be "not said". */
static usec_t longer(usec_t a, usec_t b) {
    if (a == USEC_NEVER || b == USEC_NEVER)
        return a == USEC_NEVER ? b : a;
    return a > b ? a : b;
}

static void say(struct retry_after *r, uint64_t number, usec_t unit) {
    usec_t wait =
        number < (uint64_t)(RETRY_AFTER_MAX / unit) ? (usec_t)number * unit : RETRY_AFTER_MAX;
    r->wait = longer(r->wait, wait);
}

static void read_retry_after(struct retry_after *r, struct text value) {
    uint64_t s;
    int64_t until;
    if (parse_u64(value, UINT64_MAX, &s))
        say(r, s, USEC_PER_SEC);
    else if (parse_http_date(value, &until) && until > r->until)
        r->until = until;
}

static void read_milliseconds(struct retry_after *r, struct text value) {
    uint64_t ms;
    if (parse_u64(value, UINT64_MAX, &ms))
        say(r, ms, USEC_PER_MS);
}

static void read_date(struct retry_after *r, struct text value) {
    int64_t date_s;
    if (parse_http_date(value, &date_s))
        r->date_s = date_s;
}

void retry_after_field(struct retry_after *r, struct text name, struct text value) {
    static const struct {
        const char *name;
        void (*read)(struct retry_after *r, struct text value);
    } fields[] = {
        {"Date", read_date},
        {"Retry-After", read_retry_after},
        {"retry-after-ms", read_milliseconds},
        {"x-ms-retry-after-ms", read_milliseconds},
    };
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (text_equal_nocase(name, text_of(fields[i].name)))
            fields[i].read(r, value);
}

usec_t retry_after_wait(const struct retry_after *r, usec_t wall) {
    if (r->until < 0)
        return r->wait;
    usec_t from = r->date_s ? r->date_s * USEC_PER_SEC : wall;
    usec_t until = r->until * USEC_PER_SEC; /* parse_http_date() ends with the year 9999 */
    usec_t left = until <= from ? 0 : until - from;
    return longer(r->wait, left < RETRY_AFTER_MAX ? left : RETRY_AFTER_MAX);
}

usec_t retry_after_read(const struct field_line *lines, size_t n, usec_t wall) {
    struct retry_after r;
    retry_after_init(&r);
    for (size_t i = 0; i < n; i++)
        retry_after_field(&r, lines[i].name, lines[i].value);
    return retry_after_wait(&r, wall);
}
