/* SPDX-License-Identifier: MIT */
/* One attempt at sending a request: with the backend's present supply, on a connection to the
 * endpoint that it leads to. */
#include "gateway/exchange.h"

#include "base/log.h"
#include "base/random.h"
#include "policy/replay.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* How many attempts are kept to be used again. */
#define SPARE_MAX 64

static void on_connection(struct pool_wait *wait, struct conn *conn, enum reason why);

/* Making and keeping */

static struct attempt *attempt_new(struct gateway *g) {
    struct list *node = list_pop_front(&g->attempts);
    if (node) {
        g->attempt_count--;
        return list_entry(node, struct attempt, node);
    }
    struct attempt *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    a->rx = malloc(ATTEMPT_RX_BYTES);
    if (!a->rx) {
        free(a);
        return NULL;
    }
    list_init(&a->node);
    buf_init(&a->up, 1024 * 1024);
    buf_init(&a->gathered, GATHER_MAX);
    return a;
}

void attempt_free(struct attempt *a) {
    buf_wipe(&a->up);
    buf_done(&a->gathered);
    free(a->rx);
    free(a);
}

static void reset(struct attempt *a, struct exchange *x, struct gateway_backend *backend) {
    usec_t now = x->gateway->loop->now;
    a->exchange = x;
    a->backend = backend;
    a->stock = stock_ref(backend->stock);
    a->state = ATTEMPT_CONNECTING;
    a->begun = a->progress = now;
    a->sent_key = a->probe = a->judged = a->weighed = false;
    a->head_sent = a->body_sent = 0;
    a->send_failed = a->all_sent = false;
    a->conn = NULL;
    a->wait = (struct pool_wait){.ready = on_connection};
    list_init(&a->wait.node);
    a->reused = a->holding = false;
    a->idle_age = 0;
    a->hold_check = a->settle = USEC_NEVER;
    a->hold_checks = 0;
    a->answer.state = ANSWER_HEAD;
    a->rx_read = a->body_begin = a->body_end = 0;
    a->gathered_given = 0;
    a->document = NULL;
    a->answer_began = a->answer_extra = false;
}

static unsigned slot_of(const struct attempt *a) {
    return (unsigned)(a->ticket - a->exchange->tickets);
}

/* The breaker */

/* Everybody who looks, and who waits at the gate, hears of another state. */
static void breaker_changed(struct gateway_backend *b) {
    static const enum tally_breaker shown[] = {[BREAKER_CLOSED] = TALLY_CLOSED,
                                               [BREAKER_OPEN] = TALLY_OPEN,
                                               [BREAKER_PROBING] = TALLY_PROBING};
    tally_backend(b->route->tally, b->lane, shown[b->breaker.state]);
    dispatch_again(b->route);
}

void attempt_served(struct attempt *a) {
    struct gateway_backend *b = a->backend;
    if (a->judged)
        return;
    a->judged = true;
    if (!breaker_succeeded(&b->breaker, a->probe, a->begun, a->exchange->gateway->loop->now))
        return;
    log_info("a backend serves again", LOG_STRING("route", b->route->config->path),
             LOG_NUMBER("backend", b->lane + 1));
    breaker_changed(b);
}

void attempt_failed(struct attempt *a) {
    struct gateway_backend *b = a->backend;
    usec_t now = a->exchange->gateway->loop->now;
    /* A request fails at a backend once, however often it is sent there. */
    bool again = a->exchange->failed_backends & 1U << b->lane && !a->probe;
    if (a->judged || again)
        return;
    a->judged = true;
    if (!breaker_failed(&b->breaker, &b->route->config->breaker, a->probe, a->begun, now,
                        random_u64()))
        return;
    log_warning("a backend gets no requests for the moment: it failed several in a row",
                LOG_STRING("route", b->route->config->path), LOG_NUMBER("backend", b->lane + 1),
                LOG_NUMBER("for_ms", (b->breaker.until - now) / USEC_PER_MS));
    breaker_changed(b);
}

static void no_verdict(struct attempt *a) {
    struct gateway_backend *b = a->backend;
    if (!a->judged && a->probe) {
        breaker_abandoned(&b->breaker, a->probe);
        breaker_changed(b);
    }
    a->judged = true;
}

/* Ending */

/* Nothing is left on the connection that the next request could take for its own. */
static bool is_clean(const struct attempt *a) {
    return a->answer.state == ANSWER_DONE && a->answer.keep_alive && a->all_sent &&
           !a->answer_extra;
}

static void release_connection(struct attempt *a) {
    struct exchange *x = a->exchange;
    if (a->wait.pool) {
        pool_cancel(&a->wait);
        tally_add(x->tally, TALLY_DIALLING, -1);
    }
    struct conn *c = a->conn;
    if (!c)
        return;
    a->conn = NULL;
    tally_add(x->tally, TALLY_ACTIVE, -1);
    if (is_clean(a))
        pool_give(conn_book(c)->pool, c, true);
    else
        conn_close(&c);
}

