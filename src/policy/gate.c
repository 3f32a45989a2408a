/* SPDX-License-Identifier: MIT */
/* The gate of policy/gate.h. What holds whenever the lock is free: nobody waits for a lane that has
 * room. So whoever comes and finds room overtakes nobody, and each function that makes room lets in
 * those that wait before it is done. */
#include "policy/gate.h"

#include "policy/gate_pace.h"
#include "policy/gate_queue.h"
#include "policy/limit.h"

#include <assert.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define NO_LIMIT UINT_MAX

struct lane {
    unsigned known; /* NO_LIMIT: nothing is */
    bool learns;
    struct limit learnt;
    unsigned limit, inside; /* limit: the one in effect */
};

struct gate {
    atomic_int references;
    pthread_mutex_t lock; /* of all that follows */
    unsigned lane_count, total, queue_max, inside;
    struct lane lanes[GATE_LANES_MAX];
    struct gate_queue queue;
    struct gate_pace pace;
};

/* --- places --------------------------------------------------------------------------------- */

static bool has_room(const struct lane *lane) {
    return lane->inside < lane->limit;
}

/* Those of LANES where there is room. */
static uint32_t open_lanes(const struct gate *gate, uint32_t lanes) {
    uint32_t open = 0;
    if (gate->inside >= gate->total)
        return 0;
    for (unsigned i = 0; i < gate->lane_count; i++)
        if (lanes & 1U << i && has_room(&gate->lanes[i]))
            open |= 1U << i;
    return open;
}

/* Whether more of A is left than of B, each relative to its limit. */
static bool more_left(const struct lane *a, const struct lane *b) {
    return (uint64_t)(a->limit - a->inside) * b->limit >
           (uint64_t)(b->limit - b->inside) * a->limit;
}

/* The best of OPEN lanes, which are not none. */
static unsigned best_lane(const struct gate *gate, uint32_t open, unsigned preferred) {
    if (open & 1U << preferred)
        return preferred;
    unsigned best = (unsigned)__builtin_ctz(open);
    for (unsigned i = best + 1; i < gate->lane_count; i++)
        if (open & 1U << i && more_left(&gate->lanes[i], &gate->lanes[best]))
            best = i;
    return best;
}

static void occupy(struct gate *gate, struct gate_ticket *t, uint32_t open) {
    t->lane = best_lane(gate, open & t->lanes, t->preferred);
    gate->lanes[t->lane].inside++;
    gate->inside++;
}

static void vacate(struct gate *gate, const struct gate_ticket *t) {
    gate->lanes[t->lane].inside--;
    gate->inside--;
}

/* --- who is next ---------------------------------------------------------------------------- */

/* OWN: the port of the calling thread if it is told by a return value, else NULL. */
static void grant(struct gate_ticket *t, const struct gate_port *own) {
    struct gate_port *port = t->port;
    t->granted = true;
    list_push_back(&port->granted, &t->node);
    if (port == own || port->woken)
        return;
    port->woken = true;
    port->wake(port);
}

/* All that fit. Returns how many of them had not been inside before. */
static unsigned let_in(struct gate *gate, const struct gate_port *own) {
    unsigned n = 0;
    while (gate->queue.waiting > 0) {
        uint32_t open = open_lanes(gate, gate->queue.wanted);
        struct gate_ticket *t = open ? gate_queue_take(&gate->queue, open) : NULL;
        if (!t)
            break;
        occupy(gate, t, open);
        grant(t, own);
        n += !t->again;
    }
    return n;
}

static void begin_waiting(struct gate *gate, usec_t now) {
    if (gate->queue.waiting == 0)
        gate_pace_begin(&gate->pace, now);
}

/* --- limits --------------------------------------------------------------------------------- */

static void apply(struct lane *lane) {
    lane->limit = lane->known;
    if (lane->learns && lane->learnt.now < lane->limit)
        lane->limit = lane->learnt.now;
}

static unsigned or_none(unsigned limit) {
    return limit ? limit : NO_LIMIT;
}

static void take_limits(struct gate *gate, const struct gate_limits *limits) {
    gate->total = or_none(limits->total);
    gate->queue_max = limits->queue;
    for (unsigned i = 0; i < gate->lane_count; i++) {
        struct lane *lane = &gate->lanes[i];
        lane->known = or_none(limits->lanes[i].known);
        if (limits->lanes[i].learn && !lane->learns)
            limit_init(&lane->learnt);
        lane->learns = limits->lanes[i].learn;
        apply(lane);
    }
}

