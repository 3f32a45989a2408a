/* SPDX-License-Identifier: MIT */
/* Reading the lines of a head. Values that are malformed count as not said. */
#include "upstream/fetch_head.h"

#include "base/parse.h"

void fetch_head_init(struct fetch_head *h) {
    *h = (struct fetch_head){.status = 0};
    retry_after_init(&h->retry_after);
    buf_init(&h->challenge, FETCH_HEAD_MAX);
    buf_init(&h->location, FETCH_HEAD_MAX);
    buf_init(&h->operation, FETCH_HEAD_MAX);
}

void fetch_head_done(struct fetch_head *h) {
    buf_wipe(&h->challenge);
    buf_wipe(&h->location);
    buf_wipe(&h->operation);
}

static void read_content_length(struct fetch_head *h, struct text value) {
    uint64_t length;
    h->framed |= parse_u64(value, INT64_MAX, &length);
}

static void read_transfer_encoding(struct fetch_head *h, struct text value) {
    struct text coding;
    while (text_next_element(&value, &coding))
        h->framed |= text_equal_nocase(coding, TEXT("chunked"));
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
    {"Content-Length", read_content_length},
    {"Location", read_location},
    {"Operation-Location", read_operation_location},
    {"Transfer-Encoding", read_transfer_encoding},
    {"WWW-Authenticate", read_challenge},
};

static void read_field(struct fetch_head *h, struct text line) {
    size_t colon = text_find(line, ':');
    struct text name = {line.at, colon};
    struct text value = text_trim(text_skip(line, colon + 1));
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (text_equal_nocase(name, text_of(fields[i].name)))
            fields[i].read(h, value);
    retry_after_field(&h->retry_after, name, value);
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
    h->framed = h->status == 204 || h->status == 304; /* at once */
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
    a->date_s = h->retry_after.date_s;
    usec_t wait = retry_after_wait(&h->retry_after, wall_s * USEC_PER_SEC);
    a->retry_after_s = -1;
    if (wait != USEC_NEVER)
        a->retry_after_s = wait / USEC_PER_SEC + (wait % USEC_PER_SEC ? 1 : 0);
}
