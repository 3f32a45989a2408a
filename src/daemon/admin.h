/* SPDX-License-Identifier: MIT */
/* What the admin listener answers: a page to look at, health, status, metrics, and two operations.
 * On the same server code as the workers, in the control thread. */
#pragma once

#include "base/macros.h"
#include "config/config.h"
#include "daemon/keeper.h"
#include "gateway/caller.h"
#include "sys/loop.h"

#include <stdbool.h>

struct admin {
    struct config *config;
    struct keeper *keeper;
    const struct loop *loop; /* for the time */
    usec_t started;          /* monotonic */
    bool draining;           /* /readyz says no, so that balancers turn elsewhere */
};

/* The handler; its context is a struct admin. */
extern const struct caller_handler admin_handler;
