/* SPDX-License-Identifier: MIT */
/* The mailbox of sys/mailbox.h: a list under a lock and an eventfd that wakes the loop. The whole
 * list is detached at once, so that the lock is never held while a message is handled. */
#include "sys/mailbox.h"

#include <sys/eventfd.h>
#include <unistd.h>

static void deliver(struct mailbox *m) {
    struct list batch;
    pthread_mutex_lock(&m->lock);
    list_take_all(&batch, &m->waiting);
    pthread_mutex_unlock(&m->lock);
    struct list *node;
    while ((node = list_pop_front(&batch)))
        m->receive(m->context, list_entry(node, struct message, node));
}

static void on_ready(struct watch *watch, uint32_t events) {
    (void)events;
    struct mailbox *m = container_of(watch, struct mailbox, watch);
    uint64_t count;
    /* Nothing to read means that an earlier turn has taken it; the list tells the truth. */
    if (read(watch->fd, &count, sizeof count) < 0)
        count = 0;
    deliver(m);
}

bool mailbox_init(struct mailbox *m, struct loop *loop,
                  void (*receive)(void *context, struct message *message), void *context) {
    *m = (struct mailbox){.loop = loop, .receive = receive, .context = context};
    list_init(&m->waiting);
    m->watch = (struct watch){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .ready = on_ready};
    if (m->watch.fd < 0) {
        m->loop = NULL; /* mailbox_done() is not for this one */
        return false;
    }
    pthread_mutex_init(&m->lock, NULL);
    if (loop_watch(loop, &m->watch, EPOLLIN))
        return true;
    close(m->watch.fd);
    pthread_mutex_destroy(&m->lock);
    m->loop = NULL;
    return false;
}

void mailbox_done(struct mailbox *m) {
    deliver(m);
    loop_unwatch(m->loop, &m->watch);
    close(m->watch.fd);
    pthread_mutex_destroy(&m->lock);
}

void mailbox_post(struct mailbox *m, struct message *message) {
    pthread_mutex_lock(&m->lock);
    bool first = list_empty(&m->waiting);
    list_push_back(&m->waiting, &message->node);
    pthread_mutex_unlock(&m->lock);
    if (!first)
        return;
    uint64_t one = 1;
    /* An eventfd whose counter is full is readable, so that a failed write still wakes the loop. */
    if (write(m->watch.fd, &one, sizeof one) < 0)
        return;
}
