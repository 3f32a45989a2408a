/* SPDX-License-Identifier: MIT */
/* The life of an exchange: from the caller's head to the last byte of the answer, or to the reason
 * why there is none. */
#include "gateway/exchange.h"

#include "base/log.h"
#include "gateway/admit.h"
#include "policy/replay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How many exchanges are kept to be used again. */
#define SPARE_MAX 64
/* Buffers of a spare exchange that have grown beyond this are given back. */
#define SPARE_BUFFER (16 * 1024)

static void on_timer(struct timer *timer, usec_t now);
static void on_connection(struct pool_wait *wait, struct conn *conn, enum reason why);

/* Making and keeping */

static struct exchange *exchange_new(struct gateway *g) {
    struct list *node = list_pop_front(&g->spare);
    if (node) {
        g->spare_count--;
        return list_entry(node, struct exchange, node);
    }
    struct exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->gateway = g;
    x->rx = malloc(EXCHANGE_RX_BYTES);
    if (!x->rx || !timer_init(g->loop, &x->timer, on_timer)) {
        free(x->rx);
        free(x);
        return NULL;
    }
    list_init(&x->node);
    buf_init(&x->up, 1024 * 1024);
    buf_init(&x->body, SIZE_MAX / 2);
    buf_init(&x->own_body, 64 * 1024);
    buf_init(&x->own_fields, 64 * 1024);
    return x;
}

void exchange_free(struct exchange *x) {
    timer_done(x->gateway->loop, &x->timer);
    buf_wipe(&x->up);
    buf_done(&x->body);
    buf_done(&x->own_body);
    buf_done(&x->own_fields);
    free(x->rx);
    free(x);
}

static void shrink(struct buf *b) {
    if (b->capacity > SPARE_BUFFER)
        buf_done(b);
    else
        buf_clear(b);
}

static void put_back(struct exchange *x) {
    struct gateway *g = x->gateway;
    if (x->up.at)
        explicit_bzero(x->up.at, x->up.len); /* the credential was in it */
    shrink(&x->up);
    shrink(&x->body);
    shrink(&x->own_body);
    shrink(&x->own_fields);
    timer_clear(&x->timer);
    if (g->spare_count == SPARE_MAX) {
        exchange_free(x);
        return;
    }
    g->spare_count++;
    list_push_front(&g->spare, &x->node);
}

static void reset(struct exchange *x, struct caller *caller, const struct head *head) {
    x->caller = caller;
    x->route = NULL;
    x->target = ROUTE_SCORE;
    x->head = *head;
    x->head.fields = NULL;
    x->head.field_count = 0;
    x->rest = (struct text){0};
    x->state = EXCHANGE_GATHERING;
    x->reason = REASON_NONE;
    x->status = 0;
    random_uuid(x->request_id);
    x->begun = x->progress = x->response_deadline_from = x->gateway->loop->now;
    x->received = 0;
    x->ended = x->caller_waits = x->send_failed = x->all_sent = false;
    x->kept = true;
    x->framing = FRAMING_NONE;
    x->framed = false;
    x->head_sent = x->body_sent = x->up_endpoint = x->up_fixed = 0;
    x->conn = NULL;
    x->wait = (struct pool_wait){.ready = on_connection};
    list_init(&x->wait.node);
    x->attempts = 0;
    x->reused = x->holding = x->answer_began = x->answer_extra = x->cut = false;
    x->sent_id[0] = '\0';
    x->idle_age = 0;
    x->hold_check = x->settle = USEC_NEVER;
    x->hold_checks = 0;
    x->stock = NULL;
    x->key = 0;
    x->sent_key = x->spent = x->retry_at_once = false;
    x->refused_in = 0;
    x->rx_read = x->body_begin = x->body_end = 0;
}

/* State and time */

void exchange_set_state(struct exchange *x, enum exchange_state state) {
    waiting_leave(x);
    x->state = state;
    x->progress = x->gateway->loop->now;
}

static usec_t after(usec_t from, usec_t timeout) {
    return timeout ? from + timeout : USEC_NEVER;
}

static usec_t earlier(usec_t a, usec_t b) {
    return a < b ? a : b;
}

