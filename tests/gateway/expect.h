/* SPDX-License-Identifier: MIT */
/* What the tests of the exchange expect of answers. */
#pragma once

#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n[]"

#define assert_contains(haystack, needle) assert_non_null(strstr(haystack, needle))
#define assert_lacks(haystack, needle)    assert_null(strstr(haystack, needle))

/* The route sends again, up to ATTEMPTS times in all, after 429 and 503. */
static inline void retries_usual(unsigned attempts, unsigned budget_percent) {
    static unsigned usual[] = {429, 503};
    world.route.retry = (struct retry_rules){.attempts = attempts,
                                             .backoff = 100 * USEC_PER_MS,
                                             .max_backoff = USEC_PER_SEC,
                                             .max_wait = 60 * USEC_PER_SEC,
                                             .statuses = usual,
                                             .status_count = 2,
                                             .budget_percent = budget_percent};
}

/* Its breakers open after three failures, for 10 s at first. */
static inline void breaker_usual(void) {
    world.route.breaker = (struct breaker_rules){.failures = 3,
                                                 .open = 10 * USEC_PER_SEC,
                                                 .max_open = 60 * USEC_PER_SEC,
                                                 .recovery = 10 * USEC_PER_SEC};
}

static inline void assert_problem(struct caller *c, unsigned status, const char *reason) {
    char wanted[128];
    snprintf(wanted, sizeof wanted, "\"reason\":\"%s\"", reason);
    assert_true(c->replied);
    assert_int_equal(c->status, status);
    assert_string_equal(reply_field(c, "Content-Type"), "application/problem+json");
    assert_contains(reply_field(c, "Proxy-Status"), "scoregate; error=");
    char body[4096];
    snprintf(body, sizeof body, "%.*s", TEXT_ARG(c->whole_body));
    for (char *from = body, *to = body;; from++) /* JSON without the blanks behind colons */
        if (*from != ' ' || from == body || from[-1] != ':')
            if (!(*to++ = *from))
                break;
    assert_contains(body, wanted);
}

/* The endpoint answers C on CONN, and the front is through with it. */
static inline void is_served(struct caller *c, struct conn *conn) {
    peer_sends(conn, OK);
    assert_int_equal(c->status, 200);
    caller_is_done(c, true);
    turn();
}

static inline void is_refused(struct caller *c, unsigned status, const char *reason) {
    assert_problem(c, status, reason);
    caller_is_done(c, true);
    turn();
}

/* The answer of an endpoint went to C as it was. */
static inline void is_answered(struct caller *c, unsigned status) {
    assert_int_equal(c->status, status);
    assert_null(reply_field(c, "Proxy-Status"));
    caller_is_done(c, true);
    turn();
}

static inline void later(usec_t duration) {
    time_passes(duration);
    turn();
}

/* As long as the last byte is held back on a connection that has been idle. */
static inline void last_byte_follows(void) {
    for (int i = 0; i < 3; i++)
        later(15 * USEC_PER_MS);
}

/* The connection of a request in progress that sent WORD; NULL: there is none. */
static inline struct conn *conn_with(const char *word) {
    for (int i = world.conn_count; i > 0; i--) {
        struct conn *c = peer(i);
        size_t from = c->used_from < c->sent.len ? c->used_from : 0;
        if (!c->closed && c->ready && strstr(peer_got(c) + from, word))
            return c;
    }
    return NULL;
}

/* Nobody is at the gate, or counted anywhere. */
static inline void assert_all_over(void) {
    static struct tally_sum sum;
    struct gate_figures figures;
    turn();
    for (unsigned i = 0; i < world.gate_count; i++) {
        gate_look(world.gates[i], world.loop.now, &figures);
        assert_int_equal(figures.inside, 0);
        assert_int_equal(figures.waiting, 0);
    }
    assert_int_equal(world.gateway->in_flight, 0);
    gateway_free(&world.gateway);
    tally_read(world.tally, &sum);
    for (int i = 0; i < TALLY_GAUGES; i++)
        assert_int_equal(sum.gauges[i], 0);
}
