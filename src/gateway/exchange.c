/* SPDX-License-Identifier: MIT */
/* The life of an exchange: from the caller's head to the last byte of the answer, or to the reason
 * why there is none. */
#include "gateway/exchange.h"

#include "base/hash.h"
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
    if (!timer_init(g->loop, &x->timer, on_timer)) {
        free(x);
        return NULL;
    }
    list_init(&x->node);
    buf_init(&x->lines, 1024 * 1024);
    buf_init(&x->body, SIZE_MAX / 2);
    buf_init(&x->own_body, 2 * GATHER_MAX);
    buf_init(&x->own_fields, 64 * 1024);
    return x;
}

void exchange_free(struct exchange *x) {
    timer_done(x->gateway->loop, &x->timer);
    buf_done(&x->lines);
    buf_done(&x->body);
    buf_done(&x->own_body);
    buf_done(&x->own_fields);
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
    shrink(&x->lines);
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
    x->tally = x->gateway->others;
    x->target = ROUTE_SCORE;
    x->head = *head;
    x->head.fields = NULL;
    x->head.field_count = 0;
    x->rest = (struct text){0};
    x->state = EXCHANGE_GATHERING;
    x->reason = REASON_NONE;
    x->status = 0;
    random_uuid(x->request_id);
    x->sent_id[0] = '\0';
    x->begun = x->progress = x->response_from = x->gateway->loop->now;
    x->received = x->sent_most = 0;
    x->ended = x->caller_waits = x->framed = x->cut = false;
    x->kept = true;
    x->framing = FRAMING_NONE;
    memset(x->attempts, 0, sizeof x->attempts);
    memset(x->tickets, 0, sizeof x->tickets);
    x->answering = NULL;
    x->tries = x->ready_tries = 0;
    x->failed_backends = x->retry_after_s = 0;
    x->queued = x->again = x->blocked = x->ready_by = 0;
    x->released = x->had_turn = x->hedged = x->fresh = x->spent = x->retry_at_once = false;
    x->refused_at = NULL;
    x->refused_in = 0;
}

/* State and time */

static void leave_queue(struct exchange *x) {
    usec_t now = x->gateway->loop->now;
    list_remove(&x->node);
    x->response_from += now - x->queued; /* the endpoint had no part in that */
    tally_add(x->tally, TALLY_QUEUED, -1);
}

void exchange_set_state(struct exchange *x, enum exchange_state state) {
    if (x->state == EXCHANGE_WAITING_SUPPLY)
        waiting_leave(x);
    else if (x->state == EXCHANGE_QUEUED)
        leave_queue(x);
    else if (x->state == EXCHANGE_WAITING_READY)
        list_remove(&x->node);
    x->state = state;
    x->progress = x->gateway->loop->now;
    if (state == EXCHANGE_TRYING && x->caller_waits)
        exchange_want_body(x);
    else if (state == EXCHANGE_RELAYING || state == EXCHANGE_REPLIED)
        ready_leave(x); /* others need not wait until the caller has taken its answer */
}

void exchange_want_body(struct exchange *x) {
    x->caller_waits = false;
    caller_want_body(x->caller);
}

bool exchange_is_repeatable(const struct exchange *x) {
    return x->route->config->idempotent || replay_method_is_safe(x->head.method);
}

bool exchange_is_whole(const struct exchange *x) {
    return x->kept || x->sent_most == 0;
}

unsigned exchange_tries(const struct exchange *x) {
    return x->tries - x->tried_count - x->ready_tries;
}

static usec_t after(usec_t from, usec_t timeout) {
    return timeout ? from + timeout : USEC_NEVER;
}

static usec_t earlier(usec_t a, usec_t b) {
    return a < b ? a : b;
}

usec_t exchange_deadline(const struct exchange *x) {
    const struct config_route *route = x->route->config;
    return earlier(after(x->response_from, route->response_timeout),
                   after(x->begun, route->total_timeout));
}

/* When waiting in the present state has lasted too long, and what that means. The attempts see to
 * themselves. */
