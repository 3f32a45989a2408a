/* SPDX-License-Identifier: MIT */
/* The way down: receiving the answer, deciding what becomes of it, handing on its body.
 *
 * A short answer that is complete goes to the front in one piece; every other one streams through
 * the attempt's rx buffer, which is not read into while it is full: that is the back-pressure. */
#include "gateway/exchange.h"

#include "policy/forward.h"

#include <string.h>

/* The head of an answer, interim heads included, must fit into this much of rx. */
#define HEAD_MAX (16 * 1024)
/* How long a short answer whose rest is on its way is waited for, to send it in one piece. */
#define SETTLE_TIME (3 * USEC_PER_MS)

static void terminate(struct attempt *a, struct text t) {
    if (t.len)
        a->rx[(size_t)(t.at - a->rx) + t.len] = '\0';
}

struct text answer_field(const struct attempt *a, struct text name) {
    return field_value(a->answer.lines, a->answer.line_count, name);
}

/* The lines that go to the caller, with what is ours behind them; CHANGED: the body is not the one
 * that they speak of. Returns how many. */
static size_t gather_fields(struct attempt *a, struct field_line *fields, bool changed) {
    const struct answer *answer = &a->answer;
    size_t n = 0;
    bool cached = false;
    for (size_t i = 0; i < answer->line_count; i++) {
        const struct field_line *line = &answer->lines[i];
        if (line->value.len == 0 || !forward_down(line, answer->lines, answer->line_count))
            continue;
        if (changed && field_rules(line->id) & FIELD_OF_BYTES)
            continue;
        cached |= line->id == FIELD_CACHE_CONTROL;
        fields[n++] = *line;
    }
    for (size_t i = 0; i < n; i++) {
        terminate(a, fields[i].name);
        terminate(a, fields[i].value);
    }
    if (!cached)
        fields[n++] = (struct field_line){TEXT("Cache-Control"), TEXT("no-store"), FIELD_OTHER};
    return n + reply_common_fields(a->exchange, fields + n, REPLY_COMMON_MAX - 1);
}

void answer_reply(struct attempt *a, const struct text *whole, bool changed) {
    struct exchange *x = a->exchange;
    const struct answer *answer = &a->answer;
    struct field_line fields[ANSWER_LINES_MAX + REPLY_COMMON_MAX];
    bool length_differs = gather_changes_length(a);
    size_t n = gather_fields(a, fields, changed || length_differs);
    if (!reply_fits(x, fields, n)) {
        exchange_fail(x, REASON_answer_head_too_large);
        return;
    }
    struct reply reply = {.status = answer->status,
                          .fields = fields,
                          .field_count = n,
                          .close = x->gateway->draining};
    /* Where no body follows, the length is still the endpoint's. */
    bool length_only = x->head.method == METHOD_HEAD ||
                       (answer->status == 304 && answer->length != ANSWER_NO_LENGTH);
    if (whole && !length_only) {
        reply.whole = true;
        reply.body = *whole;
    } else {
        reply.length = length_differs ? REPLY_NO_LENGTH : answer->length;
    }
    x->status = answer->status;
    x->answering = a;
    a->state = ATTEMPT_ANSWERING;
    exchange_end_attempts(x, a);
    exchange_set_state(x, whole ? EXCHANGE_REPLIED : EXCHANGE_RELAYING);
    caller_reply(x->caller, &reply);
}

static bool is_short(const struct attempt *a) {
    return a->answer.length != ANSWER_NO_LENGTH &&
           a->answer.length <= ATTEMPT_RX_BYTES - a->body_begin;
}

/* The endpoint refused our key: another one is tried, unless another attempt is under way. */
static void refused(struct attempt *a) {
    struct exchange *x = a->exchange;
    credential_refused(a);
    attempt_served(a);
    attempt_end(a);
    if (!x->attempts[0] && !x->attempts[1])
        again_at(x, x->gateway->loop->now, TALLY_RETRY_CREDENTIAL);
}

/* The head is complete: what becomes of the answer. */
static void decide(struct attempt *a) {
    struct exchange *x = a->exchange;
    struct answer *answer = &a->answer;
    if (!a->all_sent && !a->send_failed && answer->status < 300)
        return; /* the endpoint answers while it reads on; so the upload goes on */
    if (a->sent_key && answer->status == 401) {
        refused(a);
        return;
    }
    if (a->sent_key)
        credential_accepted(a);
    if (again_after_answer(a))
        return;
    a->hold_check = USEC_NEVER;
    if (gather_begin(a))
        return;
    if (answer->state == ANSWER_DONE) {
        struct text body = {a->rx + a->body_begin, a->body_end - a->body_begin};
        a->settle = USEC_NEVER;
        answer_reply(a, &body, false);
        attempt_release(a);
    } else if (a->all_sent && is_short(a)) {
        if (a->settle == USEC_NEVER)
            a->settle = x->gateway->loop->now + SETTLE_TIME;
    } else {
        answer_reply(a, NULL, false);
    }
}

void answer_settled(struct attempt *a) {
    a->settle = USEC_NEVER;
    if (a->exchange->status == 0 && a->answer.state == ANSWER_BODY)
        answer_reply(a, NULL, false);
}

/* What came in since the last look goes where it belongs. */
static void advance(struct attempt *a) {
    struct exchange *x = a->exchange;
    if (a->state == ATTEMPT_GATHERING) {
        gather(a);
        return;
    }
    if (x->status == 0) {
        if (a->answer.state != ANSWER_HEAD)
            decide(a);
        return;
    }
    if (a->answer.state == ANSWER_DONE && a->conn)
        attempt_release(a);
    if (x->state == EXCHANGE_RELAYING)
        caller_body_ready(x->caller);
}

