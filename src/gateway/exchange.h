/* SPDX-License-Identifier: MIT */
/* One request's life, inside gateway/ only: the state and the functions that its files share.
 *
 * - exchange.c begins, starts, fails and ends an exchange; the only place that changes its state
 * - dispatch.c chooses a backend for it and takes it through the gate
 * - waiting.c keeps those that wait for a supply, ready.c those that wait for a cold endpoint
 * - again.c decides whether it is sent again, hedge.c whether it is sent twice
 * - attempt.c sends it to one backend; request.c writes head and body, answer.c receives the answer
 * - credential.c chooses the key, and says what a refusal of it means
 * - gather.c has the answers that are seen whole before they are handed on, swagger.c those in
 * which an endpoint describes itself
 * - own_reply.c has the answers that scoregate gives itself
 *
 * An exchange belongs to its gateway and is freed (put back into the spare list) in one place,
 * exchange_done(), which the front calls last. */
#pragma once

#include "base/buf.h"
#include "base/random.h"
#include "gateway/attempt.h"
#include "gateway/gateway.h"

/* How much of a body that is not kept may wait to be sent. */
#define EXCHANGE_WINDOW (64 * 1024)
/* How many secrets are tried before a refusal is believed. */
#define EXCHANGE_SECRETS_MAX 4
/* Attempts side by side. */
#define EXCHANGE_ATTEMPTS 2
/* Answers that are seen whole are no larger; those that an endpoint says of itself. */
#define GATHER_MAX         (16 * 1024 * 1024)
#define GATHER_SWAGGER_MAX (4 * 1024 * 1024)

enum exchange_state {
    EXCHANGE_GATHERING,      /* the head is accepted; it starts at the end of this turn */
    EXCHANGE_WAITING_SUPPLY, /* no backend has an endpoint and a credential that can be used */
    EXCHANGE_WAITING_READY,  /* another exchange finds out whether the endpoint is ready */
    EXCHANGE_QUEUED,         /* at the gate */
    EXCHANGE_RESTING,        /* is sent again at a time */
    EXCHANGE_TRYING,         /* an attempt is in progress, or two are */
    EXCHANGE_RELAYING,       /* the head is with the caller, the body flows */
    EXCHANGE_REPLIED, /* all of the answer is with the front; the upstream is finished with */
};

enum exchange_framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED };

/* How a caller asks what an endpoint says of itself. */
struct exchange_asked {
    struct text host, if_none_match; /* values of these fields */
    bool news;                       /* nothing that is kept will do */
    bool apart;                      /* what comes is not kept for others */
};

struct exchange {
    struct list node; /* starting, spare, or in the queue of its state */
    struct gateway *gateway;
    struct caller *caller;
    struct gateway_route *route; /* NULL: none was found */
    struct tally_slot *tally;    /* of the route, or of what has none */
    enum route_target target;
    struct head head;            /* without the field lines */
    struct text rest;            /* of the path, behind that of the route */
    struct exchange_asked asked; /* if target is ROUTE_SWAGGER */
    enum exchange_state state;
    enum reason reason; /* why it ended as it did */
    unsigned status;    /* what the caller was told; 0: nothing yet */
    bool head_refused;  /* the request's head was not believed */
    char request_id[RANDOM_UUID_LEN + 1];
    char sent_id[104];      /* x-ms-client-request-id: the caller's own, or request_id */
    uint64_t caller_key;    /* who shares a turn at the gate */
    usec_t begun, progress; /* progress: of the caller */

    /* What is sent. */
    struct buf lines;  /* the field lines of the caller that go on, and ours */
    struct buf body;   /* all of the body so far if it is kept, else what is not sent yet */
    uint64_t received; /* body bytes from the caller */
    bool ended;        /* the caller's request is complete */
    bool kept;         /* body has every byte from the first, so that it can be sent again */
    bool caller_waits; /* body() took less than offered */
    enum exchange_framing framing;
    bool framed;        /* framing is chosen */
    uint64_t sent_most; /* of head and body, in any attempt; if it is not kept: not 0 */

    /* The attempts. */
    struct attempt *attempts[EXCHANGE_ATTEMPTS]; /* in progress; NULL */
    struct gate_ticket tickets[EXCHANGE_ATTEMPTS];
    struct attempt *answering; /* one of them, when the caller gets its answer */
    unsigned tries;            /* attempts so far */
    uint32_t failed_backends;  /* that this request failed at, as a set */
    usec_t response_from;      /* from when response_timeout counts */
    usec_t queued;             /* when it came to the gate, if it waits there */
    bool had_turn;             /* at the gate: it goes before those that have not */
    usec_t again;              /* when resting: until when */
    usec_t blocked;            /* since when breakers keep it; 0: they do not */
    usec_t ready_by;           /* until when it waits for a cold endpoint; 0: it does not */
    unsigned ready_tries;      /* of the attempts, those that met a cold endpoint */
    bool released;             /* it waited for another one, whose endpoint was ready */
    bool hedged;
    bool fresh;             /* it met a dead one: takes no connection that was used before */
    uint32_t retry_after_s; /* what to tell the caller */

