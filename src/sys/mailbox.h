/* SPDX-License-Identifier: MIT */
/* How threads talk: typed messages in a queue that one loop reads. Anybody may post; the owner of
 * the loop gets each message, in order, in its own thread, and from then on owns it. */
#pragma once

#include "base/list.h"
#include "sys/loop.h"

#include <pthread.h>

/* Embedded as the first member of what is sent. */
struct message {
    struct list node;
    unsigned kind; /* an enum of the receiver */
};

struct mailbox {
    struct watch watch; /* on an eventfd */
    struct loop *loop;
    pthread_mutex_t lock;
    struct list waiting;
    void (*receive)(void *context, struct message *message);
    void *context;
};

/* False with errno set on failure. */
bool mailbox_init(struct mailbox *m, struct loop *loop,
                  void (*receive)(void *context, struct message *message),
                  void *context) MUST_CHECK;
/* No thread may post any more. Messages that were not received are handed to receive() first. */
void mailbox_done(struct mailbox *m);
/* From any thread. The message belongs to the receiver now. */
void mailbox_post(struct mailbox *m, struct message *message);
