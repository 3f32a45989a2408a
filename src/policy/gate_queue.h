/* SPDX-License-Identifier: MIT */
/* Those that wait at a gate, in lines: one of each caller, who takes turns with the others. A line
 * is made of its tickets: the first is in the round of turns, the others hang on it. Allocates
 * nothing. Only for gate.c, which holds the lock. */
#pragma once

#include "policy/gate.h"

#define GATE_CHAIN_BITS 10

struct gate_queue {
    struct list turns; /* the first of each line; whose turn is next in front */
    struct list chains[1 << GATE_CHAIN_BITS]; /* the same by caller */
    unsigned waiting;
    uint32_t wanted; /* nobody waits for any other lane */
};

void gate_queue_init(struct gate_queue *q);
/* At the end of its caller's line; with t->again before those of the line without, and the line's
 * turn is next, after such lines that are in front already. */
void gate_queue_add(struct gate_queue *q, struct gate_ticket *t);
/* In front of its caller's line. */
void gate_queue_add_front(struct gate_queue *q, struct gate_ticket *t);
void gate_queue_remove(struct gate_queue *q, struct gate_ticket *t);
/* The lanes of T, which is in the queue, have changed. */
void gate_queue_changed(struct gate_queue *q, struct gate_ticket *t);
/* Takes out whose turn it is for one of LANES: of the first line that has such a ticket, the first.
 * The line's turn is over with it. NULL: nobody waits for these lanes. */
struct gate_ticket *gate_queue_take(struct gate_queue *q, uint32_t lanes);
