/* SPDX-License-Identifier: MIT */
/* The running gateway: opens the listeners, starts the workers, serves until a signal says to stop,
 * drains. serve, try and demo all end here. */
#pragma once

#include "base/macros.h"
#include "config/config.h"
#include "config/load.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A listener that is open. */
struct bound {
    bool admin;
    bool is_unix;
    char address[108]; /* numeric, no brackets; or the socket's path */
    uint16_t port;     /* the real one */
};

struct run_options {
    const char *listen_file; /* receives one line per listener, or NULL */
    /* Called once in the calling thread when everything listens; may be NULL. */
    void (*on_ready)(void *context, const struct bound *bound, size_t count);
    /* At SIGHUP: the configuration as it is now, with one reference, or NULL with what is wrong in
     * ERRORS. NULL: it is not loaded again. */
    struct config *(*load)(void *context, struct config_errors *errors);
    void *context;
};

/* What only the daemon can check about a configuration: CA files load, client certificates fit
 * their keys, users and groups of the machine. Adds to ERRORS. Opens no socket. */
void run_check(const struct config *config, struct config_errors *errors);

/* Serves until SIGTERM or SIGINT has drained it (0) or something failed (1; the log says what).
 * SIGHUP reloads: what is wrong then leaves everything as it is, and the log says what. */
int run(struct config *config, const struct run_options *options) MUST_CHECK;
