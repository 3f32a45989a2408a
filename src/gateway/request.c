/* SPDX-License-Identifier: MIT */
/* The way up: the head that the endpoint gets, and the sending of head and body.
 *
 * Holding the tail: on a connection that has been idle for a while the last byte of the request
 * stays here until the peer has acknowledged all the others. If the connection turns out dead, the
 * endpoint never had a whole request, so that it may be sent again whatever its method. */
#include "gateway/exchange.h"

#include "policy/forward.h"
#include "policy/replay.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Looks at the acknowledgements that come first, one round trip after the sending and once more;
 * then the last byte goes out in any case. */
#define HOLD_CHECKS 2
/* Ids longer than this make Azure's server answer 431. */
#define REQUEST_ID_MAX 100

static void add_line(struct buf *b, struct text name, struct text value) {
    buf_add_text(b, name);
    buf_add(b, ": ", 2);
    buf_add_text(b, value);
    buf_add(b, "\r\n", 2);
}

static void add_target(struct buf *b, const struct exchange *x, const struct config_uri *uri) {
    struct text path = text_of(uri->path), rest = x->rest, query = x->head.query;
    if (rest.len && path.len && path.at[path.len - 1] == '/')
        path.len--;
    buf_add_text(b, path);
    buf_add_text(b, rest);
    if (uri->query || query.len)
        buf_add_char(b, '?');
    if (uri->query)
        buf_add_string(b, uri->query);
    if (uri->query && query.len)
        buf_add_char(b, '&');
    buf_add_text(b, query);
}

/* The request line, Host, and what the route sets: all that depends on the endpoint. */
static void add_endpoint_part(struct buf *b, const struct attempt *a) {
    const struct exchange *x = a->exchange;
    const struct site *site = a->stock->site;
    bool swagger = x->target == ROUTE_SWAGGER;
    buf_add_text(b, swagger ? TEXT("GET") : x->head.method_text);
    buf_add_char(b, ' ');
    add_target(b, x, swagger ? &site->endpoint->swagger : &site->endpoint->scoring);
    buf_add_string(b, " HTTP/1.1\r\n");
    buf_add_string(b, swagger ? site->swagger_lines : site->score_lines);
}

/* The id by which caller, scoregate and Azure know the request: the caller's own if it will do. */
static void choose_id(struct exchange *x, const struct head *h) {
    if (h->request_id.len > 0 && h->request_id.len <= REQUEST_ID_MAX) {
        memcpy(x->sent_id, h->request_id.at, h->request_id.len);
        x->sent_id[h->request_id.len] = '\0';
    } else {
        memcpy(x->sent_id, x->request_id, sizeof x->request_id);
    }
}

/* Whether the route sets this field itself. */
static bool route_sets(const struct config_route *route, struct text name) {
    for (size_t i = 0; i < route->set_header_count; i++)
        if (text_equal_nocase(text_of(route->set_headers[i].name), name))
            return true;
    return false;
}

static bool is_form(struct text type) {
    return text_equal_nocase(text_trim((struct text){type.at, text_find(type, ';')}),
                             TEXT("application/x-www-form-urlencoded"));
}

/* Whether a backend of the route has its credential in this field, or names the deployment. */
static bool backends_write(const struct config_route *route, struct text name) {
    bool deployment = text_equal_nocase(name, TEXT("azureml-model-deployment"));
    for (size_t i = 0; i < route->backend_count; i++) {
        const struct config_backend *b = &route->backends[i];
        if (text_equal_nocase(text_of(b->auth.header), name) || (b->deployment && deployment))
            return true;
    }
    return deployment && !route->client_deployment;
}

/* Whether the caller has no say in this field, as it is the route's or one of its backends'. */
static bool is_ours(const struct config_route *route, struct text name) {
    return route_sets(route, name) || backends_write(route, name);
}

bool request_passes(const struct config_route *route, struct text name) {
    struct field_line line = {.name = name, .id = field_lookup(name)};
    struct head alone = {.fields = &line, .field_count = 1};
    return forward_up(&line, &alone) && !is_ours(route, name);
}

