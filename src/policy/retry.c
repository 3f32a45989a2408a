/* SPDX-License-Identifier: MIT */
/* The decisions of policy/retry.h. */
#include "policy/retry.h"

enum { FAILED_DEPENDENCY = 424, TOO_MANY_REQUESTS = 429, UNAVAILABLE = 503 };

/* Of a step of the back-off, at least this part, and this time. */
#define LEAST_PART 10
#define LEAST_WAIT (1 * USEC_PER_MS)

#define ONE           100u /* repeat, in hundredths */
#define RESERVE       (RETRY_BUDGET_RESERVE * ONE)
#define FILL_INTERVAL (USEC_PER_SEC / ONE) /* for a hundredth of the reserve */

static usec_t lesser(usec_t a, usec_t b) {
    return a < b ? a : b;
}

static usec_t greater(usec_t a, usec_t b) {
    return a > b ? a : b;
}

static bool is_listed(const struct retry_rules *rules, unsigned status) {
    for (size_t i = 0; i < rules->status_count; i++)
        if (rules->statuses[i] == status)
            return true;
    return false;
}

/* The managed front door makes a 424 of whatever a model answers but 200, and of its own trouble
 * with it. */
static unsigned meant_status(const struct retry_facts *f) {
    if (f->status != FAILED_DEPENDENCY)
        return f->status;
    if (f->model_status == TOO_MANY_REQUESTS || f->model_status == UNAVAILABLE)
        return f->model_status;
    return f->not_accepted ? UNAVAILABLE : f->status;
}

static bool answer_allows(const struct retry_rules *rules, const struct retry_facts *f) {
    unsigned status = meant_status(f);
    if (!is_listed(rules, status))
        return false;
    if (status == TOO_MANY_REQUESTS || f->repeatable)
        return true;
    return status == UNAVAILABLE && (f->not_accepted || f->retry_after != USEC_NEVER);
}

static bool is_allowed(const struct retry_rules *rules, const struct retry_facts *f) {
    switch (f->event) {
    case RETRY_NOT_CONNECTED:
        return f->elsewhere || !f->definite;
    case RETRY_LOST:
        return f->repeatable;
    case RETRY_ANSWERED:
        return answer_allows(rules, f);
    }
    return false;
}

/* After the attempt of that number. */
static usec_t backoff(const struct retry_rules *rules, unsigned attempts, uint64_t random) {
    usec_t step = lesser(rules->backoff, rules->max_backoff);
    for (; attempts > 1 && step > 0 && step < rules->max_backoff; attempts--)
        step = step > rules->max_backoff / 2 ? rules->max_backoff : step * 2;
    usec_t least = greater(step / LEAST_PART, LEAST_WAIT);
    return step <= least ? least : least + (usec_t)(random % ((uint64_t)(step - least) + 1));
}

usec_t retry_at(const struct retry_rules *rules, const struct retry_facts *f, uint64_t random) {
    if (!f->kept || f->attempts >= rules->attempts || !is_allowed(rules, f))
        return USEC_NEVER;
    usec_t wait = 0;
    if (!f->elsewhere) {
        wait = backoff(rules, f->attempts, random);
        if (f->retry_after != USEC_NEVER && f->retry_after > rules->max_wait)
            return USEC_NEVER;
        if (f->retry_after != USEC_NEVER)
            wait = greater(wait, f->retry_after);
    }
    return f->now < f->deadline && wait < f->deadline - f->now ? f->now + wait : USEC_NEVER;
}

void retry_budget_init(struct retry_budget *b, unsigned percent, usec_t now) {
    *b = (struct retry_budget){.percent = percent, .hundredths = RESERVE, .filled = now};
}

void retry_budget_earn(struct retry_budget *b) {
    unsigned room = RETRY_BUDGET_MAX * ONE - b->hundredths;
    b->hundredths += b->percent < room ? b->percent : room;
}

static void fill(struct retry_budget *b, usec_t now) {
    usec_t due = (now - b->filled) / FILL_INTERVAL;
    unsigned room = b->hundredths < RESERVE ? RESERVE - b->hundredths : 0;
    if (due < room) {
        b->hundredths += (unsigned)due;
        b->filled += due * FILL_INTERVAL;
    } else {
        b->hundredths += room;
        b->filled = now;
    }
}

bool retry_budget_spend(struct retry_budget *b, usec_t now) {
    fill(b, now);
    if (b->percent == 0 || b->hundredths < ONE)
        return false;
    b->hundredths -= ONE;
    return true;
}