    /* The credential. */
    bool spent;         /* some of the body went out with a key that was refused, and is gone */
    bool retry_at_once; /* the caller is told to */
    struct secret *tried[EXCHANGE_SECRETS_MAX]; /* refused to this exchange */
    unsigned tried_count;
    const struct gateway_backend *refused_at; /* where the last of them was */
    uint64_t refused_in;                      /* the revision of the supply that it was in, there */

    bool cut; /* the answer broke off: pull() says so */
    struct buf own_body, own_fields;
    struct timer timer;
};

/* --- exchange.c ---------------------------------------------------------------------------------
 */

/* Gathers no longer: goes to a backend. */
void exchange_start(struct exchange *x);
/* Frees the memory of one that is not in use. */
void exchange_free(struct exchange *x);
void exchange_set_state(struct exchange *x, enum exchange_state state);
/* Sets the timer to the next moment at which something is due. */
void exchange_arm(struct exchange *x);
/* Something is wrong: tells the caller if it can still be told, else cuts the connection. */
void exchange_fail(struct exchange *x, enum reason why);
/* Ends all attempts but ONE, which may be NULL. */
void exchange_end_attempts(struct exchange *x, const struct attempt *one);
/* Goes by ROUTE from now on, which has taken the place of its own. No attempt is in progress. */
void exchange_follow(struct exchange *x, struct gateway_route *route);
/* When the answer has to begin. */
usec_t exchange_deadline(const struct exchange *x);
/* By which the caller, the log and the endpoint know it. */
const char *exchange_id(const struct exchange *x);
/* Sending it twice does no harm. */
bool exchange_is_repeatable(const struct exchange *x);
/* All of it is here or will come, so that it can be sent, again or for the first time. */
bool exchange_is_whole(const struct exchange *x);
/* How often it was sent to an endpoint that was ready and did not refuse the key. */
unsigned exchange_tries(const struct exchange *x);
/* The answer may be handed on changed, so that the endpoint is asked for all of it, as it is. */
static inline bool exchange_rewrites(const struct exchange *x) {
    return x->target == ROUTE_SWAGGER || x->route->config->unwrap_json;
}
/* The method that the endpoint gets. */
static inline enum method exchange_method(const struct exchange *x) {
    return x->target == ROUTE_SWAGGER ? METHOD_GET : x->head.method;
}
/* The caller may send the body, or more of it. */
void exchange_want_body(struct exchange *x);

/* --- dispatch.c ---------------------------------------------------------------------------------
 */

/* Sends X to a backend, or lets it wait for what that takes, or fails. No attempt is in progress.
 */
void dispatch(struct exchange *x);
/* The gate has let it in. */
void dispatch_granted(struct exchange *x);
/* What X waits for, or was let in for, at the gate is of no use: leaves it, and is sent elsewhere,
 * before those that come to a gate there for the first time. */
void dispatch_ahead(struct exchange *x);
/* A backend other than those that it failed at could take it now. */
bool dispatch_elsewhere(const struct exchange *x);
/* A backend for one more attempt beside the one in progress, with the key for it; NULL: none. */
struct gateway_backend *dispatch_second(struct exchange *x, unsigned *key);
/* The set of usable backends of ROUTE may have changed: who is queued may go to others now. */
void dispatch_again(struct gateway_route *route);

/* --- waiting.c ----------------------------------------------------------------------------------
 */

/* Waits for the next supply of the route, at the end of the queue; fails if that is full. */
void waiting_enter(struct exchange *x);
/* Leaves the queue; nothing happens if it is not there. */
void waiting_leave(struct exchange *x);
/* ROUTE has a new supply: everybody tries with that. */
void waiting_go_on(struct gateway_route *route);

/* --- ready.c ------------------------------------------------------------------------------------
 */

/* The endpoint is not ready for X, which has no attempt any more. False: that is not waited for, or
 * not any longer. */
bool ready_wait(struct exchange *x) MUST_CHECK;
/* Whether X has to wait for another one that finds out; it is queued then. */
bool ready_held(struct exchange *x) MUST_CHECK;
/* The endpoint answered X, ready as it is. BUSY: it has more than enough, so that nobody follows
 * yet.
 */
