/* SPDX-License-Identifier: MIT */
/* The admin listener: callers are taken and served by the control thread, on its loop. */
#pragma once

#include "base/macros.h"
#include "config/config.h"
#include "daemon/admin.h"
#include "front/server.h"
#include "sys/loop.h"

struct admin_listener {
    struct loop *loop;
    struct config *config;
    struct server *server;
    struct watch watch; /* on the listening descriptor, which is not its own */
    struct timer breather;
};

/* Listens on FD as CONFIG, to which it takes a reference, says. NULL (and logged) if that fails. */
struct admin_listener *admin_listener_new(struct loop *loop, struct admin *admin,
                                          struct config *config, int fd) MUST_CHECK;
/* The same, on the descriptor that it has, as another configuration says. */
void admin_listener_reload(struct admin_listener *l, struct config *config);
/* Cuts what is open. NULL is fine. */
void admin_listener_free(struct admin_listener **l);
