/* SPDX-License-Identifier: MIT */
/* The schedule of renewal.h. Back-off grows by doubling; jitter is added on top of the step, and
 * the last step is so that the sum stays within the maximum. */
#include "policy/renewal.h"

#include <limits.h>

/* Jitter: up to a half of an ordinary step, a tenth of a refresh or of a step that IMDS documents.
 */
#define STEP_PART    2
#define REFRESH_PART 10

/* The largest step whose jitter ends at MAX. */
#define LAST_STEP(max) ((max) / (STEP_PART + 1) * STEP_PART)

/* Microsoft's guidance for IMDS: gone (410), or not there while it is updated (404), for at most 70
 * seconds; the rest is throttling and short trouble. */
#define IMDS_GONE_STEP  (10 * USEC_PER_SEC)
#define IMDS_GONE_TIMES 7
#define IMDS_MIN        (2 * USEC_PER_SEC)
#define IMDS_MAX        (60 * USEC_PER_SEC)

static usec_t after(usec_t now, usec_t delay) {
    return delay >= USEC_NEVER - now ? USEC_NEVER : now + delay;
}

static usec_t lesser(usec_t a, usec_t b) {
    return a < b ? a : b;
}

static usec_t greater(usec_t a, usec_t b) {
    return a > b ? a : b;
}

/* 0..SPAN, by CHANCE. */
static usec_t chosen(usec_t span, uint64_t chance) {
    return (usec_t)(chance % ((uint64_t)span + 1));
}

void renewal_init(struct renewal *r, enum renewal_rules rules) {
    *r = (struct renewal){.rules = rules};
}

bool renewal_usable(const struct renewal *r, usec_t now) {
    return now < r->expires;
}

/* Every fetch answers the refusal that was due; the interval counts from its end. */
static void settle_forced(struct renewal *r, usec_t now) {
    if (r->forced_due)
        r->forced_at = now;
    r->forced_due = false;
}

void renewal_succeeded(struct renewal *r, usec_t now, usec_t lifetime, usec_t refresh_after,
                       uint64_t chance) {
    settle_forced(r, now);
    r->failures = 0;
    r->quick = false;
    r->hold_until = 0;
    r->expires = after(now, greater(lifetime, 0));
    r->refresh = USEC_NEVER;
    if (refresh_after != USEC_NEVER) {
        usec_t wait = greater(lesser(refresh_after, lifetime), 0);
        wait -= chosen(wait / REFRESH_PART, chance);
        r->refresh = after(now, greater(wait, RENEWAL_REFRESH_LEAST));
    }
}

/* MIN doubled TIMES times, and jitter, at most MAX. */
static usec_t grown(usec_t min, unsigned times, usec_t max, uint64_t chance) {
    usec_t step = min;
    for (; times && step < max; times--)
        step *= 2;
    step = lesser(step, LAST_STEP(max));
    return step + chosen(step / STEP_PART, chance);
}

static usec_t plain_backoff(struct renewal *r, unsigned status, bool definite, bool usable,
                            uint64_t chance) {
    if (r->failures == 1 && !definite && (status == 0 || status >= 500)) {
        r->quick = true;
        return RENEWAL_QUICK_MIN + chosen(RENEWAL_QUICK_MAX - RENEWAL_QUICK_MIN, chance);
    }
    usec_t max = usable || definite ? RENEWAL_BACKOFF_MAX : RENEWAL_BACKOFF_NEEDED;
    return grown(RENEWAL_BACKOFF_MIN, r->failures - 1 - (r->quick ? 1 : 0), max, chance);
}

static usec_t imds_backoff(const struct renewal *r, unsigned status, uint64_t chance) {
    if ((status == 410 || status == 404) && r->failures <= IMDS_GONE_TIMES)
        return IMDS_GONE_STEP + chosen(IMDS_GONE_STEP / REFRESH_PART, chance);
    return grown(IMDS_MIN, r->failures - 1, IMDS_MAX, chance);
}

void renewal_failed(struct renewal *r, usec_t now, unsigned status, int64_t retry_after_s,
                    bool definite, uint64_t chance) {
    bool usable = renewal_usable(r, now);
    settle_forced(r, now);
    if (r->in_time && !usable)
        r->failures = 0;
    r->in_time = usable;
    if (r->failures < UINT_MAX)
        r->failures++;
    usec_t wait = r->rules == RENEWAL_IMDS && !definite
                      ? imds_backoff(r, status, chance)
                      : plain_backoff(r, status, definite, usable, chance);
    if (usable && r->expires != USEC_NEVER)
        wait = greater(lesser(wait, (r->expires - now) / RENEWAL_LEFT_PART), RENEWAL_BACKOFF_LEAST);
    if (retry_after_s > 0) {
        wait = lesser(retry_after_s, RENEWAL_HOLD_MAX / USEC_PER_SEC) * USEC_PER_SEC;
        r->hold_until = after(now, wait);
    }
    r->refresh = greater(after(now, wait), r->hold_until);
}

bool renewal_forced(struct renewal *r, usec_t now) {
    usec_t from = r->hold_until;
    if (r->forced_at)
        from = greater(from, after(r->forced_at, RENEWAL_FORCED_INTERVAL));
    if (now >= from) {
        r->forced_at = now;
        r->forced_due = false;
        return true;
    }
    r->forced_due = true;
    r->refresh = lesser(r->refresh, from);
    return false;
}

void renewal_retry(struct renewal *r, usec_t now) {
    r->failures = 0;
    r->quick = false;
    r->refresh = greater(now, r->hold_until);
}

usec_t renewal_next(const struct renewal *r) {
    return greater(r->hold_until, r->failures ? r->refresh : 0);
}
