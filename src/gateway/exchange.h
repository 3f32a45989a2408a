/* SPDX-License-Identifier: MIT */
/* One request's life, inside gateway/ only: the state and the functions that its files share.
 *
 * - exchange.c begins, starts, fails and ends an exchange; the only place that changes its state
 * - waiting.c keeps those that wait for a supply
 * - credential.c chooses the key, and says what a refusal of it means
 * - request.c writes the head for the upstream and sends head and body
 * - answer.c receives the answer, decides what becomes of it, and hands on its body
 * - own_reply.c has the answers that scoregate gives itself
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
/* How many secrets are tried before a refusal is believed. */
#define EXCHANGE_SECRETS_MAX 4

enum exchange_state {
    EXCHANGE_GATHERING,      /* the head is accepted; it starts at the end of this turn */
    EXCHANGE_WAITING_SUPPLY, /* the route has no endpoint or credential that can be used */
    EXCHANGE_CONNECTING,     /* waits for a connection */
    EXCHANGE_SENDING,        /* the request is on its way; an answer may come early */
    EXCHANGE_WAITING,        /* all of it was sent, no complete head of an answer yet */
    EXCHANGE_RELAYING,       /* the head is with the caller, the body flows */
    EXCHANGE_REPLIED, /* all of the answer is with the front; the upstream is finished with */
};

enum exchange_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED };

struct exchange {
    struct list node; /* starting, spare, or waiting for a supply */
    struct gateway *gateway;
    struct caller *caller;
    struct gateway_route *route; /* NULL: none was found */
    enum route_target target;
    struct head head; /* without the field lines */
    struct text rest; /* of the path, behind that of the route */
    enum exchange_state state;
    enum reason reason; /* why it ended as it did */
    unsigned status;    /* what the caller was told; 0: nothing yet */
    bool head_refused;  /* the request's head was not believed */
    char request_id[RANDOM_UUID_LEN + 1];
    char sent_id[104]; /* x-ms-client-request-id: the caller's own, or request_id */
    usec_t begun, progress, response_deadline_from;

    /* The way up. */
    struct buf up;      /* the head: the endpoint's part, the caller's, that of one attempt */
    size_t up_endpoint; /* where the endpoint's part ends; 0: the endpoint is not known yet */
    size_t up_fixed;    /* where the caller's part ends */
    struct buf body;    /* all of the body so far if it is kept, else what is not sent yet */
    uint64_t received;  /* body bytes from the caller */
    bool ended;         /* the caller's request is complete */
    bool kept;          /* body has every byte from the first, so that it can be sent again */
    bool caller_waits;  /* body() took less than offered */
    enum exchange_framing framing;
    bool framed;                 /* framing is chosen */
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

    /* The credential. */
    struct stock *stock; /* what the head is written for, and the connection, if any, belongs to */
    unsigned key;        /* which of its keys */
    bool sent_key;       /* the head of this attempt has it */
    bool spent;          /* some of the body went out with a key that was refused, and is gone */
    bool retry_at_once;  /* the caller is told to */
    struct secret *tried[EXCHANGE_SECRETS_MAX]; /* refused to this exchange */
    unsigned tried_count;
    uint64_t refused_in; /* the revision of the supply that the last of them was in */

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
/* Sends the request with the route's present supply; waits or fails if that does not allow it.
 * WARM: on a connection that was used before, if there is one. */
void exchange_proceed(struct exchange *x, bool warm);
/* The same, with the connection given up. */
void exchange_again(struct exchange *x, bool warm);
/* Gives the connection back, or closes it. */
void exchange_release(struct exchange *x, bool reusable);

/* waiting.c */
/* Waits for the next supply of the route, at the end of the queue; fails if that is full. */
void waiting_enter(struct exchange *x);
/* Leaves the queue; nothing happens if it is not there. */
void waiting_leave(struct exchange *x);
/* ROUTE has a new supply: everybody tries with that. */
void waiting_go_on(struct gateway_route *route);

/* credential.c */
enum choice { CHOICE_SEND, CHOICE_WAIT, CHOICE_FAIL };
/* What the route's present supply means for X: send, with x->key where a credential is wanted; wait
 * for the next supply; or fail with WHY. */
enum choice credential_choose(struct exchange *x, enum reason *why) MUST_CHECK;
/* Whether the credential of S belongs to what X asks for. */
bool credential_goes_to(const struct exchange *x, const struct stock *s);
/* The endpoint refused the key that X was sent with. */
void credential_refused(struct exchange *x);
/* It did not. */
void credential_accepted(struct exchange *x);
/* Lets go of the secrets that were tried. */
void credential_forget(struct exchange *x);

/* request.c */
/* Decides how the body is framed, with what is known of it when the exchange starts. False: memory.
 */
bool request_choose_framing(struct exchange *x);
/* What comes from the caller, and in front of it what the endpoint wants, if that is known yet. */
bool request_write_head(struct exchange *x, const struct head *h);
/* The endpoint is known now, or is another one: its part is written anew. */
bool request_change_endpoint(struct exchange *x);
/* Adds the credential and the framing, for one attempt. */
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
