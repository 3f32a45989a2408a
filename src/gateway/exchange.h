/* SPDX-License-Identifier: MIT */
/* One request's life, inside gateway/ only: the state and the functions that its files share.
 *
 * exchange.c   begins, starts, waits, fails and ends an exchange; the only place that changes its
 * state request.c    writes the head for the upstream and sends head and body answer.c     receives
 * the answer, decides what becomes of it, and hands on its body own_reply.c  answers that scoregate
 * gives itself
 *
 * An exchange belongs to its gateway and is freed (put back into the spare list) in one place,
 * exchange_done(), which the front calls last. */
#pragma once

#include "base/buf.h"
#include "base/random.h"
#include "gateway/gateway.h"
#include "upstream/answer.h"

#define EXCHANGE_RX_BYTES (32 * 1024)
/* How much of a body that is not kept may wait to be sent. */
#define EXCHANGE_WINDOW (64 * 1024)

enum exchange_state {
    EXCHANGE_GATHERING,  /* the head is accepted; it starts at the end of this turn */
    EXCHANGE_CONNECTING, /* waits for a connection */
    EXCHANGE_SENDING,    /* the request is on its way; an answer may come early */
    EXCHANGE_WAITING,    /* all of it was sent, no complete head of an answer yet */
    EXCHANGE_RELAYING,   /* the head is with the caller, the body flows */
    EXCHANGE_REPLIED,    /* all of the answer is with the front; the upstream is finished with */
};

enum exchange_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED };

struct exchange {
    struct list node; /* starting or spare */
    struct gateway *gateway;
    struct caller *caller;
    struct gateway_route *route; /* NULL: none was found */
    enum route_target target;
    struct head head; /* without the field lines */
    enum exchange_state state;
    enum reason reason; /* why it ended as it did */
    unsigned status;    /* what the caller was told; 0: nothing yet */
    bool head_refused;  /* the request's head was not believed */
    char request_id[RANDOM_UUID_LEN + 1];
    char sent_id[104]; /* x-ms-client-request-id: the caller's own, or request_id */
    usec_t begun, progress, response_deadline_from;

    /* The way up. */
    struct buf up; /* the head; behind up_fixed what differs from one attempt to the next */
    size_t up_fixed;
    struct buf body;   /* all of the body so far if it is kept, else what is not sent yet */
    uint64_t received; /* body bytes from the caller */
    bool ended;        /* the caller's request is complete */
    bool kept;         /* body has every byte from the first, so that it can be sent again */
    bool caller_waits; /* body() took less than offered */
    enum exchange_framing framing;
    size_t head_sent, body_sent; /* body_sent counts from the start of body */
    bool send_failed, all_sent;

    /* The connection. */
    struct conn *conn;
    struct pool_wait wait;
    unsigned attempts;
    bool reused,
        holding;       /* holding: the last byte stays here until the connection is known to live */
    usec_t idle_age;   /* of the connection when it was taken */
    usec_t hold_check; /* when to look at the acknowledgements; USEC_NEVER: not waiting for them */
    unsigned hold_checks;
    unsigned key;
    bool key_switched;

    /* The way down. */
    struct answer answer;
    char *rx;                    /* EXCHANGE_RX_BYTES */
    size_t rx_read;              /* bytes of the answer's head, and behind it, that were read */
    size_t body_begin, body_end; /* body bytes in rx that the caller has not got yet */
    bool answer_began;           /* a byte of it came */
    bool answer_extra;           /* bytes came behind it: the connection is not to be trusted */
    bool cut;                    /* the answer broke off: pull() says so */
    usec_t settle;               /* until when a short answer is waited for; USEC_NEVER: not */
    struct buf own_body, own_fields;

    struct timer timer;
};

/* exchange.c */
/* Gathers no longer: asks for a connection and sends. */
void exchange_start(struct exchange *x);
/* Frees the memory of one that is not in use. */
void exchange_free(struct exchange *x);
void exchange_set_state(struct exchange *x, enum exchange_state state);
/* Sets the timer to the next moment at which something is due. */
void exchange_arm(struct exchange *x);
/* Something is wrong: tells the caller if it can still be told, else cuts the connection. */
void exchange_fail(struct exchange *x, enum reason why);
/* The connection died before an answer began: sends the request again where that is safe, else
 * fails. */
void exchange_lost(struct exchange *x);
/* Sends the request again with the connection given up; KEY: with this credential. */
void exchange_again(struct exchange *x, unsigned key, bool warm);
/* Gives the connection back, or closes it. */
void exchange_release(struct exchange *x, bool reusable);

/* request.c */
/* Decides how the body is framed, with what is known of it when the exchange starts. False: memory.
 */
bool request_choose_framing(struct exchange *x);
bool request_write_head(struct exchange *x, const struct head *h, const struct route_match *match);
bool request_finish_head(struct exchange *x);
size_t request_take_body(struct exchange *x, const char *bytes, size_t n);
void request_end_body(struct exchange *x);
/* Sends what can be sent. */
void request_pump(struct exchange *x);
/* Everything that the caller has given so far was sent; waits for more. */
bool request_starved(const struct exchange *x);
void request_check_hold(struct exchange *x, usec_t now);

/* answer.c */
void answer_pump(struct exchange *x);
void answer_settled(struct exchange *x);
ssize_t answer_pull(struct exchange *x, char *into, size_t n);

/* own_reply.c */
/* A problem document; DETAIL may be empty. */
void reply_problem(struct exchange *x, enum reason why, struct text detail);
/* The answer to OPTIONS, or to a preflight. */
void reply_options(struct exchange *x);
/* Fields that every answer of this exchange carries, CORS included. Returns how many. */
size_t reply_common_fields(struct exchange *x, struct field_line *fields, size_t max);
#define REPLY_COMMON_MAX 12
