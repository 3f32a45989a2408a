/* SPDX-License-Identifier: MIT */
/* Reading an answer: llhttp splits it, this file is stricter than it. A head is accepted only if
 * every line is what RFC 9112 says (CRLF, no folding, no blank before the colon, no controls), the
 * status is 200 to 599, and the framing is one Content-Length or one "chunked". Interim answers are
 * swallowed. */
#pragma once

#include "base/macros.h"
#include "policy/field.h"
#include "policy/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_LINES_MAX    128
#define ANSWER_PARSER_BYTES 128
#define ANSWER_NO_LENGTH    UINT64_MAX

enum answer_state {
    ANSWER_HEAD, /* the head is not complete */
    ANSWER_BODY, /* the head is, the body is not */
    ANSWER_DONE, /* all of it was read */
    ANSWER_BAD,  /* refused; why says so */
};

struct answer {
    enum answer_state state;
    enum reason why;
    unsigned status;
    bool http10, keep_alive, chunked, until_close, no_body;
    uint64_t length; /* of the body, or ANSWER_NO_LENGTH */
    struct field_line lines[ANSWER_LINES_MAX];
    size_t line_count;

    /* Private. */
    bool head_request, in_value;
    unsigned interim;
    const char *head_begin;
    char *out;
    _Alignas(8) unsigned char parser[ANSWER_PARSER_BYTES];
};

/* Ready for the answer to a new request. HEAD_REQUEST: no body follows whatever the head says. */
void answer_begin(struct answer *a, bool head_request);

/* Reads the N bytes at DATA, which follow those of the last call in memory while the head is being
 * read, since the lines point at them. Body bytes are moved to *OUT, which moves on (OUT <= DATA,
 * so that the chunk framing is squeezed out in place). Stops behind the head: call again with what
 * is left. Returns how many bytes it took; fewer than N at the end of the head, in ANSWER_DONE (the
 * rest belongs to no request) and in ANSWER_BAD. */
size_t answer_feed(struct answer *a, char *data, size_t n, char **out);

/* The connection ended. True if that is the proper end of the answer (then ANSWER_DONE). */
bool answer_end(struct answer *a);
