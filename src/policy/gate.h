/* SPDX-License-Identifier: MIT */
/* The gate of a route: how many of its requests are at the endpoints at once, over all workers, and
 * in which order the others wait. The one mutable thing that workers share; each function takes the
 * gate's lock for a moment, and nothing is called while it is held but wake().
 *
 * A lane is a backend of the route. A request asks with a ticket, says which lanes will do, and is
 * let into one of them, or waits. Those that wait are served in turns, one of each caller, and each
 * caller's in the order in which they came: who sends a thousand at once waits for himself. A place
 * that becomes free goes straight to whoever is next, so that nobody overtakes and no wake-up is
 * lost: the ticket is granted, and its worker is woken to take it.
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
    struct list node, granted;
    struct gate *gate;
    bool woken;
    /* Something was granted by another thread: have gate_take() called in the port's own. Called
     * from any thread, with the lock held; must not call the gate. */
    void (*wake)(struct gate_port *port);
};

enum gate_place {
    GATE_OUTSIDE, /* neither waits nor has a place */
    GATE_WAITING,
    GATE_GRANTED, /* has a place, and gate_take() has not told yet */
    GATE_INSIDE,  /* has a place in its lane */
    GATE_FULL,    /* gate_enter() only: as many wait as may; the ticket is outside */
};

/* Embedded in its owner, zeroed at first; used by one thread, that of its port. */
struct gate_ticket {
    struct list node, followers; /* followers: of the same caller, if it is the first of it */
    struct list chain;
    struct gate_port *port;
    uint64_t caller;
    uint32_t lanes;     /* those that will do, as a set of bits */
    unsigned preferred; /* of these */
    unsigned lane;      /* that it is in, when granted or inside */
    usec_t since;       /* when it came, or was let in */
    enum gate_place place;
};

struct gate_lane_limit {
    unsigned known; /* 0: nothing is */
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
/* From any thread. Who is inside or waits stays, even if that is too many now; what is learnt is
 * kept as far as it still applies. The number of lanes stays what it was. */
void gate_set_limits(struct gate *gate, const struct gate_limits *limits);
/* The same, of what is known of one lane. */
void gate_set_known(struct gate *gate, unsigned lane, unsigned known);

/* The port holds a reference. Before it is done, each of its tickets has left. */
void gate_port_init(struct gate_port *port, struct gate *gate,
                    void (*wake)(struct gate_port *port));
void gate_port_done(struct gate_port *port);
/* The next ticket that was granted, now inside; NULL: none. Called when woken, and after
 * gate_leave() has returned true. */
struct gate_ticket *gate_take(struct gate_port *port);

/* Asks for a place in one of LANES (not empty), best in PREFERRED: GATE_INSIDE, GATE_WAITING, or
 * GATE_FULL. CALLER: whoever asks, by any hash. AGAIN: it was inside before, and goes before those
 * of its caller that wait, even where the queue is full. */
enum gate_place gate_enter(struct gate_port *port, struct gate_ticket *t, uint64_t caller,
                           uint32_t lanes, unsigned preferred, bool again, usec_t now) MUST_CHECK;
/* Other lanes will do from now on, for one that waits. True: as gate_leave(). */
bool gate_choose(struct gate_ticket *t, uint32_t lanes, unsigned preferred, usec_t now);
/* Gives up its place, wherever that is; fine from outside. True: something was granted on the same
 * port, and gate_take() has it; other ports are woken. */
bool gate_leave(struct gate_ticket *t, usec_t now);

/* The endpoint served the request of T, which is inside; it answered that there are too many. */
void gate_served(struct gate_ticket *t, usec_t now);
void gate_refused(struct gate_ticket *t, usec_t now);

struct gate_figures {
    unsigned inside, waiting;
    unsigned limit;       /* in effect over all lanes; 0: none */
    usec_t expected_wait; /* of one that came now, from how fast places became free of late */
    unsigned lane_limits[GATE_LANES_MAX], lane_inside[GATE_LANES_MAX];
};
void gate_look(struct gate *gate, usec_t now, struct gate_figures *figures);