/* When the present state has lasted too long, and what that means. */
static usec_t state_deadline(const struct exchange *x, enum reason *why) {
    const struct config_route *route = x->route->config;
    switch (x->state) {
    case EXCHANGE_CONNECTING:
        *why = REASON_connect_timeout;
        return after(x->progress, route->connect_timeout);
    case EXCHANGE_GATHERING:
    case EXCHANGE_SENDING:
        if (!x->ended && request_starved(x)) {
            *why = REASON_caller_timeout;
            return after(x->progress, route->idle_timeout);
        }
        *why = REASON_response_timeout;
        return after(x->progress, route->response_timeout);
    case EXCHANGE_WAITING_SUPPLY:
    case EXCHANGE_WAITING:
        *why = REASON_response_timeout;
        return after(x->response_deadline_from, route->response_timeout);
    case EXCHANGE_RELAYING:
        if (x->answer.state != ANSWER_BODY || x->body_begin < x->body_end)
            return USEC_NEVER; /* the caller's turn; the front watches it */
        *why = REASON_idle_timeout;
        return after(x->progress, route->idle_timeout);
    case EXCHANGE_REPLIED:
        break;
    }
    return USEC_NEVER;
}

void exchange_arm(struct exchange *x) {
    if (!x->route)
        return;
    enum reason why;
    usec_t deadline = earlier(state_deadline(x, &why), earlier(x->hold_check, x->settle));
    if (x->state != EXCHANGE_REPLIED)
        deadline = earlier(deadline, after(x->begun, x->route->config->total_timeout));
    timer_set(x->gateway->loop, &x->timer, deadline);
}

static void not_connected(struct exchange *x, enum reason why);

static void on_timer(struct timer *timer, usec_t now) {
    struct exchange *x = container_of(timer, struct exchange, timer);
    enum reason why = REASON_NONE;
    if (x->state == EXCHANGE_REPLIED)
        return;
    if (now >= after(x->begun, x->route->config->total_timeout)) {
        exchange_fail(x, REASON_total_timeout);
        return;
    }
    if (now >= state_deadline(x, &why)) {
        if (x->state == EXCHANGE_CONNECTING)
            not_connected(x, why);
        else
            exchange_fail(x, why);
        exchange_arm(x);
        return;
    }
    if (now >= x->hold_check)
        request_check_hold(x, now);
    if (now >= x->settle)
        answer_settled(x);
    exchange_arm(x);
}

/* The connection */

static void on_ready(void *owner) {
    struct exchange *x = owner;
    /* Read before writing: an early answer decides what becomes of the rest of the request. */
    answer_pump(x);
    if (x->conn && x->state == EXCHANGE_SENDING)
        request_pump(x);
    exchange_arm(x);
}

void exchange_release(struct exchange *x, bool reusable) {
    pool_cancel(&x->wait);
    if (!x->conn)
        return;
    struct conn *c = x->conn;
    x->conn = NULL;
    if (reusable)
        pool_give(conn_book(c)->pool, c, true);
    else
        conn_close(&c);
}

static struct pool *pool_of(const struct exchange *x) {
    const struct site *site = x->stock->site;
    return x->target == ROUTE_SWAGGER ? site->swagger_pool : site->score_pool;
}

/* The route leads to another endpoint than the one that X is written for. */
static bool has_moved(const struct exchange *x) {
    return x->stock->site != x->route->stock->site;
}

/* X goes with the route's present supply from now on. No connection may be out. */
static bool take_supply(struct exchange *x) {
    if (x->stock == x->route->stock)
        return true;
    bool moved = has_moved(x);
    stock_unref(&x->stock);
    x->stock = stock_ref(x->route->stock);
    return !moved || request_change_endpoint(x);
}

static void use_connection(struct exchange *x, struct conn *c) {
    struct pool *pool = pool_of(x);
    x->conn = c;
    x->reused = pool_reused(c);
    x->idle_age = pool_idle_age(pool, c);
    x->holding = x->kept && x->idle_age >= POOL_DOUBT_AFTER;
    x->hold_check = USEC_NEVER;
    x->hold_checks = 0;
    conn_own(c, on_ready, x);
    if (!request_finish_head(x)) {
        exchange_fail(x, REASON_out_of_resources);
        return;
    }
    answer_begin(&x->answer, x->head.method == METHOD_HEAD);
    x->answer_began = x->answer_extra = false;
    x->rx_read = x->body_begin = x->body_end = 0;
    exchange_set_state(x, EXCHANGE_SENDING);
    request_pump(x);
}

/* There is no connection; if that was to an endpoint that has been replaced, there is another to
 * try. */
static void not_connected(struct exchange *x, enum reason why) {
    if (has_moved(x))
        exchange_again(x, /* warm= */ true);
    else
        exchange_fail(x, why);
}