void gate_set_limits(struct gate *gate, const struct gate_limits *limits) {
    assert(limits->lane_count == gate->lane_count);
    pthread_mutex_lock(&gate->lock);
    take_limits(gate, limits);
    let_in(gate, NULL);
    pthread_mutex_unlock(&gate->lock);
}

void gate_set_known(struct gate *gate, unsigned lane, unsigned known) {
    assert(lane < gate->lane_count);
    pthread_mutex_lock(&gate->lock);
    gate->lanes[lane].known = or_none(known);
    apply(&gate->lanes[lane]);
    let_in(gate, NULL);
    pthread_mutex_unlock(&gate->lock);
}

void gate_served(struct gate_ticket *t) {
    struct gate *gate = t->port->gate;
    struct lane *lane = &gate->lanes[t->lane];
    assert(t->place == GATE_INSIDE);
    pthread_mutex_lock(&gate->lock);
    if (lane->learns && limit_served(&lane->learnt, lane->inside, t->since)) {
        apply(lane);
        let_in(gate, NULL);
    }
    pthread_mutex_unlock(&gate->lock);
}

void gate_refused(struct gate_ticket *t, usec_t now) {
    struct gate *gate = t->port->gate;
    struct lane *lane = &gate->lanes[t->lane];
    assert(t->place == GATE_INSIDE);
    pthread_mutex_lock(&gate->lock);
    if (lane->learns && limit_refused(&lane->learnt, lane->inside, t->since, now))
        apply(lane);
    pthread_mutex_unlock(&gate->lock);
}

/* --- the gate ------------------------------------------------------------------------------- */

struct gate *gate_new(const struct gate_limits *limits) {
    assert(limits->lane_count > 0 && limits->lane_count <= GATE_LANES_MAX);
    struct gate *gate = calloc(1, sizeof *gate);
    if (!gate)
        return NULL;
    atomic_init(&gate->references, 1);
    pthread_mutex_init(&gate->lock, NULL);
    gate->lane_count = limits->lane_count;
    gate_queue_init(&gate->queue);
    take_limits(gate, limits);
    return gate;
}

struct gate *gate_ref(struct gate *gate) {
    atomic_fetch_add_explicit(&gate->references, 1, memory_order_relaxed);
    return gate;
}

void gate_unref(struct gate **pointer) {
    struct gate *gate = *pointer;
    *pointer = NULL;
    if (!gate || atomic_fetch_sub_explicit(&gate->references, 1, memory_order_acq_rel) != 1)
        return;
    assert(gate->inside == 0 && gate->queue.waiting == 0);
    pthread_mutex_destroy(&gate->lock);
    free(gate);
}

void gate_port_init(struct gate_port *port, struct gate *gate,
                    void (*wake)(struct gate_port *port)) {
    *port = (struct gate_port){.gate = gate_ref(gate), .wake = wake};
    list_init(&port->granted);
}

void gate_port_done(struct gate_port *port) {
    assert(port->tickets == 0);
    gate_unref(&port->gate);
}

/* --- tickets -------------------------------------------------------------------------------- */

enum gate_place gate_enter(struct gate_port *port, struct gate_ticket *t, uint64_t caller,
                           uint32_t lanes, unsigned preferred, bool again, usec_t now) {
    struct gate *gate = port->gate;
    assert(t->place == GATE_OUTSIDE);
    assert(lanes && lanes >> gate->lane_count == 0 && preferred < gate->lane_count);
    *t = (struct gate_ticket){.caller = caller,
                              .lanes = lanes,
                              .preferred = preferred,
                              .again = again,
                              .port = port,
                              .since = now};
    pthread_mutex_lock(&gate->lock);
    uint32_t open = open_lanes(gate, lanes);
    if (open) {
        occupy(gate, t, open);
        t->place = GATE_INSIDE;
    } else if (again || gate->queue.waiting < gate->queue_max) {
        begin_waiting(gate, now);
        gate_queue_add(&gate->queue, t);
        t->place = GATE_WAITING;
    }
    pthread_mutex_unlock(&gate->lock);
    if (t->place == GATE_OUTSIDE) {
        t->port = NULL;
        return GATE_FULL;
    }
    port->tickets++;
    return t->place;
}

