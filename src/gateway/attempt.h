/* SPDX-License-Identifier: MIT */
/* One sending of a request to one backend, inside gateway/ only: a place at the gate, a connection,
 * the head with the credential for it, and the answer as it comes in.
 *
 * An exchange makes as many as it takes, one after the other; two side by side only when it hedges.
 * Attempts are heavy (buffers, a parser), so they are lent by the gateway for as long as one is in
 * progress: what waits holds none. */
#pragma once

#include "base/buf.h"
#include "gateway/document.h"
#include "gateway/gateway.h"
#include "upstream/answer.h"

#define ATTEMPT_RX_BYTES (32 * 1024)

enum attempt_state {
    ATTEMPT_CONNECTING, /* waits for a connection */
    ATTEMPT_SENDING,    /* the request is on its way; an answer may come early */
    ATTEMPT_WAITING,    /* all of it was sent, no complete head of an answer yet */
    ATTEMPT_GATHERING,  /* its answer is the caller's once all of it is here */
    ATTEMPT_ANSWERING,  /* its answer is the caller's */
};

struct attempt {
    struct list node; /* spare */
    struct exchange *exchange;
    struct gateway_backend *backend;
    struct stock *stock; /* the supply that it goes with; the connection belongs to its site */
    struct gate_ticket *ticket;
    enum attempt_state state;
    usec_t begun, progress;
    unsigned key;  /* which of the supply's keys */
    bool sent_key; /* the head has it */
    bool probe;    /* the breaker watches it */
    bool judged;   /* the breaker has heard how it went */
    bool weighed;  /* its answer was looked at: it is the caller's */

    /* The way up. */
    struct buf up;               /* the head */
    size_t head_sent, body_sent; /* body_sent counts from the start of the exchange's body */
    bool send_failed, all_sent;

    /* The connection. */
    struct conn *conn;
    struct pool_wait wait;
    bool reused, holding; /* holding: the last byte stays here until the connection is known to live
                           */
    usec_t idle_age;      /* of the connection when it was taken */
    usec_t hold_check;    /* when to look at the acknowledgements; USEC_NEVER: not waiting */
    unsigned hold_checks;

    /* The way down. */
    struct answer answer;
    char *rx;                    /* ATTEMPT_RX_BYTES */
    size_t rx_read;              /* bytes of the answer's head, and behind it, that were read */
    size_t body_begin, body_end; /* body bytes in rx that the caller has not got yet */
    struct buf gathered;         /* of the body, what came before that: it goes first */
    size_t gathered_given;       /* how much of it the caller got */
    struct document *document;   /* that the endpoint was asked after, or answered with */
    bool answer_began;           /* a byte of it came */
    bool answer_extra;           /* bytes came behind it: the connection is not to be trusted */
    usec_t settle;               /* until when a short answer is waited for; USEC_NEVER: not */
};

/* --- attempt.c ----------------------------------------------------------------------------------
 */

/* Sends X to BACKEND with its present supply and key KEY, on the place of TICKET, which it has.
 * False: out of memory, nothing was begun and the place is still held. */
bool attempt_begin(struct exchange *x, struct gateway_backend *backend, unsigned key,
                   struct gate_ticket *ticket) MUST_CHECK;
/* Gives back the connection (closes it, unless both sides are done with it in good order), the
 * place at the gate, and the attempt itself. It may be looked at until the end of the turn: it has
 * no connection then. */
void attempt_end(struct attempt *a);
/* Gives back only the connection and the place: the rest of the answer is here. */
void attempt_release(struct attempt *a);
/* No connection came about. */
void attempt_not_connected(struct attempt *a, enum reason why);
/* The connection died before an answer began. */
void attempt_lost(struct attempt *a);
/* When something is due, and doing what is. */
usec_t attempt_deadline(const struct attempt *a);
void attempt_look(struct attempt *a, usec_t now);
/* What the breaker of its backend hears: once of an attempt, and of one failure of a request. */
void attempt_served(struct attempt *a);
void attempt_failed(struct attempt *a);
/* At the end of a turn: those that ended in it can be used again. */
void attempts_rest(struct gateway *g);
/* Frees the memory of one that is not in use. */
void attempt_free(struct attempt *a);

/* --- request.c ----------------------------------------------------------------------------------
 */

/* Writes the head for the attempt's backend. False: out of memory. */
bool request_write(struct attempt *a) MUST_CHECK;
/* Sends what can be sent. */
void request_pump(struct attempt *a);
/* Everything that the caller has given so far was sent; waits for more. */
bool request_starved(const struct attempt *a);
/* The endpoint may have the whole request. */
bool request_is_out(const struct attempt *a);
void request_check_hold(struct attempt *a, usec_t now);

/* --- answer.c -----------------------------------------------------------------------------------
 */

void answer_pump(struct attempt *a);
void answer_settled(struct attempt *a);
ssize_t answer_pull(struct attempt *a, char *into, size_t n);
/* Hands the head of the answer to the caller, with WHOLE as its body, which stays where it is; or,
 * if that is NULL, so that the body is pulled. CHANGED: it is not the endpoint's own. */
void answer_reply(struct attempt *a, const struct text *whole, bool changed);
/* A field of the head, by its name in lower case; empty if it is not there. */
struct text answer_field(const struct attempt *a, struct text name);
