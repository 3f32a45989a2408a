/* SPDX-License-Identifier: MIT */
/* The acceptor: a thread that takes every new caller and hands it to the worker with the fewest, so
 * that sockets of all kinds spread evenly, and limits are kept in one place. For other listeners,
 * workers or limits there is another acceptor: it may begin before the one before it is stopped, so
 * that no caller is kept waiting. */
#pragma once

#include "base/macros.h"
#include "daemon/worker.h"

#include <stdbool.h>
#include <stddef.h>

struct acceptor;

struct acceptor_listener {
    int fd;
    const struct access_list *access; /* of the acceptor's configuration */
};

struct acceptor_options {
    struct config *config;
    const struct acceptor_listener *listeners;
    size_t listener_count;
    struct worker *const *workers; /* they outlive the acceptor */
    size_t worker_count;
    unsigned max_connections;
};

/* Starts the thread, which does nothing until acceptor_begin(). Takes a reference to the
 * configuration; the descriptors stay the caller's, to close after acceptor_stop(). NULL if that
 * fails (the log says why). */
struct acceptor *acceptor_new(const struct acceptor_options *options) MUST_CHECK;
/* Takes callers from now on. */
void acceptor_begin(struct acceptor *acceptor);
/* Takes no more callers; waits for the thread and frees it. NULL is fine. */
void acceptor_stop(struct acceptor **acceptor);