/* The caller wants bytes of the endpoint that it does not get. What is a condition of an action
 * passes. */
static bool is_for_bytes(const struct exchange *x, enum field id) {
    return exchange_rewrites(x) && field_rules(id) & FIELD_OF_BYTES &&
           (id == FIELD_ACCEPT_ENCODING || replay_method_is_safe(x->head.method));
}

/* What is changed is asked for as it is. */
static void add_encoding(struct exchange *x) {
    if (exchange_rewrites(x) && !route_sets(x->route->config, TEXT("accept-encoding")))
        add_line(&x->lines, TEXT("Accept-Encoding"), TEXT("identity"));
}

static void add_callers_lines(struct exchange *x, const struct head *h) {
    const struct config_route *route = x->route->config;
    bool replace_type = route->default_content_type && head_has_body(h) &&
                        (!h->content_type.at || is_form(h->content_type));
    for (size_t i = 0; i < h->field_count; i++) {
        const struct field_line *line = &h->fields[i];
        if (!forward_up(line, h) || is_ours(route, line->name) || is_for_bytes(x, line->id))
            continue;
        if (line->id == FIELD_CONTENT_TYPE && replace_type)
            continue;
        add_line(&x->lines, line->name, line->value);
    }
    if (replace_type && !route_sets(route, TEXT("content-type")))
        add_line(&x->lines, TEXT("Content-Type"), text_of(route->default_content_type));
    add_encoding(x);
    if (!h->user_agent.at && !route_sets(route, TEXT("user-agent")))
        add_line(&x->lines, TEXT("User-Agent"), TEXT("scoregate"));
}

bool request_keep_lines(struct exchange *x, const struct head *h) {
    struct buf *b = &x->lines;
    buf_clear(b);
    choose_id(x, h);
    add_callers_lines(x, h);
    buf_add_string(b, h->version == 10 ? "Via: 1.0 scoregate\r\n" : "Via: 1.1 scoregate\r\n");
    if (!route_sets(x->route->config, TEXT("x-ms-client-request-id")))
        add_line(b, TEXT("x-ms-client-request-id"), text_of(x->sent_id));
    return buf_ok(b);
}

void request_follow(struct exchange *x) {
    struct buf *b = &x->lines;
    size_t kept = 0, line;
    for (size_t at = 0; at < b->len; at += line) {
        struct text left = {b->at + at, b->len - at};
        line = text_find(left, '\n') + 1;
        struct text name = {left.at, text_find(left, ':')};
        if (is_ours(x->route->config, name) || is_for_bytes(x, field_lookup(name)))
            continue;
        memmove(b->at + kept, left.at, line);
        kept += line;
    }
    buf_truncate(b, kept);
    add_encoding(x); /* that of the old route went with the caller's */
}

/* The credential is attached here, at the moment of sending to a connection of its own origin. */
static void add_credential(struct attempt *a) {
    const struct config_auth *auth = &a->backend->config->auth;
    const struct stock *s = a->stock;
    a->sent_key = credential_goes_to(a->exchange, s);
    if (!a->sent_key)
        return;
    assert(s->supply->endpoint == s->site->endpoint);
    assert(conn_book(a->conn)->pool == s->site->score_pool);
    buf_add_string(&a->up, auth->header);
    buf_add(&a->up, ": ", 2);
    buf_add_string(&a->up, auth->prefix);
    buf_add_text(&a->up, secret_expose(s->supply->keys[a->key]));
    buf_add(&a->up, "\r\n", 2);
}

/* Methods whose meaning expects a body say so even if it is empty: some servers answer 411
 * otherwise. */
static bool wants_length(const struct exchange *x) {
    return x->head.method & (METHOD_POST | METHOD_PUT | METHOD_PATCH);
}

