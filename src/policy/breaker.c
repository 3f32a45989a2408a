/* SPDX-License-Identifier: MIT */
/* The states of policy/breaker.h. */
#include "policy/breaker.h"

#include <limits.h>

#define JITTER_PART 10
#define SHARE_WHOLE 100

void breaker_init(struct breaker *b) {
    *b = (struct breaker){.state = BREAKER_CLOSED};
}

bool breaker_allows(const struct breaker *b, usec_t now) {
    return b->state == BREAKER_CLOSED || (b->state == BREAKER_OPEN && now >= b->until);
}

bool breaker_begin(struct breaker *b, usec_t now) {
    if (b->state != BREAKER_OPEN || now < b->until)
        return false;
    b->state = BREAKER_PROBING;
    return true;
}

/* Whether the end of a request says how the backend is now. */
static bool is_news(const struct breaker *b, bool probe, usec_t sent) {
    return b->state == BREAKER_CLOSED ? sent >= b->recovered : probe && b->state == BREAKER_PROBING;
}

bool breaker_succeeded(struct breaker *b, bool probe, usec_t sent, usec_t now) {
    if (!is_news(b, probe, sent))
        return false;
    bool closes = b->state != BREAKER_CLOSED;
    if (closes)
        b->recovered = now;
    b->state = BREAKER_CLOSED;
    b->failures = 0;
    b->opened = 0;
    return closes;
}

/* RULES->open, doubled with each time that it was opened again, and jitter. */
static usec_t open_time(const struct breaker *b, const struct breaker_rules *rules,
                        uint64_t random) {
    usec_t max = rules->max_open, time = rules->open < max ? rules->open : max;
    for (unsigned times = b->opened; times > 1 && time > 0 && time < max; times--)
        time = time > max / 2 ? max : time * 2;
    usec_t part = time / JITTER_PART;
    return time - part + (usec_t)(random % ((uint64_t)part * 2 + 1));
}

static void open_it(struct breaker *b, const struct breaker_rules *rules, usec_t now,
                    uint64_t random) {
    if (b->opened < UINT_MAX)
        b->opened++;
    b->state = BREAKER_OPEN;
    usec_t time = open_time(b, rules, random);
    b->until = time < USEC_NEVER - now ? now + time : USEC_NEVER;
}

bool breaker_failed(struct breaker *b, const struct breaker_rules *rules, bool probe, usec_t sent,
                    usec_t now, uint64_t random) {
    if (!is_news(b, probe, sent))
        return false;
    if (b->failures < UINT_MAX)
        b->failures++;
    if (b->state == BREAKER_CLOSED && (!rules->failures || b->failures < rules->failures))
        return false;
    open_it(b, rules, now, random);
    return true;
}

void breaker_abandoned(struct breaker *b, bool probe) {
    if (probe && b->state == BREAKER_PROBING)
        b->state = BREAKER_OPEN; /* until a time that has come */
}

unsigned breaker_share(const struct breaker *b, const struct breaker_rules *rules, usec_t now) {
    if (b->state != BREAKER_CLOSED || !b->recovered || now - b->recovered >= rules->recovery)
        return SHARE_WHOLE;
    /* The time for each percent, so that nothing is multiplied that could be large. */
    usec_t percent = rules->recovery / (SHARE_WHOLE - BREAKER_SHARE_FIRST) + 1;
    return BREAKER_SHARE_FIRST + (unsigned)((now - b->recovered) / percent);
}
