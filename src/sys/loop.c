/* SPDX-License-Identifier: MIT */
/* The loop of sys/loop.h on epoll(7), with its timers in a binary heap. */
#include "sys/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

bool loop_init(struct loop *loop) {
    *loop = (struct loop){.epoll = epoll_create1(EPOLL_CLOEXEC), .now = clock_monotonic()};
    return loop->epoll >= 0;
}

void loop_done(struct loop *loop) {
    if (loop->epoll >= 0)
        close(loop->epoll);
    free(loop->heap);
    *loop = (struct loop){.epoll = -1};
}

static bool control(struct loop *loop, int operation, struct watch *w, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = w};
    return epoll_ctl(loop->epoll, operation, w->fd, &event) == 0;
}

bool loop_watch(struct loop *loop, struct watch *w, uint32_t events) {
    return control(loop, EPOLL_CTL_ADD, w, events);
}

bool loop_change(struct loop *loop, struct watch *w, uint32_t events) {
    return control(loop, EPOLL_CTL_MOD, w, events);
}

void loop_forget(struct loop *loop, struct watch *w) {
    for (int i = loop->batch_next; i < loop->batch_count; i++)
        if (loop->batch[i].data.ptr == w)
            loop->batch[i].data.ptr = NULL;
}

void loop_unwatch(struct loop *loop, struct watch *w) {
    /* Fails only if the descriptor is not registered, which is what is wanted. */
    (void)control(loop, EPOLL_CTL_DEL, w, 0);
    loop_forget(loop, w);
}

static void heap_put(struct loop *loop, size_t index, struct timer *t) {
    loop->heap[index] = t;
    t->slot = index + 1;
}

static void heap_up(struct loop *loop, size_t index) {
    struct timer *t = loop->heap[index];
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (loop->heap[parent]->key <= t->key)
            break;
        heap_put(loop, index, loop->heap[parent]);
        index = parent;
    }
    heap_put(loop, index, t);
}

static void heap_down(struct loop *loop, size_t index) {
    struct timer *t = loop->heap[index];
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= loop->timer_count)
            break;
        if (child + 1 < loop->timer_count && loop->heap[child + 1]->key < loop->heap[child]->key)
            child++;
        if (t->key <= loop->heap[child]->key)
            break;
        heap_put(loop, index, loop->heap[child]);
        index = child;
    }
    heap_put(loop, index, t);
}

static void heap_remove(struct loop *loop, struct timer *t) {
    size_t index = t->slot - 1;
    struct timer *last = loop->heap[--loop->timer_count];
    t->slot = 0;
    if (last == t)
        return;
    heap_put(loop, index, last);
    heap_up(loop, index);
    heap_down(loop, last->slot - 1);
}

bool timer_init(struct loop *loop, struct timer *t, void (*fire)(struct timer *, usec_t)) {
    if (loop->timers_reserved == loop->timer_capacity) {
        size_t capacity = loop->timer_capacity ? 2 * loop->timer_capacity : 64;
        struct timer **heap = realloc(loop->heap, capacity * sizeof *heap);
        if (!heap)
            return false;
        loop->heap = heap;
        loop->timer_capacity = capacity;
    }
    loop->timers_reserved++;
    *t = (struct timer){.deadline = USEC_NEVER, .fire = fire};
    return true;
}

void timer_done(struct loop *loop, struct timer *t) {
    if (!t->fire)
        return;
    if (t->slot)
        heap_remove(loop, t);
    assert(loop->timers_reserved > 0);
    loop->timers_reserved--;
    t->fire = NULL;
}

void timer_set(struct loop *loop, struct timer *t, usec_t deadline) {
    t->deadline = deadline;
    if (deadline == USEC_NEVER || (t->slot && t->key <= deadline))
        return;
    t->key = deadline;
    if (!t->slot)
        heap_put(loop, loop->timer_count++, t);
    heap_up(loop, t->slot - 1);
}

/* As many as there are now: one that sets itself to a time that has passed waits for the next turn.
 */
static void fire_due(struct loop *loop) {
    for (size_t left = loop->timer_count;
         left && loop->timer_count && loop->heap[0]->key <= loop->now; left--) {
        struct timer *t = loop->heap[0];
        if (t->deadline <= loop->now) {
            heap_remove(loop, t);
            t->deadline = USEC_NEVER;
            t->fire(t, loop->now);
        } else if (t->deadline == USEC_NEVER) {
            heap_remove(loop, t);
        } else {
            t->key = t->deadline;
            heap_down(loop, 0);
        }
    }
}

/* Milliseconds for epoll_wait, rounded up so that a timer is due when the wait ends. */
static int wait_ms(const struct loop *loop, usec_t until) {
    if (until == 0)
        return 0;
    if (loop->timer_count && loop->heap[0]->key < until)
        until = loop->heap[0]->key;
    if (until == USEC_NEVER)
        return -1;
    usec_t left = until - clock_monotonic();
    if (left <= 0)
        return 0;
    usec_t ms = (left + USEC_PER_MS - 1) / USEC_PER_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

bool loop_turn(struct loop *loop, usec_t until) {
    int n = epoll_wait(loop->epoll, loop->batch, LOOP_BATCH, wait_ms(loop, until));
    if (n < 0 && errno != EINTR)
        return false;
    loop->now = clock_monotonic();
    loop->batch_count = n > 0 ? n : 0;
    for (loop->batch_next = 0; loop->batch_next < loop->batch_count;) {
        struct epoll_event *event = &loop->batch[loop->batch_next++];
        struct watch *w = event->data.ptr;
        if (w)
            w->ready(w, event->events);
    }
    loop->batch_count = loop->batch_next = 0;
    fire_due(loop);
    return true;
}
