/* SPDX-License-Identifier: MIT */
/* Answers that scoregate gives itself: problem documents, and the answer to OPTIONS. */
#include "gateway/exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Nobody is told to come back later than that, in seconds. */
#define LATEST_RETURN 120U

static void add(struct field_line *fields, size_t *n, const char *name, struct text value) {
    fields[(*n)++] = (struct field_line){text_of(name), value, FIELD_OTHER};
}

/* Appends a value to the exchange's buffer and returns it; later appends may move the buffer, so
 * all of them come before the values are read. */
struct span {
    size_t begin, end;
};

static struct text span_text(const struct buf *b, struct span s) {
    return (struct text){b->at + s.begin, s.end - s.begin};
}

size_t reply_common_fields(struct exchange *x, struct field_line *fields, size_t max) {
    size_t n = 0;
    if (x->sent_id[0] == '\0')
        memcpy(x->sent_id, x->request_id, sizeof x->request_id);
    add(fields, &n, "x-ms-client-request-id", text_of(x->sent_id));
    if (!x->route || !x->route->config->cors)
        return n;
    struct cors_field cors[CORS_FIELDS_MAX];
    const struct cors *config = x->route->config->cors;
    size_t count = cors_fields(config, &x->head, cors_is_preflight(&x->head),
                               x->route->config->methods, &x->own_fields, cors);
    for (size_t i = 0; i < count && n < max; i++)
        add(fields, &n, cors[i].name, cors[i].value);
    return n;
}

bool reply_fits(const struct exchange *x, const struct field_line *fields, size_t n) {
    size_t used = 0;
    for (size_t i = 0; i < n; i++)
        used += fields[i].name.len + fields[i].value.len + 4;
    return used <= caller_head_room(x->caller);
}

/* Answers after which the connection ends: nothing behind a head that was refused can be believed,
 * and from the others no more is wanted. */
static bool ends_connection(const struct exchange *x, enum reason why) {
    return x->head_refused || why == REASON_caller_timeout || why == REASON_draining ||
           x->gateway->draining;
}

static unsigned served_methods(const struct exchange *x) {
    if (!x->route)
        return METHOD_GET | METHOD_HEAD | METHOD_POST | METHOD_OPTIONS;
    unsigned set = x->target == ROUTE_SWAGGER ? METHOD_GET : x->route->config->methods;
    return set | METHOD_OPTIONS | (set & METHOD_GET ? METHOD_HEAD : 0);
}

static struct span append_methods(struct exchange *x) {
    struct span s = {.begin = x->own_body.len};
    method_list(&x->own_body, served_methods(x));
    s.end = x->own_body.len;
    buf_add_char(&x->own_body, '\0');
    return s;
}

static struct span append_proxy_status(struct exchange *x, enum reason why) {
    struct span s = {.begin = x->own_body.len};
    buf_addf(&x->own_body, "scoregate; error=%s", reason_proxy_error(why));
    s.end = x->own_body.len;
    buf_add_char(&x->own_body, '\0');
    return s;
}

static struct span append_retry_after(struct exchange *x) {
    struct span s = {.begin = x->own_body.len};
    uint32_t seconds = x->retry_after_s ? x->retry_after_s : 1;
    buf_addf(&x->own_body, "%u",
             x->retry_at_once          ? 0
             : seconds < LATEST_RETURN ? seconds
                                       : LATEST_RETURN);
    s.end = x->own_body.len;
    buf_add_char(&x->own_body, '\0');
    return s;
}

static void send_own(struct exchange *x, struct reply *reply) {
    x->status = reply->status;
    exchange_set_state(x, EXCHANGE_REPLIED);
    list_remove(&x->node);
    caller_reply(x->caller, reply);
}

/* Names the line of the configuration that would let this origin in. */
static void write_origin_hint(const struct exchange *x, struct buf *into) {
    if (x->route && parse_is_field_value(x->head.origin) && x->head.origin.len < 1024)
        buf_addf(
            into,
            "The origin %.*s is not served by this route; cors = { origins = [ \"%.*s\" ]; } in "
            "the route %s allows it.",
            TEXT_ARG(x->head.origin), TEXT_ARG(x->head.origin), x->route->config->path);
}

