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
    x->again = x->gateway->loop->now;
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

static void begin_waiting(struct exchange *x) {
    if (!x->ready_by)
        x->ready_by = x->gateway->loop->now + x->route->config->wait_for_ready;
}

bool ready_held(struct exchange *x) {
    struct readiness *r = &x->route->readiness;
    if (!r->canary || r->canary == x)
        return false;
    begin_waiting(x);
    hold(x);
    return true;
}

bool ready_wait(struct exchange *x) {
    struct readiness *r = &x->route->readiness;
    usec_t now = x->gateway->loop->now;
    if (!x->route->config->wait_for_ready || !x->kept)
        return false;
    begin_waiting(x);
    usec_t again = now + rest_of(x);
    if (again >= x->ready_by)
        return false;
    tally_retried(x->tally, TALLY_RETRY_NOT_READY);
    if (r->canary && r->canary != x) {
        hold(x);
        return true;
    }
    r->canary = x;
    x->ready_tries++;
    x->again = again;
    exchange_set_state(x, EXCHANGE_RESTING);
    return true;
}

void ready_told(struct exchange *x) {
    struct readiness *r = &x->route->readiness;
    if (r->canary == x)
        r->canary = NULL;
    struct exchange *next;
    for (int i = 0; i < RELEASED && !r->canary && (next = first_waiting(r)); i++)
        go_on(next);
}

void ready_leave(struct exchange *x) {
    if (!x->route || x->route->readiness.canary != x)
        return;
    struct readiness *r = &x->route->readiness;
    r->canary = first_waiting(r);
    if (r->canary)
        go_on(r->canary);
}

bool ready_is_not(const struct attempt *a) {
    switch (a->answer.status) {
    case 404:
    case 503:
        return true;
    case 424:
        return text_equal(answer_field(a, TEXT("ms-azureml-model-error-reason")),
                          TEXT("model_not_ready"));
    default:
        return false;
    }
}
