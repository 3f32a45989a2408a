/* SPDX-License-Identifier: MIT */
/* The way up: the head that the endpoint gets, and the sending of head and body.
 *
 * Holding the tail: on a connection that has been idle for a while the last byte of the request
 * stays here until the peer has acknowledged all the others. If the connection turns out dead, the
 * endpoint never had a whole request, so that it may be sent again whatever its method. */
#include "gateway/exchange.h"

#include "policy/forward.h"

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
static void add_endpoint_part(struct buf *b, const struct exchange *x) {
    const struct site *site = x->stock->site;
    bool swagger = x->target == ROUTE_SWAGGER;
    buf_add_text(b, x->head.method_text);
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

static void add_callers_lines(struct exchange *x, const struct head *h) {
    const struct config_route *route = x->route->config;
    struct text auth_header = text_of(route->own.auth.header);
    bool replace_type = route->default_content_type && head_has_body(h) &&
                        (!h->content_type.at || is_form(h->content_type));
    for (size_t i = 0; i < h->field_count; i++) {
        const struct field_line *line = &h->fields[i];
        if (!forward_up(line, h, auth_header, route->client_deployment && !route->own.deployment) ||
            (route->set_header_count && route_sets(route, line->name)))
            continue;
        if (line->id == FIELD_CONTENT_TYPE && replace_type)
            continue;
        add_line(&x->up, line->name, line->value);
    }
    if (replace_type && !route_sets(route, TEXT("content-type")))
        add_line(&x->up, TEXT("Content-Type"), text_of(route->default_content_type));
    if (!h->user_agent.at && !route_sets(route, TEXT("user-agent")))
        add_line(&x->up, TEXT("User-Agent"), TEXT("scoregate"));
}

bool request_write_head(struct exchange *x, const struct head *h) {
    struct buf *b = &x->up;
    const struct config_route *route = x->route->config;
    buf_clear(b);
    choose_id(x, h);
    if (x->stock->site)
        add_endpoint_part(b, x);
    x->up_endpoint = b->len;
    add_callers_lines(x, h);
    buf_add_string(b, h->version == 10 ? "Via: 1.0 scoregate\r\n" : "Via: 1.1 scoregate\r\n");
    if (!route_sets(route, TEXT("x-ms-client-request-id")))
        add_line(b, TEXT("x-ms-client-request-id"), text_of(x->sent_id));
    x->up_fixed = b->len;
    return buf_ok(b);
}

bool request_change_endpoint(struct exchange *x) {
    struct buf moved;
    buf_init(&moved, x->up.max);
    if (x->stock->site)
        add_endpoint_part(&moved, x);
    size_t endpoint = moved.len;
    buf_add(&moved, x->up.at + x->up_endpoint, x->up_fixed - x->up_endpoint);
    bool ok = buf_ok(&moved);
    buf_wipe(&x->up); /* it may hold the credential of an earlier attempt */
    x->up = moved;
    x->up_endpoint = endpoint;
    x->up_fixed = moved.len;
    return ok;
}

/* The credential is attached here, at the moment of sending to a connection of its own origin. */
static void add_credential(struct exchange *x) {
    const struct config_auth *auth = &x->route->config->own.auth;
    const struct stock *s = x->stock;
    x->sent_key = credential_goes_to(x, s);
    if (!x->sent_key)
        return;
    assert(s->supply->endpoint == s->site->endpoint);
    assert(conn_book(x->conn)->pool == s->site->score_pool);
    buf_add_string(&x->up, auth->header);
    buf_add(&x->up, ": ", 2);
    buf_add_string(&x->up, auth->prefix);
    buf_add_text(&x->up, secret_expose(s->supply->keys[x->key]));
    buf_add(&x->up, "\r\n", 2);
}

/* Methods whose meaning expects a body say so even if it is empty: some servers answer 411
 * otherwise. */
static bool wants_length(const struct exchange *x) {
    return x->head.method & (METHOD_POST | METHOD_PUT | METHOD_PATCH);
}

bool request_finish_head(struct exchange *x) {
    struct buf *b = &x->up;
    if (b->at) /* of an earlier attempt, perhaps with another credential */
        explicit_bzero(b->at + x->up_fixed, b->len - x->up_fixed);
    b->len = x->up_fixed;
    add_credential(x);
    uint64_t length = x->ended ? x->received : x->head.content_length;
    if (x->framing == FRAMING_CHUNKED) {
        buf_add_string(b, "Transfer-Encoding: chunked\r\n");
    } else if (x->framing == FRAMING_LENGTH || wants_length(x)) {
        buf_add_string(b, "Content-Length: ");
        buf_add_u64(b, x->framing == FRAMING_LENGTH ? length : 0);
        buf_add(b, "\r\n", 2);
    }
    buf_add(b, "\r\n", 2);
    return buf_ok(b);
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

/* A body that is too large to keep: what was sent of it is dropped, and from now on only a window
 * of it is here. It cannot be sent again. */
static void stop_keeping(struct exchange *x) {
    x->kept = false;
    x->holding = false;
    buf_consume(&x->body, x->body_sent);
    x->body_sent = 0;
}

size_t request_take_body(struct exchange *x, const char *bytes, size_t n) {
    if (x->kept && x->received + n > x->route->config->replay_bytes)
        stop_keeping(x);
    if (!x->kept) {
        size_t waiting = x->body.len - x->body_sent;
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
    return x->ended || (x->framing == FRAMING_LENGTH && x->received == x->head.content_length);
}

/* What is here and not sent; the last byte of all is left out while the tail is held. */
static size_t sendable(const struct exchange *x) {
    size_t left = x->up.len - x->head_sent + x->body.len - x->body_sent;
    return x->holding && left && whole_here(x) ? left - 1 : left;
}

bool request_starved(const struct exchange *x) {
    return x->state == EXCHANGE_GATHERING || sendable(x) == 0;
}

/* One piece: the head with what of the body fits beside it, so that a small request is one TLS
 * record; then the body from where it lies. */
static ssize_t send_piece(struct exchange *x, size_t limit) {
    size_t head_left = x->up.len - x->head_sent, body_left = x->body.len - x->body_sent;
    const char *head = x->up.at + x->head_sent;
    if (head_left == 0)
        return conn_send(x->conn, x->body.at + x->body_sent, body_left < limit ? body_left : limit);
    if (body_left == 0 || head_left >= GATEWAY_SCRATCH || limit <= head_left)
        return conn_send(x->conn, head, head_left < limit ? head_left : limit);
    char *scratch = x->gateway->scratch;
    size_t room = GATEWAY_SCRATCH - head_left;
    size_t body = body_left < room ? body_left : room;
    if (body > limit - head_left)
        body = limit - head_left;
    memcpy(scratch, head, head_left);
    memcpy(scratch + head_left, x->body.at + x->body_sent, body);
    ssize_t sent = conn_send(x->conn, scratch, head_left + body);
    explicit_bzero(scratch, head_left);
    return sent;
}

static void count_sent(struct exchange *x, size_t n) {
    size_t head_left = x->up.len - x->head_sent;
    size_t of_head = n < head_left ? n : head_left;
    x->head_sent += of_head;
    x->body_sent += n - of_head;
    if (!x->kept && x->body_sent >= EXCHANGE_WINDOW / 2) {
        buf_consume(&x->body, x->body_sent);
        x->body_sent = 0;
    }
    x->progress = x->response_deadline_from = x->gateway->loop->now;
}

/* All but the held byte is out: it follows when the peer has acknowledged the rest. */
static void wait_for_acknowledgement(struct exchange *x) {
    if (x->hold_check != USEC_NEVER)
        return;
    x->hold_check = x->gateway->loop->now + conn_round_trip(x->conn) + USEC_PER_MS;
}

void request_check_hold(struct exchange *x, usec_t now) {
    if (!x->conn || !x->holding)
        return;
    if (!conn_acknowledged(x->conn) && ++x->hold_checks < HOLD_CHECKS) {
        x->hold_check = now + conn_round_trip(x->conn) + USEC_PER_MS;
        return;
    }
    x->holding = false;
    x->hold_check = USEC_NEVER;
    request_pump(x);
}

void request_pump(struct exchange *x) {
    size_t n;
    while (!x->send_failed && (n = sendable(x)) > 0 && conn_may_write(x->conn)) {
        ssize_t sent = send_piece(x, n);
        if (sent == CONN_AGAIN)
            break;
        if (sent < 0) {
            /* An answer may be there all the same; reading tells. */
            x->send_failed = true;
            answer_pump(x);
            return;
        }
        count_sent(x, (size_t)sent);
    }
    bool everything = x->head_sent == x->up.len && x->body_sent == x->body.len;
    if (x->ended && everything && !x->send_failed) {
        x->all_sent = true;
        exchange_set_state(x, EXCHANGE_WAITING);
        if (x->answer_began)
            answer_pump(x); /* an early 2xx was waiting for this */
    } else if (x->holding && x->ended && sendable(x) == 0) {
        wait_for_acknowledgement(x);
    }
    if (x->caller_waits && x->body.len - x->body_sent < EXCHANGE_WINDOW / 2) {
        x->caller_waits = false;
        caller_want_body(x->caller);
    }
}
