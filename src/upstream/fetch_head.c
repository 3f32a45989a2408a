/* SPDX-License-Identifier: MIT */
/* Reading the lines of a head. Values that are malformed count as not said. */
#include "upstream/fetch_head.h"

#include "base/clock.h"
#include "base/parse.h"

#include <curl/curl.h>

#define MS_PER_S (USEC_PER_SEC / USEC_PER_MS)

/* More than anyone means; renewal has a ceiling of its own. */
#define RETRY_AFTER_MAX_S ((int64_t)366 * 24 * 3600)

void fetch_head_init(struct fetch_head *h) {
    *h = (struct fetch_head){.retry_after_s = -1};
    buf_init(&h->challenge, FETCH_HEAD_MAX);
    buf_init(&h->location, FETCH_HEAD_MAX);
    buf_init(&h->operation, FETCH_HEAD_MAX);
}

void fetch_head_done(struct fetch_head *h) {
    buf_wipe(&h->challenge);
    buf_wipe(&h->location);
    buf_wipe(&h->operation);
}

/* Seconds since 1970 of an HTTP date (RFC 9110 section 5.6.7), or 0. */
static int64_t date_of(struct text value) {
    char date[64];
    if (value.len == 0 || value.len >= sizeof date || memchr(value.at, 0, value.len))
        return 0;
    memcpy(date, value.at, value.len);
    date[value.len] = 0;
    time_t at = curl_getdate(date, NULL);
    return at > 0 ? (int64_t)at : 0;
}

static void read_date(struct fetch_head *h, struct text value) {
    h->date_s = date_of(value);
}

static void retry_after(struct fetch_head *h, uint64_t s) {
    int64_t said = s < (uint64_t)RETRY_AFTER_MAX_S ? (int64_t)s : RETRY_AFTER_MAX_S;
    if (said > h->retry_after_s)
        h->retry_after_s = said;
}

static void read_retry_after(struct fetch_head *h, struct text value) {
    uint64_t s;
    if (parse_u64(value, UINT64_MAX, &s))
        retry_after(h, s);
    else
        h->retry_at_s = date_of(value);
}

static void read_retry_after_ms(struct fetch_head *h, struct text value) {
    uint64_t ms;
    if (parse_u64(value, UINT64_MAX, &ms))
        retry_after(h, ms / MS_PER_S + (ms % MS_PER_S ? 1 : 0));
}

/* A challenge may stand in several fields, which is the same as one list. */
static void read_challenge(struct fetch_head *h, struct text value) {
    if (h->challenge.len)
        buf_add_string(&h->challenge, ", ");
    buf_add_text(&h->challenge, value);
}

static void read_location(struct fetch_head *h, struct text value) {
    if (!h->location.len)
        buf_add_text(&h->location, value);
}

/* Where both name an operation it is the same one, and ARM's own name for it wins. */
static void read_async_operation(struct fetch_head *h, struct text value) {
    buf_clear(&h->operation);
    buf_add_text(&h->operation, value);
}

static void read_operation_location(struct fetch_head *h, struct text value) {
    if (!h->operation.len)
        buf_add_text(&h->operation, value);
}

static const struct {
    const char *name;
    void (*read)(struct fetch_head *h, struct text value);
} fields[] = {
    {"Azure-AsyncOperation", read_async_operation},
    {"Date", read_date},
    {"Location", read_location},
    {"Operation-Location", read_operation_location},
    {"Retry-After", read_retry_after},
    {"retry-after-ms", read_retry_after_ms},
    {"WWW-Authenticate", read_challenge},
    {"x-ms-retry-after-ms", read_retry_after_ms},
};

static void read_field(struct fetch_head *h, struct text line) {
    size_t colon = text_find(line, ':');
    struct text name = {line.at, colon};
    struct text value = text_trim(text_skip(line, colon + 1));
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (text_equal_nocase(name, text_of(fields[i].name)))
            fields[i].read(h, value);
}

/* A head begins: what an interim answer said is forgotten. */
static void begin(struct fetch_head *h, struct text line) {
    size_t seen = h->seen;
    uint64_t status = 0;
    fetch_head_done(h);
    fetch_head_init(h);
    h->seen = seen;
    struct text code = text_skip(line, text_find(line, ' ') + 1);
    code.len = text_find(code, ' ');
    if (parse_u64(code, 999, &status))
        h->status = (unsigned)status;
}

bool fetch_head_line(struct fetch_head *h, struct text line) {
    h->seen += line.len;
    if (h->seen > FETCH_HEAD_MAX) {
        h->too_large = true;
        return false;
    }
    if (h->whole)
        return true; /* a trailer */
    while (line.len && (line.at[line.len - 1] == '\n' || line.at[line.len - 1] == '\r'))
        line.len--;
    if (line.len == 0)
        h->whole = h->status >= 200;
    else if (text_starts(line, TEXT("HTTP/")))
        begin(h, line);
    else
        read_field(h, line);
    return buf_ok(&h->challenge) && buf_ok(&h->location) && buf_ok(&h->operation);
}

void fetch_head_give(const struct fetch_head *h, int64_t wall_s, struct azure_answer *a) {
    a->status = h->status;
    a->challenge = buf_text(&h->challenge);
    a->location = buf_text(&h->location);
    a->operation = buf_text(&h->operation);
    a->date_s = h->date_s;
    a->retry_after_s = h->retry_after_s;
    if (!h->retry_at_s)
        return;
    int64_t left = h->retry_at_s - (h->date_s ? h->date_s : wall_s);
    left = left < 0 ? 0 : left > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : left;
    if (left > a->retry_after_s)
        a->retry_after_s = left;
}
