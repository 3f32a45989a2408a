/* SPDX-License-Identifier: MIT */
/* The acceptor: a thread that takes every new caller and hands it to the worker with the fewest, so
 * that sockets of all kinds spread evenly, and limits are kept in one place. */
#pragma once

#include "base/macros.h"
#include "daemon/worker.h"

#include <stdbool.h>
#include <stddef.h>

struct acceptor;

struct acceptor_listener {
    int fd;
    const struct access_list *access; /* outlives the acceptor */
};

/* Starts the thread; the descriptors stay the caller's, to close after acceptor_stop(). */
struct acceptor *acceptor_start(const struct acceptor_listener *listeners, size_t listener_count,
                                struct worker *const *workers, size_t worker_count,
                                unsigned max_connections) MUST_CHECK;
/* Takes no more callers; waits for the thread and frees it. */
void acceptor_stop(struct acceptor **acceptor);
