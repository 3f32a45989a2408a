/* SPDX-License-Identifier: MIT */
/* The queue of a route: exchanges that cannot be sent before a supply comes. It is bounded in
 * number, each exchange in it by response_timeout and total_timeout; of their bodies only what came
 * with the heads is here. */
#include "gateway/exchange.h"

void waiting_enter(struct exchange *x) {
    struct gateway_route *route = x->route;
    if (route->waiting_count >= GATEWAY_WAITING_MAX) {
        exchange_fail(x, REASON_no_credential);
        return;
    }
    exchange_set_state(x, EXCHANGE_WAITING_SUPPLY);
    list_push_back(&route->waiting, &x->node);
    route->waiting_count++;
}

void waiting_leave(struct exchange *x) {
    if (list_empty(&x->node))
        return;
    list_remove(&x->node);
    x->route->waiting_count--;
}

void waiting_go_on(struct gateway_route *route) {
    struct list all;
    list_take_all(&all, &route->waiting);
    while (!list_empty(&all)) {
        struct exchange *x = list_entry(all.next, struct exchange, node);
        waiting_leave(x);
        dispatch(x); /* perhaps back into the queue */
        exchange_arm(x);
    }
}
