/* SPDX-License-Identifier: MIT */
/* Whether a request that failed at a backend is sent again: what policy/retry.h says of it, as far
 * as the route's budget goes and an answer can still come in time. */
#include "gateway/exchange.h"

#include "base/parse.h"
#include "base/random.h"
#include "policy/retry_after.h"

void again_at(struct exchange *x, usec_t when, enum tally_retry why) {
    tally_retried(x->tally, why);
    if (when <= x->gateway->loop->now) {
        dispatch(x);
        return;
    }
    x->again = when;
    exchange_set_state(x, EXCHANGE_RESTING);
}

static struct retry_facts facts_of(const struct exchange *x, enum retry_event event) {
    return (struct retry_facts){.event = event,
                                .retry_after = USEC_NEVER,
                                .kept = exchange_is_whole(x),
                                .repeatable = exchange_is_repeatable(x),
                                .attempts = exchange_tries(x),
                                .elsewhere = dispatch_elsewhere(x),
                                .now = x->gateway->loop->now,
                                .deadline = exchange_deadline(x)};
}

/* What the model itself said, behind a 424 of the front door. */
static unsigned model_status(const struct attempt *a) {
    uint64_t status;
    if (a->answer.status != 424 ||
        !parse_u64(answer_field(a, TEXT("ms-azureml-model-error-statuscode")), 999, &status))
        return 0;
    return (unsigned)status;
}

static bool is_too_many(const struct attempt *a) {
    return a->answer.status == 429 || model_status(a) == 429 ||
           text_equal(answer_field(a, TEXT("ms-azureml-model-error-reason")),
                      TEXT("too_many_pending_request"));
}

/* A backend that could not be reached had no part in the request, and the other one takes it for
 * the first time: no budget keeps it from there. */
static bool is_first_elsewhere(const struct retry_facts *facts) {
    return facts->event == RETRY_NOT_CONNECTED && facts->elsewhere;
}

/* When it may be sent again; USEC_NEVER: not. */
static usec_t decide(struct exchange *x, const struct retry_facts *facts) {
    usec_t when = retry_at(&x->route->config->retry, facts, random_u64());
    if (when != USEC_NEVER && !is_first_elsewhere(facts) &&
        !retry_budget_spend(&x->route->budget, facts->now))
        return USEC_NEVER;
    return when;
}

/* The same after the answer of A. Where the gate learns from "too many", that costs none of the
 * budget: there are fewer at once from now on, which is what the budget is for. */
static usec_t decide_answered(const struct attempt *a, const struct retry_facts *facts) {
    struct exchange *x = a->exchange;
    if (is_too_many(a) && a->backend->config->max_concurrent == CONCURRENT_AUTO)
        return retry_at(&x->route->config->retry, facts, random_u64());
    return decide(x, facts);
}

/* The connection to the backend may come about another time. A backend that dies amid a handshake
 * is not told from one that cannot do it, so that this counts, too. */
static bool may_pass(enum reason why) {
    return why != REASON_certificate_error && why != REASON_connect_timeout &&
           why != REASON_out_of_resources && why != REASON_response_timeout;
}

void again_after_failure(struct exchange *x, enum again_kind kind, enum reason why) {
    bool connecting = kind == AGAIN_NOT_CONNECTED;
    struct retry_facts facts = facts_of(x, connecting ? RETRY_NOT_CONNECTED : RETRY_LOST);
    facts.definite = !may_pass(why);
    if (connecting && !facts.definite && !facts.elsewhere) {
        if (ready_wait(x))
            return;
        if (x->ready_by) {
            exchange_fail(x, REASON_not_ready); /* it has waited as long as it may */
            return;
        }
    }
    usec_t when = decide(x, &facts);
    if (when == USEC_NEVER)
        exchange_fail(x, why);
    else
        again_at(x, when, TALLY_RETRY_CONNECTION);
}

/* The gate and Azure's rule learn from it. */
static void tell_crowded(struct attempt *a) {
    struct exchange *x = a->exchange;
    struct gateway_backend *b = a->backend;
    const struct gateway_options *to = &x->gateway->options;
    usec_t now = x->gateway->loop->now;
    if (x->route->gated)
        gate_refused(a->ticket, now);
    if (b->crowded_told && now - b->crowded_told < USEC_PER_SEC)
        return;
    b->crowded_told = now;
    (void)to->crowded(to->context, x->route->plan->generation, b->config->index,
                      b->stock->supply->revision, 0);
}

/* How the backend is, by its answer. */
static void learn(struct attempt *a, bool cold) {
    struct exchange *x = a->exchange;
    if (is_too_many(a))
        tell_crowded(a);
    else if (x->route->gated)
        gate_served(a->ticket);
    if (a->answer.status == 503 && !cold)
        attempt_failed(a);
    else
        attempt_served(a);
}

static bool not_accepted(const struct attempt *a) {
    struct text reason = answer_field(a, TEXT("ms-azureml-model-error-reason"));
    return text_equal(reason, TEXT("model_not_ready")) ||
           text_equal(reason, TEXT("too_many_pending_request"));
}

static struct retry_facts answer_facts(const struct attempt *a) {
    struct retry_facts facts = facts_of(a->exchange, RETRY_ANSWERED);
    facts.status = a->answer.status;
    facts.model_status = model_status(a);
    facts.not_accepted = not_accepted(a);
    facts.retry_after = retry_after_read(a->answer.lines, a->answer.line_count, clock_wall());
    return facts;
}

/* The answer is good enough for the caller, as answers of statuses below 400 always are. */
static bool is_final(const struct attempt *a) {
    return a->answer.status < 400;
}

bool again_after_answer(struct attempt *a) {
    struct exchange *x = a->exchange;
    bool partner = x->attempts[0] && x->attempts[1];
    bool cold = x->route->config->wait_for_ready && ready_is_not(a);
    if (a->weighed)
        return false;
    learn(a, cold);
    if (!cold)
        ready_told(x, is_too_many(a));
    a->weighed = true;
    if (is_final(a))
        return false;
    uint32_t failed_before = x->failed_backends;
    x->failed_backends |= 1U << a->backend->lane;
    struct retry_facts facts = answer_facts(a);
    if (cold && !facts.elsewhere && !partner && ready_wait(x)) {
        attempt_end(a);
        return true;
    }
    usec_t when = USEC_NEVER;
    if (partner)
        when = retry_at(&x->route->config->retry, &facts, 0);
    else if (!x->ready_by || facts.elsewhere) /* else it has waited as long as it may */
        when = decide_answered(a, &facts);
    if (when == USEC_NEVER) {
        x->failed_backends = failed_before;
        return false;
    }
    attempt_end(a);
    if (!partner)
        again_at(x, when, TALLY_RETRY_STATUS);
    return true;
}
