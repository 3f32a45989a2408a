/* SPDX-License-Identifier: MIT */
/* The lines of policy/gate_queue.h. Which lanes are wanted is noted per line and over all, so that
 * those that wait for another lane are not looked at each time. A note may say too much when a
 * ticket has left; who looks in vain corrects it. */
#include "policy/gate_queue.h"

void gate_queue_init(struct gate_queue *q) {
    list_init(&q->turns);
    for (size_t i = 0; i < ARRAY_LEN(q->chains); i++)
        list_init(&q->chains[i]);
    q->waiting = 0;
    q->wanted = 0;
}

/* The caller is any hash, perhaps a poor one: spread by Fibonacci hashing. */
static struct list *chain_of(struct gate_queue *q, uint64_t caller) {
    return &q->chains[caller * 0x9e3779b97f4a7c15 >> (64 - GATE_CHAIN_BITS)];
}

static struct gate_ticket *first_of(struct gate_queue *q, uint64_t caller) {
    list_each (node, tmp, chain_of(q, caller)) {
        struct gate_ticket *first = list_entry(node, struct gate_ticket, chain);
        if (first->caller == caller)
            return first;
    }
    return NULL;
}

static bool is_first(const struct gate_ticket *t) {
    return !list_empty(&t->chain);
}

static void leave_turns(struct gate_ticket *first) {
    list_remove(&first->node);
    list_remove(&first->chain);
}

/* NEXT, which is in no list, becomes the first of the line; FIRST is in no list then. */
static void take_over(struct gate_ticket *next, struct gate_ticket *first) {
    list_insert_after(&first->node, &next->node);
    list_insert_after(&first->chain, &next->chain);
    list_take_all(&next->followers, &first->followers);
    next->line_wanted = first->line_wanted;
    leave_turns(first);
}

static void note_wanted(struct gate_queue *q, struct gate_ticket *first, uint32_t lanes) {
    first->line_wanted |= lanes;
    q->wanted |= lanes;
}

/* Outside of all lists. Returns the first of its caller's line, or NULL. */
static struct gate_ticket *prepare(struct gate_queue *q, struct gate_ticket *t) {
    list_init(&t->node);
    list_init(&t->chain);
    list_init(&t->followers);
    q->waiting++;
    return first_of(q, t->caller);
}

/* Behind the lines in front whose first was inside before. */
static struct list *end_of_again(struct gate_queue *q) {
    struct list *place = &q->turns;
    while (place->next != &q->turns && list_entry(place->next, struct gate_ticket, node)->again)
        place = place->next;
    return place;
}

static void begin_line(struct gate_queue *q, struct gate_ticket *t) {
    list_insert_after(t->again ? end_of_again(q) : q->turns.prev, &t->node);
    list_push_front(chain_of(q, t->caller), &t->chain);
    t->line_wanted = 0;
    note_wanted(q, t, t->lanes);
}

static void go_first(struct gate_queue *q, struct gate_ticket *t, struct gate_ticket *first) {
    take_over(t, first);
    list_push_front(&t->followers, &first->node);
    note_wanted(q, t, t->lanes);
}

/* Behind those that were inside before, too, which are few: no more than a gate lets in. */
static void follow_again(struct gate_ticket *first, struct gate_ticket *t) {
    struct list *place = &first->followers;
    while (place->next != &first->followers &&
           list_entry(place->next, struct gate_ticket, node)->again)
        place = place->next;
    list_insert_after(place, &t->node);
}

void gate_queue_add(struct gate_queue *q, struct gate_ticket *t) {
    struct gate_ticket *first = prepare(q, t);
    if (!first) {
        begin_line(q, t);
    } else if (!t->again) {
        list_push_back(&first->followers, &t->node);
        note_wanted(q, first, t->lanes);
    } else if (first->again) {
        follow_again(first, t);
        note_wanted(q, first, t->lanes);
    } else {
        go_first(q, t, first);
        list_remove(&t->node);
        list_insert_after(end_of_again(q), &t->node);
    }
}

void gate_queue_add_front(struct gate_queue *q, struct gate_ticket *t) {
    struct gate_ticket *first = prepare(q, t);
    if (first)
        go_first(q, t, first);
    else
        begin_line(q, t);
}

void gate_queue_remove(struct gate_queue *q, struct gate_ticket *t) {
    q->waiting--;
    if (!is_first(t)) {
        list_remove(&t->node);
        return;
    }
    struct list *next = list_pop_front(&t->followers);
    if (next)
        take_over(list_entry(next, struct gate_ticket, node), t);
    else
        leave_turns(t);
}

void gate_queue_changed(struct gate_queue *q, struct gate_ticket *t) {
    note_wanted(q, is_first(t) ? t : first_of(q, t->caller), t->lanes);
}

/* The first of a line that wants one of LANES, or NULL. */
static struct gate_ticket *find(struct gate_ticket *first, uint32_t lanes) {
    if (!(first->line_wanted & lanes))
        return NULL;
    if (first->lanes & lanes)
        return first;
    list_each (node, tmp, &first->followers) {
        struct gate_ticket *t = list_entry(node, struct gate_ticket, node);
        if (t->lanes & lanes)
            return t;
    }
    first->line_wanted &= ~lanes;
    return NULL;
}

struct gate_ticket *gate_queue_take(struct gate_queue *q, uint32_t lanes) {
    if (!(q->wanted & lanes))
        return NULL;
    list_each (node, tmp, &q->turns) {
        struct gate_ticket *t = find(list_entry(node, struct gate_ticket, node), lanes);
        if (!t)
            continue;
        list_remove(node);
        list_push_back(&q->turns, node);
        gate_queue_remove(q, t);
        return t;
    }
    q->wanted &= ~lanes;
    return NULL;
}
