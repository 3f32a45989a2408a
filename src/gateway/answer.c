/* SPDX-License-Identifier: MIT */
/* The way down: receiving the answer, deciding what becomes of it, handing on its body.
 *
 * A short answer that is complete goes to the front in one piece; every other one streams through
 * the exchange's rx buffer, which is not read into while it is full: that is the back-pressure. */
#include "gateway/exchange.h"

#include "policy/forward.h"

#include <string.h>

/* The head of an answer, interim heads included, must fit into this much of rx. */
#define HEAD_MAX (16 * 1024)
/* How long a short answer whose rest is on its way is waited for, to send it in one piece. */
#define SETTLE_TIME (3 * USEC_PER_MS)

static void terminate(struct exchange *x, struct text t) {
    if (t.len)
        x->rx[(size_t)(t.at - x->rx) + t.len] = '\0';
}

/* Hands the head of the answer to the caller, with or without all of the body. */
static void reply_answer(struct exchange *x, bool whole) {
    struct answer *a = &x->answer;
    struct field_line fields[ANSWER_LINES_MAX + REPLY_COMMON_MAX];
    size_t n = 0, room = caller_head_room(x->caller), used = 0;
    bool cached = false;
    for (size_t i = 0; i < a->line_count; i++) {
        const struct field_line *line = &a->lines[i];
        if (line->value.len == 0 || !forward_down(line, a->lines, a->line_count))
            continue;
        cached |= line->id == FIELD_CACHE_CONTROL;
        fields[n++] = *line;
    }
    for (size_t i = 0; i < n; i++) {
        terminate(x, fields[i].name);
        terminate(x, fields[i].value);
    }
    if (!cached)
        fields[n++] = (struct field_line){TEXT("Cache-Control"), TEXT("no-store"), FIELD_OTHER};
    n += reply_common_fields(x, fields + n, REPLY_COMMON_MAX - 1);
    for (size_t i = 0; i < n; i++)
        used += fields[i].name.len + fields[i].value.len + 4;
    if (used > room) {
        exchange_fail(x, REASON_answer_head_too_large);
        return;
    }
    struct reply reply = {
        .status = a->status, .fields = fields, .field_count = n, .close = x->gateway->draining};
    /* Where no body follows, the length is still the endpoint's. */
    bool length_only =
        x->head.method == METHOD_HEAD || (a->status == 304 && a->length != ANSWER_NO_LENGTH);
    if (whole && !length_only) {
        reply.whole = true;
        reply.body = (struct text){x->rx + x->body_begin, x->body_end - x->body_begin};
    } else {
        reply.length = a->length;
    }
    x->status = a->status;
    exchange_set_state(x, whole ? EXCHANGE_REPLIED : EXCHANGE_RELAYING);
    caller_reply(x->caller, &reply);
}

static bool is_short(const struct exchange *x) {
    return x->answer.length != ANSWER_NO_LENGTH &&
           x->answer.length <= EXCHANGE_RX_BYTES - x->body_begin;
}

static void release_done(struct exchange *x) {
    exchange_release(x, x->answer.keep_alive && x->all_sent && !x->answer_extra);
}

/* The head is complete: what becomes of the answer. */
static void decide(struct exchange *x) {
    struct answer *a = &x->answer;
    if (!x->all_sent && !x->send_failed && a->status < 300)
        return; /* the endpoint answers while it reads on; so the upload goes on */
    if (x->sent_key && a->status == 401) {
        if (a->state == ANSWER_DONE)
            release_done(x);
        credential_refused(x);
        exchange_again(x, /* warm= */ true);
        return;
    }
    if (x->sent_key)
        credential_accepted(x);
    x->hold_check = USEC_NEVER;
    if (a->state == ANSWER_DONE) {
        x->settle = USEC_NEVER;
        reply_answer(x, /* whole= */ true);
        release_done(x);
    } else if (x->all_sent && is_short(x)) {
        if (x->settle == USEC_NEVER)
            x->settle = x->gateway->loop->now + SETTLE_TIME;
    } else {
        reply_answer(x, /* whole= */ false);
    }
}

void answer_settled(struct exchange *x) {
    x->settle = USEC_NEVER;
    if (x->status == 0 && x->answer.state == ANSWER_BODY)
        reply_answer(x, /* whole= */ false);
}