static usec_t state_deadline(const struct exchange *x, enum reason *why) {
    const struct config_route *route = x->route->config;
    switch (x->state) {
    case EXCHANGE_GATHERING:
        *why = REASON_caller_timeout;
        return after(x->progress, route->idle_timeout);
    case EXCHANGE_QUEUED:
        *why = REASON_queue_timeout;
        return after(x->queued, route->queue_timeout);
    case EXCHANGE_WAITING_READY:
        *why = REASON_not_ready;
        return x->ready_by;
    case EXCHANGE_WAITING_SUPPLY:
    case EXCHANGE_RESTING:
        *why = REASON_response_timeout;
        return after(x->response_from, route->response_timeout);
    case EXCHANGE_TRYING:
    case EXCHANGE_RELAYING:
    case EXCHANGE_REPLIED:
        break;
    }
    return USEC_NEVER;
}

static usec_t attempts_deadline(const struct exchange *x) {
    usec_t deadline = hedge_due(x);
    for (size_t i = 0; i < EXCHANGE_ATTEMPTS; i++)
        if (x->attempts[i])
            deadline = earlier(deadline, attempt_deadline(x->attempts[i]));
    return deadline;
}

void exchange_arm(struct exchange *x) {
    enum reason why;
    if (!x->route)
        return;
    usec_t deadline = USEC_NEVER;
    if (x->state != EXCHANGE_REPLIED) {
        deadline = earlier(state_deadline(x, &why), attempts_deadline(x));
        deadline = earlier(deadline, after(x->begun, x->route->config->total_timeout));
        if (x->state == EXCHANGE_RESTING)
            deadline = earlier(deadline, x->again);
    }
    timer_set(x->gateway->loop, &x->timer, deadline);
}

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
        exchange_fail(x, why);
        return;
    }
    if (x->state == EXCHANGE_RESTING && now >= x->again)
        dispatch(x);
    if (now >= hedge_due(x))
        hedge(x);
    for (size_t i = 0; i < EXCHANGE_ATTEMPTS; i++)
        if (x->attempts[i])
            attempt_look(x->attempts[i], now);
    exchange_arm(x);
}

/* Starting and failing */

void exchange_start(struct exchange *x) {
    x->response_from = x->gateway->loop->now;
    if (swagger_kept(x))
        return;
    dispatch(x);
    exchange_arm(x);
}

void exchange_end_attempts(struct exchange *x, const struct attempt *one) {
    for (size_t i = 0; i < EXCHANGE_ATTEMPTS; i++)
        if (x->attempts[i] && x->attempts[i] != one)
            attempt_end(x->attempts[i]);
    if (x->state != EXCHANGE_QUEUED)
        return;
    if (gate_leave(&x->tickets[0], x->gateway->loop->now))
        gateway_granted(x->route);
}

void exchange_follow(struct exchange *x, struct gateway_route *route) {
    ready_leave(x);
    (void)gateway_route_ref(route);
    tally_add(x->tally, TALLY_IN_FLIGHT, -1);
    gateway_route_unref(&x->route);
    x->route = route;
    x->tally = route->tally;
    tally_add(x->tally, TALLY_IN_FLIGHT, 1);
    x->failed_backends = 0;
    request_follow(x);
    credential_follow(x);
    exchange_arm(x); /* its times are others */
}

