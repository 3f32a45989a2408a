/* SPDX-License-Identifier: MIT */
/* Answers that are not handed on as they come, because all of them has to be seen first: what the
 * endpoint says of itself, and JSON that may be wrapped in a JSON string. What turns out to be
 * neither, or is too large, is handed on like any other. */
#include "gateway/exchange.h"

#include "base/json_grammar.h"
#include "base/json_text.h"

/* How deep JSON may be that is opened. */
#define DEPTH_MAX 500
/* So many blanks may stand in front of it. */
#define BLANKS_MAX 1024

static bool is_encoded(const struct attempt *a) {
    struct text coding = answer_field(a, TEXT("content-encoding"));
    return coding.len && !text_equal_nocase(coding, TEXT("identity"));
}

/* application/json, or another type that ends with "+json" (RFC 6839). */
static bool is_json(const struct attempt *a) {
    struct text type = answer_field(a, TEXT("content-type"));
    type = text_trim((struct text){type.at, text_find(type, ';')});
    size_t suffix = sizeof "+json" - 1;
    return text_equal_nocase(type, TEXT("application/json")) ||
           (type.len > suffix &&
            text_equal_nocase(text_skip(type, type.len - suffix), TEXT("+json")));
}

static bool may_be_wrapped(const struct attempt *a) {
    unsigned status = a->answer.status;
    return a->exchange->route->config->unwrap_json && status >= 200 && status < 300 &&
           status != 206 && is_json(a);
}

/* Of the body. */
static size_t most(const struct exchange *x) {
    return x->target == ROUTE_SWAGGER ? GATHER_SWAGGER_MAX : GATHER_MAX;
}

static bool wants(const struct attempt *a) {
    const struct exchange *x = a->exchange;
    if (!exchange_rewrites(x) || is_encoded(a) ||
        (a->answer.length != ANSWER_NO_LENGTH && a->answer.length > most(x)))
        return false;
    if (x->target == ROUTE_SWAGGER)
        return a->answer.status == 200 || (a->answer.status == 304 && a->document);
    return x->head.method != METHOD_HEAD && may_be_wrapped(a);
}

bool gather_changes_length(const struct attempt *a) {
    return a->exchange->head.method == METHOD_HEAD && a->exchange->target == ROUTE_SCORE &&
           may_be_wrapped(a) && !is_encoded(a);
}

/* What was gathered is handed on as it is, and the rest as it comes. */
static void give_up(struct attempt *a) {
    answer_reply(a, NULL, false);
    if (a->answer.state == ANSWER_DONE)
        attempt_release(a);
}

/* A string that says an object or an array: what it says, in own_body. */
static bool open_string(struct attempt *a) {
    struct buf *into = &a->exchange->own_body;
    struct text body = json_trim(buf_text(&a->gathered));
    buf_clear(into);
    if (!json_is_valid(body, 0) || !json_text_string(body, into))
        return false;
    struct text said = json_trim(buf_text(into));
    return (json_text_is_object(said) || json_text_is_array(said)) &&
           json_is_valid(said, DEPTH_MAX);
}

static void finish(struct attempt *a) {
    struct exchange *x = a->exchange;
    if (x->target == ROUTE_SWAGGER && swagger_answered(a)) {
        buf_done(&a->gathered); /* a slow caller may take long */
    } else if (x->target == ROUTE_SCORE && open_string(a)) {
        struct text opened = buf_text(&x->own_body);
        buf_done(&a->gathered);
        answer_reply(a, &opened, true);
    } else {
        struct text whole = buf_text(&a->gathered);
        answer_reply(a, &whole, false);
    }
    attempt_release(a);
}

/* Nothing that is opened begins with anything but a quote, so that others need not wait. Looks at
 * the beginning alone, since it is asked about each piece. */
static bool is_hopeless(const struct attempt *a) {
    struct text begin = buf_text(&a->gathered);
    if (a->exchange->target != ROUTE_SCORE || text_starts(TEXT_BYTE_ORDER_MARK, begin))
        return false;
    bool all = begin.len <= BLANKS_MAX;
    begin = json_trim((struct text){begin.at, all ? begin.len : BLANKS_MAX});
    return begin.len ? begin.at[0] != '"' : !all;
}

void gather(struct attempt *a) {
    size_t n = a->body_end - a->body_begin;
    buf_add(&a->gathered, a->rx + a->body_begin, n);
    if (buf_ok(&a->gathered))
        a->body_end = a->body_begin;
    if (buf_ok(&a->gathered) && a->answer.state == ANSWER_DONE)
        finish(a);
    else if (!buf_ok(&a->gathered) || is_hopeless(a))
        give_up(a);
}

bool gather_begin(struct attempt *a) {
    if (!wants(a))
        return false;
    exchange_end_attempts(a->exchange, a);
    a->state = ATTEMPT_GATHERING;
    buf_init(&a->gathered, most(a->exchange));
    gather(a);
    return true;
}
