/* SPDX-License-Identifier: MIT */
/* A fake front and a fake upstream around the real exchange, with a clock that is moved by hand. A
 * test plays the caller with caller_*, the endpoint with peer_*, the control thread with
 * supply_*, and time with time_passes(). */
#pragma once

#include "base/buf.h"
#include "gateway/gateway.h"

#include <stdbool.h>

struct caller { /* the fake front's request */
    void *handle;
    struct caller_info info;
    struct field_line fields[32];
    struct head head;
    bool replied, whole, cut, close, done, answered, wants_body, body_ready;
    unsigned replies, status;
    struct buf fields_text; /* "Name: value\n" each */
    uint64_t length;
    const char *body; /* of caller_posts(): what was not taken yet, */
    size_t left;      /* and how much that is */
    struct text whole_body;
    size_t head_room;
};

/* What the endpoint's side of a connection sees and does. */
struct conn {
    int number; /* counted from 1 in the order of dialling */
    char host[64];
    struct conn_book book;
    void (*ready)(void *owner);
    void *owner;
    struct buf sent;     /* everything that scoregate sent on it, */
    size_t used_from;    /* and where that of its present owner begins */
    struct buf incoming; /* what it will receive */
    int end;             /* enum conn_result once incoming is empty; CONN_AGAIN: open */
    bool may_read, may_write, dead, closed, acknowledged, send_fails;
    size_t send_limit;  /* bytes that go out before "again" */
    size_t answered_to; /* for tests: how much of what was sent has its answer */
};

/* What the control thread was told. */
struct told {
    bool accepted; /* else refused, or crowded */
    bool crowded;
    uint64_t generation, revision;
    unsigned backend, key;
};

/* A configuration of one route at /score, or of none, made ready; for reloads. */
struct scene {
    struct plan plan;
    struct config config;
    struct config_route route;
    struct config_backend list[CONFIG_BACKENDS_MAX], *backends[CONFIG_BACKENDS_MAX];
    struct route_table *table; /* its own; NULL: that of the world */
    struct trust *trust;
    struct gate *gate;
    struct tally *tally;
};

struct world {
    struct loop loop;
    struct config config;
    struct plan plan;    /* of the config; nobody frees it */
    struct trust *trust; /* none */
    struct gate *gate;   /* likewise */
    struct tally *tally, *others;
    unsigned woken; /* by a gate */
    struct config_route route;
    struct config_backend list[CONFIG_BACKENDS_MAX], *backends[CONFIG_BACKENDS_MAX];
    struct endpoint *endpoint;                    /* of the supplies that are made */
    struct supply *supplies[CONFIG_BACKENDS_MAX]; /* the last ones that came */
    struct gate *gates[64];                       /* all that were made */
    unsigned gate_count;
    struct scene *scenes[256];
    unsigned scene_count;
    uint64_t revision; /* of the last one */
    struct told told[64];
    unsigned told_count;
    bool deaf; /* the control thread hears nothing: memory is out for the message */
    const unsigned char *caller_address; /* of callers that begin; NULL: the loopback one */
    struct gateway *gateway;
    struct conn *conns[2048];
    int conn_count;
    bool refuse_dials; /* dials stay pending until dial_succeeds() or dial_fails() */
    struct {
        const char *host;
        enum reason why;
    } down[CONFIG_BACKENDS_MAX]; /* dials to these fail in the turn */
    unsigned given_back, dropped, learnt;
    usec_t learnt_age;
};

extern struct world world;

/* Before and after each test. */
int world_begin(void **state);
int world_end(void **state);
/* Part of the latter: plans, gates and supplies, which nobody else holds any more. */
void scenes_end(void);

/* A supply that can be used, for the test to change; NULL: no such key. It has the next revision.
 */
struct supply *supply_made(const char *primary, const char *secondary);
struct supply *supply_pending(void);
struct supply *supply_refused(enum reason why);
/* The control thread hands it in, and forgets it. */
void supply_comes(struct supply *s);
/* From now on supplies are for HOST, with the description at SWAGGER_HOST. */
void endpoint_moves(const char *host, const char *swagger_host);
/* The gateway begins again, with FIRST. */
void gateway_restarts(struct supply *first);

void time_passes(usec_t duration);
/* One end of a turn: exchanges that began are started, gates let in, dials end. */
void turn(void);

/* --- several backends, gates, reloads ----------------------------------------------------------
 */

/* The gateway ends; from its next start on the route has N backends, at host_of() each, with a
 * weight of 1 and the priority 0. */
void backends_are(unsigned n);
/* "one.example", … */
const char *host_of(unsigned backend);
/* A supply for BACKEND at its own host. */
struct supply *supply_for(unsigned backend, const char *primary, const char *secondary);
void supply_comes_to(unsigned backend, struct supply *s);
/* The gateway begins with a supply for each backend: "key-1", "key-2", … */
void gateway_restarts_whole(void);
/* From now on dials to HOST fail with WHY; REASON_NONE: no more. */
void host_is_down(const char *host, enum reason why);
unsigned dials_waiting(const char *host);

/* A gate of the present number of backends, for a plan to have. KNOWN: of each of them; 0: only
 * TOTAL limits. */
struct gate *gate_made(unsigned total, unsigned known, unsigned queue);
void gate_figures_now(struct gate_figures *figures);

/* The present plan once more, for the test to change before scene_is_loaded(). */
struct scene *scene_copied(void);
/* It has no route. */
void scene_is_emptied(struct scene *s);
/* The gateway goes on with it and the last supplies. */
void scene_is_loaded(struct scene *s);
/* The present one. */
struct config_route *route_now(void);

/* What random_u64() gives begins anew. */
void random_begins(uint64_t seed);

/* A request begins. FIELDS: "Name: value" strings, ended by NULL. */
struct caller *caller_begins(const char *method, const char *target, const char *const *fields);
/* One that calls the gateway HOST, which is "localhost" otherwise. */
struct caller *caller_begins_at(const char *host, const char *method, const char *target,
                                const char *const *fields);
/* Offers bytes; returns how many were taken. */
size_t caller_sends(struct caller *c, const char *bytes, size_t n);
void caller_ends(struct caller *c);
/* A request with a body, all of it if it is taken, and the turn in which it starts. */
struct caller *caller_posts(const char *target, const char *body);
struct caller *caller_gets(const char *target);
/* Likewise, of a program that calls itself NAME. */
struct caller *caller_named(const char *name, const char *body);
/* Sends the rest of such a body, if that is wanted; what was not taken at first is still there. */
void caller_goes_on(struct caller *c);
/* Pulls what there is into a string that the next call overwrites; *RESULT gets the last result. */
const char *caller_pulls(struct caller *c, ssize_t *result);
/* The request is over for the front. */
void caller_is_done(struct caller *c, bool answered);
/* The value of a field of the reply, or NULL. Overwritten by the next call. */
const char *reply_field(const struct caller *c, const char *name);

/* The newest connection, or the Nth (from 1). */
struct conn *peer(int number);
void peer_sends(struct conn *c, const char *bytes);
void peer_closes(struct conn *c, int how); /* CONN_END, CONN_TRUNCATED, CONN_FAILED */
/* What the peer has got so far, as a string. */
const char *peer_got(struct conn *c);
/* The first dial that waits ends. */
void dial_succeeds(void);
void dial_fails(enum reason why);
