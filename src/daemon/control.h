/* SPDX-License-Identifier: MIT */
/* What the control thread has: everything of the running gateway. Inside run.c and reload.c. */
#pragma once

#include "daemon/acceptor.h"
#include "daemon/admin.h"
#include "daemon/admin_listener.h"
#include "daemon/crew.h"
#include "daemon/keeper.h"
#include "daemon/listeners.h"
#include "daemon/run.h"
#include "gateway/plan.h"
#include "sys/mailbox.h"

struct control {
    const struct run_options *options;
    struct loop loop;
    struct mailbox mailbox;
    struct watch signals;
    struct timer drain_timer, watchdog, supply_timer;
    usec_t watchdog_interval; /* 0: nobody wants to hear */
    struct plan *plan;        /* in effect */
    struct keeper *keeper;
    struct listeners listeners;
    struct crew crew;
    struct acceptor *acceptor;
    struct admin admin;
    struct admin_listener *admin_listener; /* NULL: none */
    bool reloading, draining, failed;
};

/* run.c: what a start and a reload have in common. */
/* How many workers CONFIG means. */
size_t control_workers(const struct config *config);
/* One supply per backend in effect, borrowed; the array is the caller's to free. NULL: memory. */
struct supply **control_supplies(const struct control *c);
/* An acceptor for LISTENERS and the workers of CREW: KEEP of them, and those that are fresh. */
struct acceptor *control_acceptor(const struct listeners *listeners, struct config *config,
                                  const struct crew *crew, size_t keep) MUST_CHECK;
/* *L is NULL if there is no admin listener among LISTENERS. False: it cannot be set up. */
bool control_admin(struct control *c, const struct listeners *listeners, struct config *config,
                   struct admin_listener **l) MUST_CHECK;

/* reload.c: loads the configuration again, and has it take effect if nothing is wrong with it. */
void control_reload(struct control *c);
