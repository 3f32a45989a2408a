/* SPDX-License-Identifier: MIT */
/* One epoll loop: watches on descriptors, timers, and the time of the turn. A loop, and everything
 * that is registered with it, belongs to one thread.
 *
 * A turn is: wait, read the clock once, dispatch what is ready, fire what is due. A watch or timer
 * may be removed, and its owner freed, from inside any callback: what is left of the batch forgets
 * it. */
#pragma once

#include "base/clock.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_BATCH 256

/* Embedded in its owner. READY gets the epoll events. */
struct watch {
    int fd;
    void (*ready)(struct watch *watch, uint32_t events);
};

/* Embedded in its owner. Moving a deadline later, or clearing it, is a plain store: the heap is put
 * right when the old deadline comes. */
struct timer {
    usec_t deadline; /* USEC_NEVER: not set */
    usec_t key;      /* where the heap has it */
    size_t slot;     /* index in the heap + 1; 0: not there */
    void (*fire)(struct timer *timer, usec_t now);
};

struct loop {
    int epoll;
    usec_t now; /* time of this turn */
    struct timer **heap;
    size_t timer_count, timer_capacity, timers_reserved;
    struct epoll_event batch[LOOP_BATCH];
    int batch_count, batch_next;
};

/* False with errno set on failure. */
bool loop_init(struct loop *loop) MUST_CHECK;
void loop_done(struct loop *loop);

/* Registers W for EVENTS (EPOLLIN, EPOLLET, …); false with errno set on failure. */
bool loop_watch(struct loop *loop, struct watch *w, uint32_t events) MUST_CHECK;
bool loop_change(struct loop *loop, struct watch *w, uint32_t events) MUST_CHECK;
/* Removes W; its descriptor is still open. */
void loop_unwatch(struct loop *loop, struct watch *w);
/* Forgets W; its descriptor is closed already, or about to be. */
void loop_forget(struct loop *loop, struct watch *w);

/* Prepares a timer and makes room for it, so that timer_set() cannot fail. False: out of memory. */
bool timer_init(struct loop *loop, struct timer *t,
                void (*fire)(struct timer *timer, usec_t now)) MUST_CHECK;
void timer_done(struct loop *loop, struct timer *t);
void timer_set(struct loop *loop, struct timer *t, usec_t deadline);
static inline void timer_clear(struct timer *t) {
    t->deadline = USEC_NEVER;
}

/* One turn. Waits until something is ready, a timer is due, or UNTIL (a time of the monotonic
 * clock; 0: do not wait; USEC_NEVER: no limit). False if epoll failed for good. */
bool loop_turn(struct loop *loop, usec_t until) MUST_CHECK;