/* The path may be misspelt. */
static void write_route_hint(const struct exchange *x, struct buf *into) {
    const char *near = route_table_nearest(x->gateway->config->table, x->head.path);
    if (near)
        buf_addf(into, "No route has this path; did you mean %s?", near);
}

void reply_problem(struct exchange *x, enum reason why, struct text detail) {
    struct field_line fields[8 + REPLY_COMMON_MAX];
    struct buf hint;
    size_t n = 0;
    x->reason = why;
    buf_clear(&x->own_body);
    buf_clear(&x->own_fields);
    buf_init(&hint, 4096);
    if (why == REASON_origin_not_allowed)
        write_origin_hint(x, &hint);
    else if (why == REASON_no_route)
        write_route_hint(x, &hint);
    if (hint.len && buf_ok(&hint))
        detail = buf_text(&hint);
    problem_write(&x->own_body, why, detail, text_of(exchange_id(x)));
    size_t body = x->own_body.len;
    struct span status = append_proxy_status(x, why), allow = append_methods(x);
    struct span retry = append_retry_after(x);
    buf_done(&hint);
    if (!buf_ok(&x->own_body)) {
        x->status = reason_status(why);
        exchange_set_state(x, EXCHANGE_REPLIED);
        list_remove(&x->node);
        caller_cut(x->caller);
        return;
    }
    add(fields, &n, "Content-Type", TEXT("application/problem+json"));
    add(fields, &n, "Proxy-Status", span_text(&x->own_body, status));
    add(fields, &n, "Cache-Control", TEXT("no-store"));
    add(fields, &n, "X-Content-Type-Options", TEXT("nosniff"));
    if (why == REASON_method_not_allowed)
        add(fields, &n, "Allow", span_text(&x->own_body, allow));
    if (reason_status(why) == 503 || reason_status(why) == 429)
        add(fields, &n, "Retry-After", span_text(&x->own_body, retry));
    n += reply_common_fields(x, fields + n, REPLY_COMMON_MAX);
    struct reply reply = {.status = reason_status(why),
                          .fields = fields,
                          .field_count = n,
                          .whole = true,
                          .body = {x->own_body.at, body},
                          .close = ends_connection(x, why)};
    send_own(x, &reply);
}

void reply_document(struct exchange *x, struct text etag, struct text cache_control, usec_t age,
                    bool has) {
    struct field_line fields[4 + REPLY_COMMON_MAX];
    char seconds[24];
    size_t n = 0;
    snprintf(seconds, sizeof seconds, "%" PRId64, (int64_t)(age / USEC_PER_SEC));
    x->reason = REASON_answered;
    buf_clear(&x->own_fields);
    if (!has)
        add(fields, &n, "Content-Type", TEXT("application/json"));
    add(fields, &n, "ETag", etag);
    add(fields, &n, "Cache-Control", cache_control);
    add(fields, &n, "Age", text_of(seconds));
    n += reply_common_fields(x, fields + n, REPLY_COMMON_MAX);
    if (!reply_fits(x, fields, n)) {
        reply_problem(x, REASON_answer_head_too_large, (struct text){0});
        return;
    }
    struct reply reply = {.status = has ? 304 : 200,
                          .fields = fields,
                          .field_count = n,
                          .whole = !has,
                          .body = buf_text(&x->own_body),
                          .length = x->own_body.len,
                          .close = x->gateway->draining};
    send_own(x, &reply);
}

void reply_options(struct exchange *x) {
    struct field_line fields[2 + REPLY_COMMON_MAX];
    size_t n = 0;
    x->reason = REASON_answered;
    buf_clear(&x->own_body);
    buf_clear(&x->own_fields);
    struct span allow = append_methods(x);
    if (!buf_ok(&x->own_body)) {
        reply_problem(x, REASON_out_of_resources, (struct text){0});
        return;
    }
    add(fields, &n, "Allow", span_text(&x->own_body, allow));
    add(fields, &n, "Cache-Control", TEXT("no-store"));
    n += reply_common_fields(x, fields + n, REPLY_COMMON_MAX);
    struct reply reply = {.status = 204,
                          .fields = fields,
                          .field_count = n,
                          .whole = true,
                          .body = {x->own_body.at, 0},
                          .close = x->gateway->draining};
    send_own(x, &reply);
}