void attempt_release(struct attempt *a) {
    struct exchange *x = a->exchange;
    release_connection(a);
    if (a->ticket->place != GATE_OUTSIDE && gate_leave(a->ticket, x->gateway->loop->now))
        gateway_granted(a->backend->route);
}

void attempt_end(struct attempt *a) {
    struct exchange *x = a->exchange;
    assert(x->attempts[slot_of(a)] == a);
    attempt_release(a);
    no_verdict(a);
    x->attempts[slot_of(a)] = NULL;
    if (x->answering == a)
        x->answering = NULL;
    stock_unref(&a->stock);
    if (a->up.at)
        explicit_bzero(a->up.at, a->up.len); /* the credential was in it */
    buf_clear(&a->up);
    buf_done(&a->gathered); /* rare, and perhaps large */
    document_unref(&a->document);
    list_push_back(&x->gateway->ended, &a->node);
}

void attempts_rest(struct gateway *g) {
    struct list *node;
    while ((node = list_pop_front(&g->ended))) {
        struct attempt *a = list_entry(node, struct attempt, node);
        if (g->attempt_count == SPARE_MAX) {
            attempt_free(a);
        } else {
            g->attempt_count++;
            list_push_front(&g->attempts, &a->node);
        }
    }
}

static bool has_partner(const struct attempt *a) {
    return a->exchange->attempts[0] && a->exchange->attempts[1];
}

/* There is no memory for A: another attempt goes on without it. */
static void give_up(struct attempt *a) {
    if (has_partner(a))
        attempt_end(a);
    else
        exchange_fail(a->exchange, REASON_out_of_resources);
}

/* The connection */

static void on_ready(void *owner) {
    struct attempt *a = owner;
    struct exchange *x = a->exchange;
    /* Read before writing: an early answer decides what becomes of the rest of the request. */
    answer_pump(a);
    if (a->conn && a->state == ATTEMPT_SENDING)
        request_pump(a);
    exchange_arm(x);
}

static struct pool *pool_of(const struct attempt *a) {
    const struct site *site = a->stock->site;
    return a->exchange->target == ROUTE_SWAGGER ? site->swagger_pool : site->score_pool;
}

static void use_connection(struct attempt *a, struct conn *c) {
    struct exchange *x = a->exchange;
    struct pool *pool = pool_of(a);
    a->conn = c;
    tally_add(x->tally, TALLY_ACTIVE, 1);
    a->reused = pool_reused(c);
    a->idle_age = pool_idle_age(pool, c);
    a->holding = x->kept && a->idle_age >= POOL_DOUBT_AFTER;
    conn_own(c, on_ready, a);
    if (!request_write(a)) {
        give_up(a);
        return;
    }
    if (a->backend->unreachable && !a->reused) {
        a->backend->unreachable = false;
        attempt_served(a);
    }
    answer_begin(&a->answer, exchange_method(x) == METHOD_HEAD);
    a->state = ATTEMPT_SENDING;
    a->progress = x->gateway->loop->now;
    request_pump(a);
}

/* The backend leads to another endpoint than the one that A was begun for. */
static bool has_moved(const struct attempt *a) {
    return a->stock->site != a->backend->stock->site;
}

/* A goes with the backend's present supply from now on. False: that does not allow it. */
static bool take_supply(struct attempt *a) {
    enum reason why;
    if (has_moved(a) || credential_choose(a->exchange, a->backend, &a->key, &why) != CHOICE_SEND)
        return false;
    if (a->stock != a->backend->stock) {
        stock_unref(&a->stock);
        a->stock = stock_ref(a->backend->stock);
    }
    return true;
}

static void on_connection(struct pool_wait *wait, struct conn *conn, enum reason why) {
    struct attempt *a = container_of(wait, struct attempt, wait);
    struct exchange *x = a->exchange;
    tally_add(x->tally, TALLY_DIALLING, -1);
    if (!conn) {
        attempt_not_connected(a, why);
    } else if (take_supply(a)) {
        use_connection(a, conn);
    } else {
        bool partner = has_partner(a);
        conn_close(&conn);
        attempt_end(a);
        if (!partner)
            dispatch(x);
    }
    exchange_arm(x);
}

static void connect_upstream(struct attempt *a) {
    struct exchange *x = a->exchange;
    struct conn *c = x->fresh ? NULL : pool_take(pool_of(a), !x->kept);
    if (c) {
        use_connection(a, c);
        return;
    }
    if (pool_wait(pool_of(a), &a->wait))
        tally_add(x->tally, TALLY_DIALLING, 1);
    else
        give_up(a);
}

/* Whoever waits for a cold endpoint finds out, whatever the time. */
static bool begin_with_breaker(const struct exchange *x, struct breaker *b) {
    usec_t now = x->gateway->loop->now;
    if (x->ready_by && b->state == BREAKER_OPEN && b->until > now)
        b->until = now;
    return breaker_begin(b, now);
}

