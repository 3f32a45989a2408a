/* SPDX-License-Identifier: MIT */
/* What the admin listener answers: a page to look at, health, status, metrics, and two operations.
 * On the same server code as the workers, in the control thread. */
#pragma once

#include "base/macros.h"
#include "daemon/keeper.h"
#include "gateway/caller.h"
#include "gateway/plan.h"
#include "sys/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct admin {
    struct plan *plan; /* in effect; it and the keeper belong to the control thread */
    struct keeper *keeper;
    const struct loop *loop; /* for the time */
    usec_t started;          /* monotonic */
    bool draining;           /* /readyz says no, so that balancers turn elsewhere */
    uint64_t reloads_succeeded, reloads_failed;
};

/* The handler; its context is a struct admin. */
extern const struct caller_handler admin_handler;
