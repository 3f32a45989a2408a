/* SPDX-License-Identifier: MIT */
/* The tables behind policy/reason.h, and the problem document that is written from them. */
#include "policy/reason.h"

#include "base/json.h"
#include "base/macros.h"

static const struct {
    const char *word;
    unsigned status;
    const char *proxy_error;
    const char *detail;
} reasons[REASON_COUNT] = {[REASON_NONE] = {"", 0, "", ""},
#define X(word, status, error, detail) [REASON_##word] = {#word, status, #error, detail},
                           REASON_LIST(X)
#undef X
};

static size_t row(enum reason r) {
    return (size_t)r < ARRAY_LEN(reasons) ? (size_t)r : REASON_NONE;
}

const char *reason_word(enum reason r) {
    return reasons[row(r)].word;
}

unsigned reason_status(enum reason r) {
    return reasons[row(r)].status;
}

const char *reason_proxy_error(enum reason r) {
    return reasons[row(r)].proxy_error;
}

const char *reason_detail(enum reason r) {
    return reasons[row(r)].detail;
}

/* RFC 9110 section 15, and what the IANA registry of HTTP status codes adds to it. */
static const struct {
    unsigned status;
    const char *phrase;
} phrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {207, "Multi-Status"},
    {208, "Already Reported"},
    {226, "IM Used"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {305, "Use Proxy"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {424, "Failed Dependency"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {506, "Variant Also Negotiates"},
    {507, "Insufficient Storage"},
    {508, "Loop Detected"},
    {511, "Network Authentication Required"},
};

const char *status_phrase(unsigned status) {
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Unknown";
}

static void add_member(struct buf *b, const char *name, struct text value) {
    buf_addf(b, ",\"%s\":", name);
    json_add_string(b, value);
}

void problem_write(struct buf *b, enum reason r, struct text detail, struct text request_id) {
    unsigned status = reason_status(r);
    buf_add_string(b, "{\"type\":\"about:blank\"");
    add_member(b, "title", text_of(status_phrase(status)));
    buf_add_string(b, ",\"status\":");
    buf_add_u64(b, status);
    add_member(b, "detail", detail.len ? detail : text_of(reason_detail(r)));
    add_member(b, "reason", text_of(reason_word(r)));
    add_member(b, "request_id", request_id);
    buf_add_string(b, "}\n");
}