/* Parses N new bytes at rx + OFFSET. */
static void digest(struct attempt *a, size_t offset, size_t n) {
    struct answer *answer = &a->answer;
    while (n && (answer->state == ANSWER_HEAD || answer->state == ANSWER_BODY)) {
        bool in_head = answer->state == ANSWER_HEAD;
        char *out = in_head ? a->rx + offset : a->rx + a->body_end;
        size_t taken = answer_feed(answer, a->rx + offset, n, &out);
        offset += taken;
        n -= taken;
        if (!in_head)
            a->body_end = (size_t)(out - a->rx);
        else if (answer->state == ANSWER_HEAD)
            a->rx_read = offset;
        else
            a->body_begin = a->body_end = offset;
    }
    a->answer_extra = n > 0;
}

/* The answer broke off after its head was with the caller. */
static void cut_off(struct attempt *a) {
    struct exchange *x = a->exchange;
    x->cut = true;
    x->reason = REASON_answer_cut;
    attempt_failed(a);
    attempt_release(a);
    caller_body_ready(x->caller);
}

/* The answer is none that could be handed on. Another attempt may still be answered. */
static void bad_answer(struct attempt *a, enum reason why) {
    struct exchange *x = a->exchange;
    bool partner = x->attempts[0] && x->attempts[1];
    attempt_failed(a);
    if (partner)
        attempt_end(a);
    else
        exchange_fail(x, why);
}

static void connection_ended(struct attempt *a, ssize_t result) {
    struct answer *answer = &a->answer;
    if (answer->state == ANSWER_HEAD) {
        if (a->answer_began)
            bad_answer(a, REASON_answer_incomplete);
        else
            attempt_lost(a);
    } else if (answer->state == ANSWER_DONE) {
        a->send_failed = true; /* the rest of the upload has nowhere to go */
        advance(a);
    } else if (result == CONN_END && answer_end(answer)) {
        a->send_failed = !a->all_sent;
        advance(a);
    } else if (a->exchange->status == 0) {
        bad_answer(a, REASON_answer_incomplete);
    } else {
        cut_off(a);
    }
}

/* Where the next bytes go, and how many may come. */
static size_t make_room(struct attempt *a, size_t *offset) {
    if (a->answer.state == ANSWER_HEAD) {
        *offset = a->rx_read;
        return HEAD_MAX - a->rx_read;
    }
    if (a->exchange->state == EXCHANGE_RELAYING && a->body_begin == a->body_end)
        a->body_begin = a->body_end = 0;
    *offset = a->body_end;
    return ATTEMPT_RX_BYTES - a->body_end;
}

static void first_byte(struct attempt *a) {
    if (a->answer_began)
        return;
    a->answer_began = true;
    tally_upstream(a->exchange->tally, a->exchange->gateway->loop->now - a->begun);
}

/* Takes what there is. False: that was the end of it, and A has been dealt with. */
static bool receive(struct attempt *a) {
    while (a->conn && (conn_may_read(a->conn) || a->send_failed) &&
           (a->answer.state == ANSWER_HEAD || a->answer.state == ANSWER_BODY)) {
        size_t offset, room = make_room(a, &offset);
        if (room == 0 && a->answer.state == ANSWER_HEAD) {
            bad_answer(a, REASON_answer_head_too_large);
            return false;
        }
        if (room == 0)
            break;
        ssize_t n = conn_recv(a->conn, a->rx + offset, room);
        if (n == CONN_AGAIN && a->send_failed && a->answer.state == ANSWER_HEAD)
            n = CONN_FAILED; /* nothing goes out any more and no answer came */
        if (n == CONN_AGAIN)
            break;
        if (n < 0) {
            connection_ended(a, n);
            return false;
        }
        first_byte(a);
        a->progress = a->exchange->gateway->loop->now;
        digest(a, offset, (size_t)n);
        if (a->answer.state == ANSWER_BAD) {
            bad_answer(a, a->answer.why);
            return false;
        }
    }
    return true;
}

/* What is gathered makes room, so that more can be taken. */
static bool goes_on(const struct attempt *a) {
    return a->state == ATTEMPT_GATHERING && a->conn && conn_may_read(a->conn) &&
           a->answer.state == ANSWER_BODY;
}

void answer_pump(struct attempt *a) {
    do {
        if (!receive(a))
            return;
        if (a->conn && a->answer.state == ANSWER_DONE && a->exchange->status == 0 && !a->all_sent &&
            conn_is_dead(a->conn))
            a->send_failed = true;
        if (a->conn)
            advance(a);
    } while (goes_on(a));
}

/* What had been gathered before. */
static size_t pull_gathered(struct attempt *a, char *into, size_t n) {
    size_t left = a->gathered.len - a->gathered_given;
    n = n < left ? n : left;
    if (n == 0)
        return 0;
    memcpy(into, a->gathered.at + a->gathered_given, n);
    a->gathered_given += n;
    a->progress = a->exchange->gateway->loop->now;
    return n;
}

ssize_t answer_pull(struct attempt *a, char *into, size_t n) {
    size_t before = pull_gathered(a, into, n);
    if (before)
        return (ssize_t)before;
    if (a->body_begin == a->body_end && a->conn && !a->exchange->cut)
        answer_pump(a);
    size_t have = a->body_end - a->body_begin;
    if (have) {
        n = n < have ? n : have;
        memcpy(into, a->rx + a->body_begin, n);
        a->body_begin += n;
        a->progress = a->exchange->gateway->loop->now; /* the endpoint's turn begins when all is
                                                          handed on */
        return (ssize_t)n;
    }
    if (a->exchange->cut)
        return PULL_CUT;
    return a->answer.state == ANSWER_DONE ? PULL_END : PULL_LATER;
}