/* How long a queue like this one lasts, by its own measure. */
static void estimate_wait(struct exchange *x) {
    struct gate_figures figures;
    gate_look(x->route->port.gate, x->gateway->loop->now, &figures);
    x->retry_after_s = (uint32_t)((figures.expected_wait + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

void exchange_fail(struct exchange *x, enum reason why) {
    if (why == REASON_queue_full || why == REASON_queue_timeout)
        estimate_wait(x);
    exchange_end_attempts(x, NULL);
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
    x->route = gateway_route_ref(x->gateway->routes[match->index]);
    x->tally = x->route->tally;
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

/* Who shares a turn at the gate: what is known of the caller, and what it calls itself. */
static uint64_t caller_key(const struct exchange *x) {
    const struct caller_info *info = caller_info(x->caller);
    uint64_t hash = HASH_NOTHING;
    if (info->address)
        hash = hash_text(hash, (struct text){(const char *)info->address, 16});
    hash = hash_text(hash, x->head.user_agent);
    return hash_text(hash, (struct text){(const char *)&info->uid, sizeof info->uid});
}

static void prepare(struct exchange *x, const struct head *head, const struct route_match *match) {
    x->rest = match->rest;
    x->caller_key = caller_key(x); /* a reload may give the route a gate while it waits */
    x->kept = head->content_length == HEAD_NO_LENGTH ||
              head->content_length <= x->route->config->replay_bytes;
    if (x->target == ROUTE_SWAGGER)
        swagger_asked(x, head);
    if (request_keep_lines(x, head))
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
    tally_add(x->tally, TALLY_IN_FLIGHT, 1);
    if (refused != REASON_NONE) {
        reply_problem(x, refused, (struct text){0});
    } else if (head->method == METHOD_OPTIONS) {
        reply_options(x);
    } else {
        prepare(x, head, &match);
    }
    return x;
}

static void pump_attempts(struct exchange *x) {
    for (size_t i = 0; i < EXCHANGE_ATTEMPTS; i++)
        if (x->attempts[i] && x->attempts[i]->conn && x->attempts[i]->state == ATTEMPT_SENDING)
            request_pump(x->attempts[i]);
}

/* Who waits holds no more of the body than what came with the head, and nothing of it where others
 * queue already. */
static bool takes_body(const struct exchange *x) {
    return x->state == EXCHANGE_TRYING ||
           (x->state == EXCHANGE_GATHERING && list_empty(&x->route->queue));
}

static size_t exchange_body(void *request, const char *bytes, size_t n) {
    struct exchange *x = request;
    if (x->status == 0 && !takes_body(x)) {
        x->caller_waits = true;
        return 0;
    }
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
        pump_attempts(x);
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
    pump_attempts(x);
    exchange_arm(x);
}

static ssize_t exchange_pull(void *request, char *into, size_t n) {
    struct exchange *x = request;
    ssize_t got = x->answering ? answer_pull(x->answering, into, n) : PULL_CUT;
    exchange_arm(x);
    return got;
}

const char *exchange_id(const struct exchange *x) {
    return x->sent_id[0] ? x->sent_id : x->request_id;
}

static void log_access(const struct exchange *x) {
    const struct gateway *g = x->gateway;
    log_info("request", LOG_TEXT("method", x->head.method_text),
             LOG_TEXT("path", x->head.path.at ? x->head.path : TEXT("-")),
             LOG_NUMBER("status", x->status), LOG_STRING("reason", reason_word(x->reason)),
             LOG_NUMBER("duration_us", g->loop->now - x->begun),
             LOG_NUMBER("body_bytes", x->received), LOG_NUMBER("attempts", x->tries),
             LOG_STRING("request_id", exchange_id(x)));
}

static void exchange_done(void *request, bool answered) {
    struct exchange *x = request;
    struct gateway *g = x->gateway;
    if (x->reason == REASON_NONE)
        x->reason = answered ? REASON_answered : REASON_caller_gone;
    exchange_end_attempts(x, NULL);
    exchange_set_state(x, EXCHANGE_REPLIED);
    list_remove(&x->node);
    credential_forget(x);
    tally_ended(x->tally, x->status, x->reason, g->loop->now - x->begun);
    tally_add(x->tally, TALLY_IN_FLIGHT, -1);
    if (g->config->log_access)
        log_access(x);
    else if (reason_status(x->reason) >= 500 || x->reason == REASON_answer_cut ||
             x->reason == REASON_idle_timeout)
        log_warning("request failed", LOG_STRING("route", x->route ? x->route->config->path : "-"),
                    LOG_STRING("reason", reason_word(x->reason)), LOG_NUMBER("status", x->status),
                    LOG_STRING("request_id", exchange_id(x)));
    assert(g->in_flight > 0);
    g->in_flight--;
    gateway_route_unref(&x->route);
    put_back(x);
}

const struct caller_handler exchange_handler = {
    .begin = exchange_begin,
    .body = exchange_body,
    .end = exchange_end,
    .pull = exchange_pull,
    .done = exchange_done,
};
