/* SPDX-License-Identifier: MIT */
/* Reading errors, as azure/answer.h says. */
#include "azure/answer.h"

#include "base/json.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>

/* ARM explains a refusal by a policy a dozen levels deep. */
#define ERROR_DEPTH 32
/* Of an answer that is plain text. */
#define EXCERPT_MAX ((size_t)160)

/* --- texts of others ----------------------------------------------------------------------------
 */

/* Where a cleaned text goes: terminated, never beyond size. */
struct line {
    char *at;
    size_t size, len;
    bool blank; /* one is due before what comes next */
};

static bool line_add(struct line *line, const char *bytes, size_t n) {
    if (n >= line->size - line->len)
        return false;
    memcpy(line->at + line->len, bytes, n);
    line->len += n;
    line->at[line->len] = '\0';
    return true;
}

/* Appends T: runs of blanks and line ends as one blank, none at the ends, '?' for controls and for
 * what is no UTF-8; cut between two characters where it is too long. */
static void line_add_clean(struct line *line, struct text t) {
    while (t.len) {
        uint32_t code = 0xfffd;
        size_t n = utf8_next(t, &code);
        struct text shown = n == 0 || utf8_is_control(code) ? TEXT("?") : (struct text){t.at, n};
        if (strchr(" \t\r\n", t.at[0]) && t.at[0]) {
            line->blank = line->len > 0;
        } else {
            if (line->blank && !line_add(line, " ", 1))
                return;
            line->blank = false;
            if (!line_add(line, shown.at, shown.len))
                return;
        }
        t = text_skip(t, n ? n : 1);
    }
}

static void clean(char *into, size_t size, struct text t) {
    struct line line = {.at = into, .size = size};
    into[0] = '\0';
    line_add_clean(&line, t);
}

void azure_error_set(struct azure_error *e, enum azure_failure failure, const char *format, ...) {
    char sentence[2 * sizeof e->message];
    va_list arguments;
    *e = (struct azure_error){.failure = failure, .retry_after_s = -1};
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    clean(e->message, sizeof e->message, text_of(sentence));
    explicit_bzero(sentence, sizeof sentence);
}

/* --- envelopes -------------------------------------------------------------------------------- */

static void read_text(char *into, size_t size, const struct json *value) {
    struct text t;
    if (json_string(value, &t))
        clean(into, size, t);
}

/* MMS and App Service give a number where others give a word. */
static void read_code(struct azure_error *e, const struct json *value) {
    double number;
    read_text(e->code, sizeof e->code, value);
    if (json_number(value, &number) && number >= 0 && number < 1e9)
        snprintf(e->code, sizeof e->code, "%.0f", number);
}

/* {"code", "message", "details": [{"message"}, …]}: the message is often general, the first detail
 * says what is the matter. */
static void read_explained(struct azure_error *e, const struct json *value) {
    struct line line = {.at = e->message, .size = sizeof e->message};
    struct text message = TEXT(""), detail = TEXT("");
    bool has_detail =
        json_string(json_member(json_first(json_member(value, "details")), "message"), &detail);
    read_code(e, json_member(value, "code"));
    if (json_string(json_member(value, "message"), &message))
        line_add_clean(&line, message);
    if (has_detail && !text_equal(detail, message)) {
        line.blank = line.len > 0;
        line_add_clean(&line, detail);
    }
}

static void read_object(struct azure_error *e, const struct json *document) {
    const struct json *error = json_member(document, "error");
    if (json_is_object(error)) {
        read_explained(e, error);
    } else if (error) {
        read_text(e->code, sizeof e->code, error);
        read_text(e->message, sizeof e->message, json_member(document, "error_description"));
        read_text(e->trace_id, sizeof e->trace_id, json_member(document, "trace_id"));
        read_text(e->correlation_id, sizeof e->correlation_id,
                  json_member(document, "correlation_id"));
    } else {
        read_explained(e, document);
        if (!e->code[0])
            read_code(e, json_member(document, "statusCode"));
    }
}

static bool is_utf8(struct text t) {
    uint32_t code;
    size_t n = 0;
    while (t.len && (n = utf8_next(t, &code)) && code)
        t = text_skip(t, n);
    return t.len == 0;
}

/* Plain text for people: not a page, nor the remains of a document that could hold anything. */
static void read_excerpt(struct azure_error *e, struct text body) {
    struct text first = body;
    while (first.len && first.at[0] && strchr(" \t\r\n", first.at[0]))
        first = text_skip(first, 1);
    if (first.len && !strchr("<{[\"", first.at[0]) && is_utf8(body))
        clean(e->message, EXCERPT_MAX, body);
}

/* --- classes ---------------------------------------------------------------------------------- */

static enum azure_failure classify(const struct azure_error *e, bool token) {
    unsigned status = e->status;
    if (status == 408 || status == 409 || status == 410 || status == 429 || status >= 500 ||
        strcmp(e->code, "temporarily_unavailable") == 0)
        return AZURE_UNAVAILABLE;
    if (status == 404)
        return AZURE_MISSING;
    if (status < 400)
        return AZURE_MALFORMED;
    if (token || (status != 401 && status != 403))
        return AZURE_REJECTED;
    return status == 401 ? AZURE_UNAUTHORIZED : AZURE_FORBIDDEN;
}

void azure_error_read(struct azure_error *e, const struct azure_answer *a, bool token) {
    *e = (struct azure_error){.status = a->status, .retry_after_s = a->retry_after_s};
    struct json *document = json_parse(a->body, ERROR_DEPTH);
    if (json_is_object(document))
        read_object(e, document);
    else if (document)
        read_text(e->message, sizeof e->message, document);
    else
        read_excerpt(e, a->body);
    json_free(&document);
    e->failure = classify(e, token);
}

const char *azure_failure_word(enum azure_failure failure) {
    static const char *const words[] = {
        [AZURE_FINE] = "fine",
        [AZURE_REJECTED] = "rejected",
        [AZURE_UNAUTHORIZED] = "unauthorized",
        [AZURE_FORBIDDEN] = "forbidden",
        [AZURE_MISSING] = "missing",
        [AZURE_UNAVAILABLE] = "unavailable",
        [AZURE_MALFORMED] = "malformed",
        [AZURE_UNUSABLE] = "unusable",
        [AZURE_NO_MEMORY] = "no_memory",
    };
    return words[failure];
}
