/* SPDX-License-Identifier: MIT */
/* Hedging: a request that may be sent twice and is not answered within hedge_after_ms goes to one
 * more backend, or once more to the same; whichever answers first is heard (Dean and Barroso, "The
 * Tail at Scale", 2013). It takes only what is free: a place at the gate that is there at once, and
 * a repeat of the route's budget. */
#include "gateway/exchange.h"

usec_t hedge_due(const struct exchange *x) {
    const struct attempt *a = x->attempts[0];
    usec_t wait = x->route->config->hedge_after;
    if (!wait || x->hedged || x->state != EXCHANGE_TRYING || !a || x->attempts[1] ||
        a->state != ATTEMPT_WAITING || a->answer_began || !x->kept || !exchange_is_repeatable(x))
        return USEC_NEVER;
    return a->begun + wait;
}

static bool enter_gate(struct exchange *x, const struct gateway_backend *b) {
    struct gate_ticket *t = &x->tickets[1];
    usec_t now = x->gateway->loop->now;
    if (!x->route->gated)
        return true;
    enum gate_place place =
        gate_enter(&x->route->port, t, x->caller_key, 1U << b->lane, b->lane, false, now);
    if (place == GATE_INSIDE)
        return true;
    if (gate_leave(t, now))
        gateway_granted(x->route);
    return false;
}

void hedge(struct exchange *x) {
    unsigned key = 0;
    struct gateway_backend *b = dispatch_second(x, &key);
    x->hedged = true;
    if (!b || !enter_gate(x, b))
        return;
    if (retry_budget_spend(&x->route->budget, x->gateway->loop->now) &&
        attempt_begin(x, b, key, &x->tickets[1]))
        tally_retried(x->tally, TALLY_RETRY_HEDGE);
    else if (x->route->gated && gate_leave(&x->tickets[1], x->gateway->loop->now))
        gateway_granted(x->route);
}