/* What came in since the last look goes where it belongs. */
static void advance(struct exchange *x) {
    if (x->status == 0) {
        if (x->answer.state != ANSWER_HEAD)
            decide(x);
        return;
    }
    if (x->answer.state == ANSWER_DONE && x->conn)
        release_done(x);
    if (x->state == EXCHANGE_RELAYING)
        caller_body_ready(x->caller);
}

/* Parses N new bytes at rx + OFFSET. */
static void digest(struct exchange *x, size_t offset, size_t n) {
    struct answer *a = &x->answer;
    while (n && (a->state == ANSWER_HEAD || a->state == ANSWER_BODY)) {
        bool in_head = a->state == ANSWER_HEAD;
        char *out = in_head ? x->rx + offset : x->rx + x->body_end;
        size_t taken = answer_feed(a, x->rx + offset, n, &out);
        offset += taken;
        n -= taken;
        if (!in_head)
            x->body_end = (size_t)(out - x->rx);
        else if (a->state == ANSWER_HEAD)
            x->rx_read = offset;
        else
            x->body_begin = x->body_end = offset;
    }
    x->answer_extra = n > 0;
}

static void connection_ended(struct exchange *x, ssize_t result) {
    struct answer *a = &x->answer;
    if (a->state == ANSWER_HEAD) {
        if (x->answer_began)
            exchange_fail(x, REASON_answer_incomplete);
        else
            exchange_lost(x);
    } else if (a->state == ANSWER_DONE) {
        x->send_failed = true; /* the rest of the upload has nowhere to go */
        advance(x);
    } else if (result == CONN_END && answer_end(a)) {
        x->send_failed = !x->all_sent;
        advance(x);
    } else if (x->status == 0) {
        exchange_fail(x, REASON_answer_incomplete);
    } else {
        x->cut = true;
        x->reason = REASON_answer_cut;
        exchange_release(x, false);
        caller_body_ready(x->caller);
    }
}

/* Where the next bytes go, and how many may come. */
static size_t make_room(struct exchange *x, size_t *offset) {
    if (x->answer.state == ANSWER_HEAD) {
        *offset = x->rx_read;
        return HEAD_MAX - x->rx_read;
    }
    if (x->state == EXCHANGE_RELAYING && x->body_begin == x->body_end)
        x->body_begin = x->body_end = 0;
    *offset = x->body_end;
    return EXCHANGE_RX_BYTES - x->body_end;
}

void answer_pump(struct exchange *x) {
    while (x->conn && (conn_may_read(x->conn) || x->send_failed) &&
           (x->answer.state == ANSWER_HEAD || x->answer.state == ANSWER_BODY)) {
        size_t offset, room = make_room(x, &offset);
        if (room == 0 && x->answer.state == ANSWER_HEAD) {
            exchange_fail(x, REASON_answer_head_too_large);
            return;
        }
        if (room == 0)
            break;
        ssize_t n = conn_recv(x->conn, x->rx + offset, room);
        if (n == CONN_AGAIN && x->send_failed && x->answer.state == ANSWER_HEAD)
            n = CONN_FAILED; /* nothing goes out any more and no answer came */
        if (n == CONN_AGAIN)
            break;
        if (n < 0) {
            connection_ended(x, n);
            return;
        }
        x->answer_began = true;
        x->progress = x->gateway->loop->now;
        digest(x, offset, (size_t)n);
        if (x->answer.state == ANSWER_BAD) {
            exchange_fail(x, x->answer.why);
            return;
        }
    }
    if (x->conn && x->answer.state == ANSWER_DONE && x->status == 0 && !x->all_sent &&
        conn_is_dead(x->conn))
        x->send_failed = true;
    if (x->conn)
        advance(x);
}

ssize_t answer_pull(struct exchange *x, char *into, size_t n) {
    if (x->body_begin == x->body_end && x->conn && !x->cut)
        answer_pump(x);
    size_t have = x->body_end - x->body_begin;
    if (have) {
        n = n < have ? n : have;
        memcpy(into, x->rx + x->body_begin, n);
        x->body_begin += n;
        x->progress = x->gateway->loop->now; /* the endpoint's turn begins when all is handed on */
        return (ssize_t)n;
    }
    if (x->cut)
        return PULL_CUT;
    return x->answer.state == ANSWER_DONE ? PULL_END : PULL_LATER;
}