void ready_told(struct exchange *x, bool busy);
/* X waits no longer and finds nothing out any more, for whatever reason. */
void ready_leave(struct exchange *x);
/* Who waits for OLD goes by NOW, which has taken its place. */
void ready_move(struct gateway_route *old, struct gateway_route *now);
/* Whether the answer of A says that the endpoint is not ready. */
bool ready_is_not(const struct attempt *a);

/* --- again.c ------------------------------------------------------------------------------------
 */

/* The answer of A is complete as far as its head. True: it is not for the caller, because the
 * request is sent again; A is no more. */
bool again_after_answer(struct attempt *a) MUST_CHECK;
/* A, which is no more, failed before an answer: sends the request again, or fails with WHY. */
enum again_kind { AGAIN_NOT_CONNECTED, AGAIN_LOST };
void again_after_failure(struct exchange *x, enum again_kind kind, enum reason why);
/* Sends it again, at NOW or at a later time. */
void again_at(struct exchange *x, usec_t when, enum tally_retry why);

/* --- hedge.c ------------------------------------------------------------------------------------
 */

/* When a second attempt is due; USEC_NEVER: never. */
usec_t hedge_due(const struct exchange *x);
void hedge(struct exchange *x);

/* --- credential.c -------------------------------------------------------------------------------
 */

enum choice { CHOICE_SEND, CHOICE_WAIT, CHOICE_FAIL };
/* What the present supply of B means for X: send, with *KEY where a credential is wanted; wait for
 * the next supply; or fail with WHY. */
enum choice credential_choose(const struct exchange *x, const struct gateway_backend *b,
                              unsigned *key, enum reason *why) MUST_CHECK;
/* Whether the credential of S belongs to what X asks for. */
bool credential_goes_to(const struct exchange *x, const struct stock *s);
/* The endpoint refused the key that A was sent with. */
void credential_refused(struct attempt *a);
/* It did not. */
void credential_accepted(struct attempt *a);
/* The route has been replaced: what X was refused is told there, too. */
void credential_follow(struct exchange *x);
/* Lets go of the secrets that were tried. */
void credential_forget(struct exchange *x);

/* --- request.c ----------------------------------------------------------------------------------
 */

/* Decides how the body is framed, with what is known of it when the first attempt begins. False:
 * out of memory. */
bool request_choose_framing(struct exchange *x) MUST_CHECK;
/* Keeps what of the caller's head goes to the endpoint. False: out of memory. */
bool request_keep_lines(struct exchange *x, const struct head *h) MUST_CHECK;
/* Whether a field NAME of a caller of ROUTE reaches the endpoint. */
bool request_passes(const struct config_route *route, struct text name);
/* By another route than the one that they were kept for: leaves out what that one sends itself. */
void request_follow(struct exchange *x);
size_t request_take_body(struct exchange *x, const char *bytes, size_t n);
void request_end_body(struct exchange *x);

/* --- gather.c -----------------------------------------------------------------------------------
 */

/* The answer of A, whose head is complete, is the caller's. True: all of it is seen first. */
bool gather_begin(struct attempt *a) MUST_CHECK;
/* More of it is here. */
void gather(struct attempt *a);
/* Whether the length that the answer to a HEAD tells is not that of the answer to a GET. */
bool gather_changes_length(const struct attempt *a);

/* --- swagger.c ----------------------------------------------------------------------------------
 */

/* Keeps what matters of the caller's head H. */
void swagger_asked(struct exchange *x, const struct head *h);
/* Answers with a document that is kept and fresh. False: there is none. */
bool swagger_kept(struct exchange *x) MUST_CHECK;
/* Adds to HEAD what asks after the document that is kept, if A's caller can be told that. */
void swagger_ask(struct attempt *a, struct buf *head);
/* The endpoint answered A with a document, or that the one that is kept will do: answers with it.
 * False: it is none that scoregate knows. */
bool swagger_answered(struct attempt *a) MUST_CHECK;

/* --- own_reply.c --------------------------------------------------------------------------------
 */

/* A problem document; DETAIL may be empty. */
void reply_problem(struct exchange *x, enum reason why, struct text detail);
/* own_body, a JSON document of AGE, to be kept as CACHE_CONTROL says; or, if the caller HAS it,
 * that. */
void reply_document(struct exchange *x, struct text etag, struct text cache_control, usec_t age,
                    bool has);
/* The answer to OPTIONS, or to a preflight. */
void reply_options(struct exchange *x);
/* Fields that every answer of this exchange carries, CORS included. Returns how many. */
size_t reply_common_fields(struct exchange *x, struct field_line *fields, size_t max);
#define REPLY_COMMON_MAX 12
/* Whether a head with these N FIELDS fits into what libmicrohttpd has for it. */
bool reply_fits(const struct exchange *x, const struct field_line *fields, size_t n);
