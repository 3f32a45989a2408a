/* SPDX-License-Identifier: MIT */
/* Reading answers with llhttp, and refusing what it lets through. */
#include "upstream/answer.h"

#include "base/parse.h"

#include <assert.h>
#include <llhttp.h>
#include <string.h>

/* More interim answers than this before the final one are an attack or a defect. */
#define INTERIM_MAX 32

static_assert(sizeof(llhttp_t) <= ANSWER_PARSER_BYTES, "room for the parser");

static llhttp_t *parser_of(struct answer *a) {
    return (llhttp_t *)(void *)a->parser;
}

static int refuse(struct answer *a, enum reason why) {
    if (a->state != ANSWER_BAD) {
        a->state = ANSWER_BAD;
        a->why = why;
    }
    return HPE_USER;
}

static int on_name(llhttp_t *p, const char *at, size_t n) {
    struct answer *a = p->data;
    if (a->state != ANSWER_HEAD)
        return 0; /* trailers are read and dropped */
    if (a->line_count == 0 || a->in_value) {
        if (a->line_count == ANSWER_LINES_MAX)
            return refuse(a, REASON_answer_head_too_large);
        a->lines[a->line_count++] = (struct field_line){.name = {at, 0}, .value = {"", 0}};
        a->in_value = false;
    }
    a->lines[a->line_count - 1].name.len += n;
    return 0;
}

static int on_name_end(llhttp_t *p) {
    struct answer *a = p->data;
    a->in_value = true;
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n) {
    struct answer *a = p->data;
    if (a->state != ANSWER_HEAD || n == 0)
        return 0;
    struct field_line *line = &a->lines[a->line_count - 1];
    if (line->value.len == 0)
        line->value = (struct text){at, 0};
    else if (line->value.at + line->value.len != at)
        return refuse(a, REASON_malformed_answer); /* a folded line */
    line->value.len += n;
    return 0;
}

/* Nothing but field lines, each ended by CRLF, after a status line of HTTP/1.0 or 1.1. llhttp
 * forgives bare line feeds, leading blank lines and more. */
static bool head_is_strict(struct text head) {
    if (!text_starts(head, TEXT("HTTP/1.")) || head.len < 13)
        return false;
    if ((head.at[7] != '0' && head.at[7] != '1') || head.at[8] != ' ' ||
        (head.at[12] != ' ' && head.at[12] != '\r'))
        return false;
    for (bool first = true; head.len; first = false) {
        size_t end = text_find(head, '\n');
        if (end == head.len || end == 0 || head.at[end - 1] != '\r')
            return false;
        struct text line = {head.at, end - 1};
        if (!first && line.len && (line.at[0] == ' ' || line.at[0] == '\t'))
            return false;
        if (!parse_is_field_value(line))
            return false;
        head = text_skip(head, end + 1);
    }
    return true;
}

static bool check_lines(struct answer *a) {
    unsigned codings = 0;
    for (size_t i = 0; i < a->line_count; i++) {
        struct field_line *line = &a->lines[i];
        if (!parse_is_token(line->name) || line->name.at[line->name.len] != ':')
            return false;
        line->value = text_trim(line->value);
        line->id = field_lookup(line->name);
        if (line->id == FIELD_TRANSFER_ENCODING &&
            (++codings > 1 || !text_equal_nocase(line->value, TEXT("chunked"))))
            return false;
    }
    return true;
}

static int on_head(llhttp_t *p) {
    struct answer *a = p->data;
    a->status = p->status_code;
    a->http10 = p->http_minor == 0;
    if (!check_lines(a) || p->http_major != 1 || p->http_minor > 1)
        return refuse(a, REASON_malformed_answer);
    if (a->status == 101 || a->status < 100 || a->status > 599)
        return refuse(a, REASON_malformed_answer);
    if (a->status < 200)
        return ++a->interim > INTERIM_MAX ? refuse(a, REASON_malformed_answer) : 0;
    a->no_body = a->head_request || a->status == 204 || a->status == 205 || a->status == 304;
    a->chunked = p->flags & F_CHUNKED;
    a->length = p->flags & F_CONTENT_LENGTH ? p->content_length : ANSWER_NO_LENGTH;
    a->until_close = !a->no_body && !a->chunked && a->length == ANSWER_NO_LENGTH;
    a->keep_alive = llhttp_should_keep_alive(p) && !a->until_close;
    if (a->status == 205 && (a->chunked || (a->length != ANSWER_NO_LENGTH && a->length > 0)))
        a->keep_alive = false; /* the body that it may not have follows */
    a->state = ANSWER_BODY;
    return a->no_body ? 1 : 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n) {
    struct answer *a = p->data;
    if (a->state != ANSWER_BODY)
        return refuse(a, REASON_malformed_answer);
    memmove(a->out, at, n);
    a->out += n;
    return 0;
}

static int on_complete(llhttp_t *p) {
    struct answer *a = p->data;
    if (a->state == ANSWER_BODY) {
        a->state = ANSWER_DONE;
        return HPE_PAUSED;
    }
    a->head_begin = NULL; /* an interim answer: what follows is the next head */
    return 0;
}

static int on_begin(llhttp_t *p) {
    struct answer *a = p->data;
    a->line_count = 0;
    a->in_value = false;
    return 0;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_begin,
    .on_header_field = on_name,
    .on_header_field_complete = on_name_end,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

void answer_begin(struct answer *a, bool head_request) {
    a->state = ANSWER_HEAD;
    a->why = REASON_NONE;
    a->head_request = head_request;
    a->interim = 0;
    a->line_count = 0;
    a->in_value = false;
    a->head_begin = NULL;
    llhttp_init(parser_of(a), HTTP_RESPONSE, &settings);
    parser_of(a)->data = a;
}

/* Feeds N bytes to llhttp; returns how many it took. */
static size_t execute(struct answer *a, const char *data, size_t n) {
    llhttp_t *p = parser_of(a);
    llhttp_errno_t code = llhttp_execute(p, data, n);
    if (code == HPE_OK)
        return n;
    if (a->state != ANSWER_DONE)
        (void)refuse(a, REASON_malformed_answer);
    const char *stop = llhttp_get_error_pos(p);
    return stop >= data && stop <= data + n ? (size_t)(stop - data) : n;
}

/* Feeds the head up to its empty line, so that it can be looked at as a whole. */
static size_t feed_head(struct answer *a, const char *data, size_t n) {
    if (!a->head_begin)
        a->head_begin = data;
    const char *from = data - a->head_begin > 3 ? data - 3 : a->head_begin;
    const char *end = memmem(from, (size_t)(data + n - from), "\r\n\r\n", 4);
    size_t part = end ? (size_t)(end + 4 - data) : n;
    struct text head = text_from(a->head_begin, data + part);
    size_t taken = execute(a, data, part);
    bool complete = a->state == ANSWER_BODY || a->state == ANSWER_DONE || !a->head_begin;
    if (complete && (!end || !head_is_strict(head)))
        (void)refuse(a, REASON_malformed_answer);
    return taken;
}

size_t answer_feed(struct answer *a, char *data, size_t n, char **out) {
    size_t taken = 0;
    a->out = *out;
    while (taken < n && a->state == ANSWER_HEAD)
        taken += feed_head(a, data + taken, n - taken);
    if (taken == 0 && a->state == ANSWER_BODY)
        taken = execute(a, data, n);
    *out = a->out;
    return taken;
}

bool answer_end(struct answer *a) {
    if (a->state == ANSWER_BODY && a->until_close && llhttp_finish(parser_of(a)) == HPE_OK)
        a->state = ANSWER_DONE;
    return a->state == ANSWER_DONE;
}