static void add_framing(struct buf *b, const struct exchange *x) {
    uint64_t length = x->ended ? x->received : x->head.content_length;
    if (x->framing == FRAMING_CHUNKED) {
        buf_add_string(b, "Transfer-Encoding: chunked\r\n");
    } else if (x->framing == FRAMING_LENGTH || wants_length(x)) {
        buf_add_string(b, "Content-Length: ");
        buf_add_u64(b, x->framing == FRAMING_LENGTH ? length : 0);
        buf_add(b, "\r\n", 2);
    }
}

bool request_write(struct attempt *a) {
    buf_clear(&a->up);
    add_endpoint_part(&a->up, a);
    buf_add_text(&a->up, buf_text(&a->exchange->lines));
    if (a->exchange->target == ROUTE_SWAGGER)
        swagger_ask(a, &a->up);
    add_credential(a);
    add_framing(&a->up, a->exchange);
    buf_add(&a->up, "\r\n", 2);
    return buf_ok(&a->up);
}

static void add_chunk(struct buf *b, const char *bytes, size_t n) {
    buf_addf(b, "%zx\r\n", n);
    buf_add(b, bytes, n);
    buf_add(b, "\r\n", 2);
}

bool request_choose_framing(struct exchange *x) {
    if (!head_has_body(&x->head)) {
        x->framing = FRAMING_NONE;
    } else if (x->ended || !x->head.chunked) {
        x->framing = FRAMING_LENGTH;
    } else {
        x->framing = FRAMING_CHUNKED;
        struct buf gathered = x->body;
        buf_init(&x->body, gathered.max);
        if (gathered.len)
            add_chunk(&x->body, gathered.at, gathered.len);
        buf_done(&gathered);
    }
    return buf_ok(&x->body);
}

/* How much of the body that is here was sent, by the one attempt that sends it. */
static size_t *body_sent(const struct exchange *x) {
    return x->attempts[0] ? &x->attempts[0]->body_sent : NULL;
}

/* A body that is too large to keep: what was sent of it is dropped, and from now on only a window
 * of it is here. It cannot be sent again. */
static void stop_keeping(struct exchange *x) {
    size_t *sent = body_sent(x);
    x->kept = false;
    if (!sent)
        return;
    x->attempts[0]->holding = false;
    buf_consume(&x->body, *sent);
    *sent = 0;
}

static size_t unsent(const struct exchange *x) {
    const size_t *sent = body_sent(x);
    return x->body.len - (sent ? *sent : 0);
}

size_t request_take_body(struct exchange *x, const char *bytes, size_t n) {
    if (x->kept && x->received + n > x->route->config->replay_bytes)
        stop_keeping(x);
    if (!x->kept) {
        size_t waiting = unsent(x);
        size_t room = waiting < EXCHANGE_WINDOW ? EXCHANGE_WINDOW - waiting : 0;
        n = n < room ? n : room;
    }
    if (n == 0)
        return 0;
    if (x->framing == FRAMING_CHUNKED)
        add_chunk(&x->body, bytes, n);
    else
        buf_add(&x->body, bytes, n);
    if (!buf_ok(&x->body))
        exchange_fail(x, REASON_out_of_resources);
    return n;
}

void request_end_body(struct exchange *x) {
    if (x->framing == FRAMING_CHUNKED)
        buf_add_string(&x->body, "0\r\n\r\n");
    if (!buf_ok(&x->body))
        exchange_fail(x, REASON_out_of_resources);
}

/* The last byte of the request is here, whether or not the front has said so yet. */
static bool whole_here(const struct exchange *x) {
    return x->ended || x->framing == FRAMING_NONE ||
           (x->framing == FRAMING_LENGTH && x->received == x->head.content_length);
}

static bool all_out(const struct attempt *a) {
    return a->head_sent == a->up.len && a->body_sent == a->exchange->body.len;
}

bool request_is_out(const struct attempt *a) {
    return whole_here(a->exchange) && all_out(a);
}

/* What is here and not sent; the last byte of all is left out while the tail is held. */
static size_t sendable(const struct attempt *a) {
    size_t left = a->up.len - a->head_sent + a->exchange->body.len - a->body_sent;
    return a->holding && left && whole_here(a->exchange) ? left - 1 : left;
}