struct gate_ticket *gate_take(struct gate_port *port, usec_t now) {
    struct gate_ticket *t = NULL;
    pthread_mutex_lock(&port->gate->lock);
    struct list *node = list_pop_front(&port->granted);
    if (node)
        t = list_entry(node, struct gate_ticket, node);
    else
        port->woken = false;
    pthread_mutex_unlock(&port->gate->lock);
    if (t) {
        t->granted = false;
        t->place = GATE_INSIDE;
        t->since = now;
    }
    return t;
}

bool gate_choose(struct gate_ticket *t, uint32_t lanes, unsigned preferred, usec_t now) {
    struct gate_port *port = t->port;
    struct gate *gate = port->gate;
    assert(t->place == GATE_WAITING);
    assert(lanes && lanes >> gate->lane_count == 0 && preferred < gate->lane_count);
    pthread_mutex_lock(&gate->lock);
    t->lanes = lanes;
    t->preferred = preferred;
    if (!t->granted) {
        gate_queue_changed(&gate->queue, t);
    } else if (!(lanes & 1U << t->lane)) {
        list_remove(&t->node);
        t->granted = false;
        vacate(gate, t);
        begin_waiting(gate, now);
        gate_queue_add_front(&gate->queue, t);
    }
    let_in(gate, port);
    bool granted = !list_empty(&port->granted);
    pthread_mutex_unlock(&gate->lock);
    return granted;
}

bool gate_move(struct gate_ticket *t, struct gate_port *to) {
    struct gate *gate = to->gate;
    assert(t->place == GATE_WAITING && t->port->gate == gate);
    pthread_mutex_lock(&gate->lock);
    t->port->tickets--;
    t->port = to;
    to->tickets++;
    if (t->granted) {
        list_remove(&t->node);
        list_push_back(&to->granted, &t->node);
    }
    bool granted = !list_empty(&to->granted);
    pthread_mutex_unlock(&gate->lock);
    return granted;
}

/* Whatever T has at the gate is given up. */
static void give_up(struct gate *gate, struct gate_ticket *t, usec_t now) {
    if (t->place == GATE_WAITING && !t->granted) {
        gate_queue_remove(&gate->queue, t);
        return;
    }
    if (t->granted)
        list_remove(&t->node);
    unsigned places = gate->inside;
    vacate(gate, t);
    /* A request that comes again and again takes the queue no further. */
    if (let_in(gate, t->port))
        gate_pace_count(&gate->pace, places, now);
}

bool gate_leave(struct gate_ticket *t, usec_t now) {
    struct gate_port *port = t->port;
    if (!port)
        return false;
    struct gate *gate = port->gate;
    pthread_mutex_lock(&gate->lock);
    give_up(gate, t, now);
    bool granted = !list_empty(&port->granted);
    pthread_mutex_unlock(&gate->lock);
    *t = (struct gate_ticket){.place = GATE_OUTSIDE};
    port->tickets--;
    return granted;
}

/* --- figures -------------------------------------------------------------------------------- */

/* Over all lanes. */
static unsigned whole_limit(const struct gate *gate) {
    unsigned sum = 0;
    for (unsigned i = 0; i < gate->lane_count; i++)
        sum = gate->lanes[i].limit < NO_LIMIT - sum ? sum + gate->lanes[i].limit : NO_LIMIT;
    return sum < gate->total ? sum : gate->total;
}

static unsigned shown(unsigned limit) {
    return limit == NO_LIMIT ? 0 : limit;
}

void gate_look(struct gate *gate, usec_t now, struct gate_figures *figures) {
    *figures = (struct gate_figures){0};
    pthread_mutex_lock(&gate->lock);
    figures->inside = gate->inside;
    figures->waiting = gate->queue.waiting;
    figures->limit = shown(whole_limit(gate));
    if (!open_lanes(gate, UINT32_MAX))
        figures->expected_wait =
            gate_pace_expect(&gate->pace, gate->queue.waiting, gate->inside, now);
    for (unsigned i = 0; i < gate->lane_count; i++) {
        figures->lane_limits[i] = shown(gate->lanes[i].limit);
        figures->lane_inside[i] = gate->lanes[i].inside;
    }
    pthread_mutex_unlock(&gate->lock);
}