bool attempt_begin(struct exchange *x, struct gateway_backend *backend, unsigned key,
                   struct gate_ticket *ticket) {
    struct attempt *a = attempt_new(x->gateway);
    if (!a)
        return false;
    reset(a, x, backend);
    a->ticket = ticket;
    a->key = key;
    x->attempts[slot_of(a)] = a;
    a->probe = begin_with_breaker(x, &backend->breaker);
    if (a->probe)
        tally_backend(x->tally, backend->lane, TALLY_PROBING);
    if (x->tries++ == 0)
        retry_budget_earn(&x->route->budget);
    if (x->state != EXCHANGE_TRYING)
        exchange_set_state(x, EXCHANGE_TRYING);
    if (!x->framed && !(x->framed = request_choose_framing(x))) {
        exchange_fail(x, REASON_out_of_resources);
        return true;
    }
    connect_upstream(a);
    return true;
}

/* What went wrong */

/* Something of ours, which says nothing of the backend. */
static bool is_ours(enum reason why) {
    return reason_status(why) == 503;
}

void attempt_not_connected(struct attempt *a, enum reason why) {
    struct exchange *x = a->exchange;
    bool moved = has_moved(a), partner = has_partner(a);
    if (!moved && !is_ours(why)) {
        a->backend->unreachable = true;
        if (!x->ready_by) /* that it is down is known, and waited for */
            attempt_failed(a);
        x->failed_backends |= 1U << a->backend->lane;
    }
    attempt_end(a);
    if (partner)
        return;
    if (moved)
        dispatch(x);
    else
        again_after_failure(x, AGAIN_NOT_CONNECTED, why);
}

void attempt_lost(struct attempt *a) {
    struct exchange *x = a->exchange;
    bool partner = has_partner(a);
    struct replay_facts facts = {
        .connection_reused = a->reused,
        .anything_sent = a->head_sent > 0,
        .whole_sent = request_is_out(a),
        .answer_began = a->answer_began,
        .kept = x->kept,
        .method = x->head.method,
        .idempotent = x->route->config->idempotent,
        .attempts = exchange_tries(x),
    };
    if (a->reused)
        pool_learn(pool_of(a), a->idle_age);
    else
        attempt_failed(a); /* a connection that had been idle says nothing of the backend */
    bool again = replay_allowed(&facts);
    if (!a->reused)
        x->failed_backends |= 1U << a->backend->lane;
    attempt_end(a);
    if (partner)
        return;
    if (!again) {
        again_after_failure(x, AGAIN_LOST, REASON_connection_closed);
        return;
    }
    x->fresh = true;
    again_at(x, x->gateway->loop->now, TALLY_RETRY_CONNECTION);
}

/* Time */

static usec_t earlier(usec_t a, usec_t b) {
    return a < b ? a : b;
}

/* When the present state has lasted too long, and what that means. */
static usec_t state_deadline(const struct attempt *a, enum reason *why) {
    const struct exchange *x = a->exchange;
    const struct config_route *route = x->route->config;
    usec_t progress = a->progress > x->progress ? a->progress : x->progress, deadline;
    switch (a->state) {
    case ATTEMPT_CONNECTING:
        deadline = a->progress + route->connect_timeout;
        *why = exchange_deadline(x) < deadline ? REASON_response_timeout : REASON_connect_timeout;
        return earlier(deadline, exchange_deadline(x));
    case ATTEMPT_SENDING:
        if (!x->ended && request_starved(a)) {
            *why = REASON_caller_timeout;
            return progress + route->idle_timeout;
        }
        *why = REASON_response_timeout;
        return progress + route->response_timeout;
    case ATTEMPT_WAITING:
        *why = REASON_response_timeout;
        return exchange_deadline(x);
    case ATTEMPT_GATHERING:
        *why = REASON_response_timeout;
        return a->progress + route->idle_timeout;
    case ATTEMPT_ANSWERING:
        if (a->answer.state != ANSWER_BODY || a->body_begin < a->body_end ||
            a->gathered_given < a->gathered.len)
            break; /* the caller's turn; the front watches it */
        *why = REASON_idle_timeout;
        return a->progress + route->idle_timeout;
    }
    return USEC_NEVER;
}

usec_t attempt_deadline(const struct attempt *a) {
    enum reason why;
    return earlier(state_deadline(a, &why), earlier(a->hold_check, a->settle));
}

void attempt_look(struct attempt *a, usec_t now) {
    enum reason why = REASON_NONE;
    if (now >= state_deadline(a, &why)) {
        if (a->state == ATTEMPT_CONNECTING) {
            attempt_not_connected(a, why);
            return;
        }
        if (why == REASON_response_timeout)
            attempt_failed(a);
        exchange_fail(a->exchange, why);
        return;
    }
    if (now >= a->hold_check)
        request_check_hold(a, now);
    if (now >= a->settle)
        answer_settled(a);
}