bool request_starved(const struct attempt *a) {
    return sendable(a) == 0;
}

/* One piece: the head with what of the body fits beside it, so that a small request is one TLS
 * record; then the body from where it lies. */
static ssize_t send_piece(struct attempt *a, size_t limit) {
    const struct buf *whole = &a->exchange->body;
    size_t head_left = a->up.len - a->head_sent, body_left = whole->len - a->body_sent;
    const char *head = a->up.at + a->head_sent;
    if (head_left == 0)
        return conn_send(a->conn, whole->at + a->body_sent, body_left < limit ? body_left : limit);
    if (body_left == 0 || head_left >= GATEWAY_SCRATCH || limit <= head_left)
        return conn_send(a->conn, head, head_left < limit ? head_left : limit);
    char *scratch = a->exchange->gateway->scratch;
    size_t room = GATEWAY_SCRATCH - head_left;
    size_t body = body_left < room ? body_left : room;
    if (body > limit - head_left)
        body = limit - head_left;
    memcpy(scratch, head, head_left);
    memcpy(scratch + head_left, whole->at + a->body_sent, body);
    ssize_t sent = conn_send(a->conn, scratch, head_left + body);
    explicit_bzero(scratch, head_left);
    return sent;
}

/* The time for an answer begins when the request is with the endpoint: with what goes out for the
 * first time, not when it is sent again. */
static void count_sent(struct attempt *a, size_t n) {
    struct exchange *x = a->exchange;
    size_t head_left = a->up.len - a->head_sent;
    size_t of_head = n < head_left ? n : head_left;
    usec_t now = x->gateway->loop->now;
    a->head_sent += of_head;
    a->body_sent += n - of_head;
    a->progress = now;
    if (!x->kept) {
        x->sent_most += n;
        x->response_from = now;
        if (a->body_sent >= EXCHANGE_WINDOW / 2) {
            buf_consume(&x->body, a->body_sent);
            a->body_sent = 0;
        }
    } else if (a->head_sent + a->body_sent > x->sent_most) {
        x->sent_most = a->head_sent + a->body_sent;
        x->response_from = now;
    }
}

/* All but the held byte is out: it follows when the peer has acknowledged the rest. */
static void wait_for_acknowledgement(struct attempt *a) {
    if (a->hold_check != USEC_NEVER)
        return;
    a->hold_check = a->exchange->gateway->loop->now + conn_round_trip(a->conn) + USEC_PER_MS;
}

void request_check_hold(struct attempt *a, usec_t now) {
    if (!a->conn || !a->holding)
        return;
    if (!conn_acknowledged(a->conn) && ++a->hold_checks < HOLD_CHECKS) {
        a->hold_check = now + conn_round_trip(a->conn) + USEC_PER_MS;
        return;
    }
    a->holding = false;
    a->hold_check = USEC_NEVER;
    request_pump(a);
}

static void finish_sending(struct attempt *a) {
    a->all_sent = true;
    a->state = ATTEMPT_WAITING;
    a->progress = a->exchange->gateway->loop->now;
    if (a->answer_began)
        answer_pump(a); /* an early 2xx was waiting for this */
}

void request_pump(struct attempt *a) {
    struct exchange *x = a->exchange;
    size_t n;
    while (!a->send_failed && (n = sendable(a)) > 0 && conn_may_write(a->conn)) {
        ssize_t sent = send_piece(a, n);
        if (sent == CONN_AGAIN)
            break;
        if (sent < 0) {
            /* An answer may be there all the same; reading tells. */
            a->send_failed = true;
            answer_pump(a);
            return;
        }
        count_sent(a, (size_t)sent);
    }
    if (x->ended && all_out(a) && !a->send_failed)
        finish_sending(a);
    else if (a->holding && x->ended && sendable(a) == 0)
        wait_for_acknowledgement(a);
    if (x->caller_waits && x->state == EXCHANGE_TRYING && unsent(x) < EXCHANGE_WINDOW / 2)
        exchange_want_body(x);
}