/* The supply may be another one than when the connection was asked for. */
static void on_connection(struct pool_wait *wait, struct conn *conn, enum reason why) {
    struct exchange *x = container_of(wait, struct exchange, wait);
    if (!conn) {
        not_connected(x, why);
    } else if (has_moved(x) || credential_choose(x, &why) != CHOICE_SEND) {
        conn_close(&conn);
        exchange_proceed(x, /* warm= */ true);
    } else if (take_supply(x)) {
        use_connection(x, conn);
    } else {
        conn_close(&conn);
        exchange_fail(x, REASON_out_of_resources);
    }
    exchange_arm(x);
}

static void connect_upstream(struct exchange *x, bool warm) {
    x->attempts++;
    struct conn *c = warm ? pool_take(pool_of(x), !x->kept) : NULL;
    if (c) {
        use_connection(x, c);
        return;
    }
    exchange_set_state(x, EXCHANGE_CONNECTING);
    if (!pool_wait(pool_of(x), &x->wait))
        exchange_fail(x, REASON_out_of_resources);
}

static void send_with_supply(struct exchange *x, bool warm) {
    bool ready = take_supply(x);
    if (ready && !x->framed)
        ready = x->framed = request_choose_framing(x);
    if (ready)
        connect_upstream(x, warm);
    else
        exchange_fail(x, REASON_out_of_resources);
}

void exchange_proceed(struct exchange *x, bool warm) {
    enum reason why = REASON_NONE;
    x->all_sent = x->send_failed = false;
    x->head_sent = x->body_sent = 0;
    switch (credential_choose(x, &why)) {
    case CHOICE_SEND:
        if (!x->spent) {
            send_with_supply(x, warm);
            break;
        }
        x->retry_at_once = true; /* only the caller still has the body */
        exchange_fail(x, REASON_no_credential);
        break;
    case CHOICE_WAIT:
        waiting_enter(x);
        break;
    case CHOICE_FAIL:
        exchange_fail(x, why);
        break;
    }
}

void exchange_start(struct exchange *x) {
    x->response_deadline_from = x->gateway->loop->now;
    exchange_proceed(x, /* warm= */ true);
    exchange_arm(x);
}

void exchange_again(struct exchange *x, bool warm) {
    exchange_release(x, false);
    x->settle = x->hold_check = USEC_NEVER; /* they were about the connection that is gone */
    exchange_proceed(x, warm);
}

void exchange_lost(struct exchange *x) {
    struct replay_facts facts = {
        .connection_reused = x->reused,
        .anything_sent = x->head_sent > 0,
        .whole_sent = x->all_sent,
        .answer_began = x->answer_began,
        .kept = x->kept,
        .method = x->head.method,
        .idempotent = x->route->config->idempotent,
        .attempts = x->attempts - x->tried_count, /* what was refused was not acted on */
    };
    if (x->reused)
        pool_learn(pool_of(x), x->idle_age);
    if (replay_allowed(&facts))
        exchange_again(x, /* warm= */ false);
    else
        exchange_fail(x, REASON_connection_closed);
}

void exchange_fail(struct exchange *x, enum reason why) {
    exchange_release(x, false);
    x->settle = x->hold_check = USEC_NEVER;
    if (x->status == 0) {
        reply_problem(x, why, (struct text){0});
        return;
    }
    if (x->reason == REASON_NONE)
        x->reason = why;
    exchange_set_state(x, EXCHANGE_REPLIED);
    x->cut = true;
    caller_cut(x->caller);
}

/* What the front calls */

/* What is wrong with a request that is well-formed, before anything is done for it. */
static enum reason admit(struct exchange *x, const struct head *h, struct route_match *match) {
    const struct config *config = x->gateway->config;
    enum reason refused = admit_caller(config, x->caller, h);
    if (refused != REASON_NONE)
        return refused;
    if (h->method == METHOD_OPTIONS && h->path.len == 1 && h->path.at[0] == '*')
        return REASON_NONE;
    if (!route_table_find(config->table, h->path, match))
        return REASON_no_route;
    x->route = &x->gateway->routes[match->index];
    x->target = match->target;
    refused = admit_origin(x->route->config->cors, h);
    if (refused != REASON_NONE)
        return refused;
    if (h->method == METHOD_OPTIONS)
        return REASON_NONE;
    unsigned methods =
        x->target == ROUTE_SWAGGER ? METHOD_GET | METHOD_HEAD : x->route->config->methods;
    if (methods & METHOD_GET)
        methods |= METHOD_HEAD;
    if (h->method == METHOD_OTHER || !(methods & h->method))
        return REASON_method_not_allowed;
    if (h->content_length != HEAD_NO_LENGTH && h->content_length > x->route->config->body_bytes)
        return REASON_body_too_large;
    return REASON_NONE;
}

