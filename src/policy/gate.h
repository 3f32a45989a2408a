/* SPDX-License-Identifier: MIT */
/* The gate of a route: how many of its requests are at the endpoints at once, over all workers, and
 * in which order the others wait. The one mutable thing that workers share; each function takes the
 * gate's lock for a moment, and nothing is called while it is held but wake().
 *
 * A lane is a backend of the route. A request asks with a ticket, says which lanes will do, and is
 * let into one of them, or waits. Those that wait are served in turns, one of each caller, and each
 * caller's in the order in which they came: who sends a thousand at once waits for himself. A place
 * that becomes free goes straight to whoever is next and can use it, so that nobody overtakes and
 * no wake-up is lost: the ticket is granted, and its worker is woken to take it.
 *
 * How many a lane takes is the smaller of what is known (the configuration, Azure's rule) and what
 * is learnt from answers that say "too many" (policy/limit.h). */
#pragma once

#include "base/clock.h"
#include "base/list.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

#define GATE_LANES_MAX 16

struct gate;

/* One worker's end of the gate. All fields are the gate's. */
struct gate_port {
    struct list granted;
    struct gate *gate;
    unsigned tickets; /* that have not left */
    bool woken;
    /* Something was granted by another thread: have gate_take() called in the port's own. Called
     * from any thread, with the lock held; must not call the gate. */
    void (*wake)(struct gate_port *port);
};

enum gate_place {
    GATE_OUTSIDE, /* neither waits nor has a place */
    GATE_WAITING, /* also when a place was granted, until gate_take() has told */
    GATE_INSIDE,  /* has a place in its lane */
    GATE_FULL,    /* gate_enter() only: as many wait as may; the ticket is outside */
};

/* Embedded in its owner, zeroed at first; used by one thread, that of its port. The owner may read
 * what the last lines say at any time, and LANE when it is inside. */
struct gate_ticket {
    struct list node;      /* in the turns or the line of its caller; or granted, at its port */
    struct list chain;     /* of the first of its line: see policy/gate_queue.h */
    struct list followers; /* likewise: the others of its line */
    uint32_t line_wanted;  /* likewise: lanes that the line wants, or some more */
    uint32_t lanes;        /* those that will do, as a set of bits */
    unsigned preferred;    /* of these */
    unsigned lane;         /* that it is in */
    uint64_t caller;
    bool again, granted;

    struct gate_port *port; /* NULL: outside */
    enum gate_place place;
    usec_t since; /* when it came; when inside: when it was let in, as its port heard of it */
};

struct gate_lane_limit {
    unsigned known; /* 0: nothing is, and if it does not learn, it takes any number */
    bool learn;     /* from answers that say "too many" */
};

struct gate_limits {
    unsigned total; /* over all lanes; 0: no limit but theirs */
    unsigned queue; /* how many may wait */
    unsigned lane_count;
    struct gate_lane_limit lanes[GATE_LANES_MAX];
};

/* One reference; NULL if memory is out. */
struct gate *gate_new(const struct gate_limits *limits) MUST_CHECK;
struct gate *gate_ref(struct gate *gate);
void gate_unref(struct gate **gate); /* NULL is fine */
/* From any thread. Who is inside or waits stays, even if that is too many now, and nobody is let in
 * until it fits; new places go to those that wait at once. What is learnt is kept by lanes that go
 * on learning. The number of lanes stays what it was. */
void gate_set_limits(struct gate *gate, const struct gate_limits *limits);
/* The same, of what is known of one lane. */
void gate_set_known(struct gate *gate, unsigned lane, unsigned known);

/* The port holds a reference. Before it is done, each of its tickets has left. */
void gate_port_init(struct gate_port *port, struct gate *gate,
                    void (*wake)(struct gate_port *port));
void gate_port_done(struct gate_port *port);
/* The next ticket that was granted, now inside; NULL: none. Called when woken, and after
 * gate_leave() or gate_choose() has returned true, until it returns NULL: only then is the port
 * woken again. */
struct gate_ticket *gate_take(struct gate_port *port, usec_t now);

/* Asks for a place in one of LANES (not empty), best in PREFERRED, else where the most is left:
 * GATE_INSIDE, GATE_WAITING, or GATE_FULL. CALLER: whoever asks, by any hash. AGAIN: it was inside
 * before and was not served: it has had its turn, and goes before all that have not, even where the
 * queue is full. */
enum gate_place gate_enter(struct gate_port *port, struct gate_ticket *t, uint64_t caller,
                           uint32_t lanes, unsigned preferred, bool again, usec_t now) MUST_CHECK;
/* Other lanes will do from now on, for one that waits; it stays where it is in its line. If a place
 * was granted that will not do any more, that one is given up, and it is the next of its caller.
 * True: as gate_leave(). */
bool gate_choose(struct gate_ticket *t, uint32_t lanes, unsigned preferred, usec_t now);
/* Another port of the same gate and thread tells of T from now on, which waits and keeps its place.
 * True: TO has something granted, as gate_leave() says. */
bool gate_move(struct gate_ticket *t, struct gate_port *to);
/* Gives up its place, wherever that is; fine from outside. True: something was granted on the same
 * port, and gate_take() has it; other ports are woken. */
bool gate_leave(struct gate_ticket *t, usec_t now);

/* The endpoint served the request of T, which is inside; it answered that there are too many. Once
 * for each time that it is inside, before it leaves. Places that are learnt go to those that wait:
 * their ports are woken, the own one too. */
void gate_served(struct gate_ticket *t);
void gate_refused(struct gate_ticket *t, usec_t now);

struct gate_figures {
    unsigned inside, waiting; /* a place that was granted counts as inside */
    unsigned limit;           /* in effect over all lanes; 0: none */
    usec_t expected_wait;     /* of one that came now, from how fast those that waited were let in
                               * of late; 0 if a lane has room */
    unsigned lane_limits[GATE_LANES_MAX], lane_inside[GATE_LANES_MAX]; /* a limit of 0: none */
};
void gate_look(struct gate *gate, usec_t now, struct gate_figures *figures);
