/* SPDX-License-Identifier: MIT */
/* One attempt at sending a request: with the route's present supply, on a connection to the
 * endpoint that it leads to. An exchange makes more than one if a connection dies or a key is
 * refused. */
#include "gateway/exchange.h"

#include "policy/replay.h"

static void on_ready(void *owner) {
    struct exchange *x = owner;
    /* Read before writing: an early answer decides what becomes of the rest of the request. */
    answer_pump(x);
    if (x->conn && x->state == EXCHANGE_SENDING)
        request_pump(x);
    exchange_arm(x);
}

void attempt_release(struct exchange *x, bool reusable) {
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

/* X goes with the route's present supply from now on. True: that leads to another endpoint; nothing
 * may be out or waited for then. */
static bool take_supply(struct exchange *x) {
    bool moved = has_moved(x);
    if (x->stock != x->route->stock) {
        stock_unref(&x->stock);
        x->stock = stock_ref(x->route->stock);
    }
    return moved;
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

void attempt_not_connected(struct exchange *x, enum reason why) {
    if (has_moved(x))
        attempt_again(x, /* warm= */ true);
    else
        exchange_fail(x, why);
}

/* The supply may be another one than when the connection was asked for. */
static void on_connection(struct pool_wait *wait, struct conn *conn, enum reason why) {
    struct exchange *x = container_of(wait, struct exchange, wait);
    if (!conn) {
        attempt_not_connected(x, why);
    } else if (has_moved(x) || credential_choose(x, &why) != CHOICE_SEND) {
        conn_close(&conn);
        attempt_start(x, /* warm= */ true);
    } else {
        (void)take_supply(x);
        use_connection(x, conn);
    }
    exchange_arm(x);
}

void attempt_init(struct exchange *x) {
    x->wait = (struct pool_wait){.ready = on_connection};
    list_init(&x->wait.node);
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
    bool ready = !take_supply(x) || request_change_endpoint(x);
    if (ready && !x->framed)
        ready = x->framed = request_choose_framing(x);
    if (ready)
        connect_upstream(x, warm);
    else
        exchange_fail(x, REASON_out_of_resources);
}

void attempt_start(struct exchange *x, bool warm) {
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

void attempt_again(struct exchange *x, bool warm) {
    attempt_release(x, false);
    x->settle = x->hold_check = USEC_NEVER; /* they were about the connection that is gone */
    attempt_start(x, warm);
}

void attempt_lost(struct exchange *x) {
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
        attempt_again(x, /* warm= */ false);
    else
        exchange_fail(x, REASON_connection_closed);
}