static void prepare(struct exchange *x, const struct head *head, const struct route_match *match) {
    x->rest = match->rest;
    x->stock = stock_ref(x->route->stock);
    x->kept = head->content_length == HEAD_NO_LENGTH ||
              head->content_length <= x->route->config->replay_bytes;
    if (request_write_head(x, head))
        list_push_back(&x->gateway->starting, &x->node);
    else
        reply_problem(x, REASON_out_of_resources, (struct text){0});
}

static void *exchange_begin(void *context, struct caller *caller, const struct head *head,
                            enum reason refused) {
    struct gateway *g = context;
    struct exchange *x = exchange_new(g);
    if (!x)
        return NULL;
    reset(x, caller, head);
    g->in_flight++;
    struct route_match match = {0};
    x->head_refused = refused != REASON_NONE;
    if (refused == REASON_NONE)
        refused = admit(x, head, &match);
    if (refused != REASON_NONE) {
        reply_problem(x, refused, (struct text){0});
    } else if (head->method == METHOD_OPTIONS) {
        reply_options(x);
    } else {
        prepare(x, head, &match);
    }
    return x;
}

static size_t exchange_body(void *request, const char *bytes, size_t n) {
    struct exchange *x = request;
    x->progress = x->gateway->loop->now;
    if (x->received + n > x->route->config->body_bytes) {
        exchange_fail(x, REASON_body_too_large);
        return n;
    }
    /* What sending makes room for is taken at once: until this returns the front does not hear that
     * more is wanted. */
    size_t taken = 0, part;
    x->caller_waits = false;
    do {
        part = request_take_body(x, bytes + taken, n - taken);
        taken += part;
        x->received += part;
        if (x->conn && x->state == EXCHANGE_SENDING)
            request_pump(x);
    } while (part && taken < n && x->status == 0);
    x->caller_waits = taken < n;
    exchange_arm(x);
    return taken;
}

static void exchange_end(void *request) {
    struct exchange *x = request;
    x->ended = true;
    if (x->status)
        return;
    request_end_body(x);
    if (x->conn && x->state == EXCHANGE_SENDING)
        request_pump(x);
    exchange_arm(x);
}

static ssize_t exchange_pull(void *request, char *into, size_t n) {
    struct exchange *x = request;
    ssize_t got = answer_pull(x, into, n);
    exchange_arm(x);
    return got;
}

static void log_access(const struct exchange *x) {
    const struct gateway *g = x->gateway;
    log_info("request", LOG_TEXT("method", x->head.method_text),
             LOG_TEXT("path", x->head.path.at ? x->head.path : TEXT("-")),
             LOG_NUMBER("status", x->status), LOG_STRING("reason", reason_word(x->reason)),
             LOG_NUMBER("duration_us", g->loop->now - x->begun),
             LOG_NUMBER("body_bytes", x->received), LOG_NUMBER("attempts", x->attempts),
             LOG_STRING("request_id", x->request_id));
}

static void exchange_done(void *request, bool answered) {
    struct exchange *x = request;
    struct gateway *g = x->gateway;
    if (x->reason == REASON_NONE)
        x->reason = answered ? REASON_answered : REASON_caller_gone;
    exchange_release(x, false);
    waiting_leave(x);
    list_remove(&x->node);
    credential_forget(x);
    stock_unref(&x->stock);
    if (g->config->log_access)
        log_access(x);
    else if (reason_status(x->reason) >= 500 || x->reason == REASON_answer_cut ||
             x->reason == REASON_idle_timeout)
        log_warning("request failed", LOG_STRING("route", x->route ? x->route->config->path : "-"),
                    LOG_STRING("reason", reason_word(x->reason)), LOG_NUMBER("status", x->status),
                    LOG_STRING("request_id", x->request_id));
    assert(g->in_flight > 0);
    g->in_flight--;
    put_back(x);
}

const struct caller_handler exchange_handler = {
    .begin = exchange_begin,
    .body = exchange_body,
    .end = exchange_end,
    .pull = exchange_pull,
    .done = exchange_done,
};
