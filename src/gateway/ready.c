/* SPDX-License-Identifier: MIT */
/* Cold start: an endpoint that was scaled to nothing, or is being deployed, says for a while that
 * it is not ready (503, 424 with model_not_ready, 404 without a deployment), or takes no
 * connections. With wait_for_ready_ms requests are held meanwhile.
 *
 * One of them, the canary, asks again and again; the others wait for its outcome. When it is
 * answered two of them go, and two more with each answer, so that an endpoint that has just woken
 * up is not run over. */
#include "gateway/exchange.h"

#include "base/random.h"

/* How long the canary rests: doubled from the first to the last. */
#define REST_FIRST (250 * USEC_PER_MS)
#define REST_LAST  (2 * USEC_PER_SEC)
/* How many go with each answer. */
#define RELEASED 2

static usec_t rest_of(const struct exchange *x) {
    usec_t rest = x->ready_tries < 4 ? REST_FIRST << x->ready_tries : REST_LAST;
    rest = rest < REST_LAST ? rest : REST_LAST;
    return rest / 2 + (usec_t)(random_u64() % (uint64_t)(rest / 2));
}

/* It goes on in a moment; not from inside somebody else's turn. */
static void go_on(struct exchange *x) {
    x->again = x->response_from = x->gateway->loop->now; /* until now nobody could answer it */
    exchange_set_state(x, EXCHANGE_RESTING);
    exchange_arm(x);
}

static struct exchange *first_waiting(const struct readiness *r) {
    return list_empty(&r->waiting) ? NULL : list_entry(r->waiting.next, struct exchange, node);
}

static void hold(struct exchange *x) {
    exchange_set_state(x, EXCHANGE_WAITING_READY);
    list_push_back(&x->route->readiness.waiting, &x->node);
}

static usec_t waits_until(const struct exchange *x) {
    return x->ready_by ? x->ready_by : x->gateway->loop->now + x->route->config->wait_for_ready;
}

static void release(struct readiness *r) {
    struct exchange *next;
    for (int i = 0; i < RELEASED && (next = first_waiting(r)); i++) {
        next->released = true;
        r->released++;
        go_on(next);
    }
}

static void forget_released(struct exchange *x) {
    if (x->released)
        x->route->readiness.released--;
    x->released = false;
}

/* The first of those that wait finds out. */
static void choose_canary(struct readiness *r) {
    r->canary = first_waiting(r);
    if (r->canary)
        go_on(r->canary);
}

bool ready_held(struct exchange *x) {
    struct readiness *r = &x->route->readiness;
    if (!r->canary || r->canary == x)
        return false;
    forget_released(x);
    x->ready_by = waits_until(x);
    hold(x);
    return true;
}

bool ready_wait(struct exchange *x) {
    struct readiness *r = &x->route->readiness;
    usec_t now = x->gateway->loop->now;
    if (!x->route->config->wait_for_ready || !exchange_is_whole(x))
        return false;
    usec_t again = now + rest_of(x), by = waits_until(x);
    if (again >= by)
        return false;
    x->ready_by = by;
    tally_retried(x->tally, TALLY_RETRY_NOT_READY);
    forget_released(x);
    x->ready_tries++;
    if (r->canary && r->canary != x) {
        hold(x);
        return true;
    }
    r->canary = x;
    x->again = x->response_from = again;
    exchange_set_state(x, EXCHANGE_RESTING);
    return true;
}

void ready_told(struct exchange *x, bool busy) {
    struct readiness *r = &x->route->readiness;
    x->ready_by = 0;
    if (busy)
        return;
    forget_released(x);
    if (r->canary == x)
        r->canary = NULL;
    if (!r->canary)
        release(r);
}

void ready_leave(struct exchange *x) {
    if (!x->route)
        return;
    struct readiness *r = &x->route->readiness;
    bool was_released = x->released;
    forget_released(x);
    if (r->canary == x)
        choose_canary(r);
    else if (was_released && !r->canary && r->released == 0)
        release(r); /* none of those that went was answered */
}

void ready_move(struct gateway_route *old, struct gateway_route *now) {
    struct readiness *from = &old->readiness, *to = &now->readiness;
    struct exchange *canary = from->canary;
    struct list *node;
    from->canary = NULL;
    while ((node = list_pop_front(&from->waiting))) {
        exchange_follow(list_entry(node, struct exchange, node), now);
        list_push_back(&to->waiting, node);
    }
    if (canary && canary->state == EXCHANGE_RESTING) {
        exchange_follow(canary, now);
        to->canary = canary;
    } else {
        choose_canary(to);
    }
}

bool ready_is_not(const struct attempt *a) {
    switch (a->answer.status) {
    case 404: /* not of a deployment, which would be named */
        return answer_field(a, TEXT("azureml-model-deployment")).len == 0;
    case 503:
        return true;
    case 424:
        return text_equal(answer_field(a, TEXT("ms-azureml-model-error-reason")),
                          TEXT("model_not_ready"));
    default:
        return false;
    }
}
