/* SPDX-License-Identifier: MIT */
/* Opening the listeners of a configuration, and telling where they are. */
#pragma once

#include "base/macros.h"
#include "config/config.h"
#include "daemon/run.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct listener {
    const struct config_listen *config;
    int fd; /* -1: closed */
    bool admin;
    struct bound bound;
    /* Of one that was open before a reload: */
    bool kept; /* FD is that of BEFORE[from] */
    size_t from;
    bool adjusted; /* a unix socket's mode and group were changed: these it had */
    mode_t mode;
    gid_t group;
};

struct listeners {
    struct listener *at;
    size_t count;
};

/* Opens them all, the admin listener last. Those at a place where BEFORE (NULL: none) has one share
 * its descriptor. False (the log says which and why): all is as it was. */
bool listeners_open(struct listeners *l, const struct config *config,
                    const struct listeners *before) MUST_CHECK;
/* What was opened in place of BEFORE is not wanted after all. */
void listeners_abandon(struct listeners *l);
/* NOW, which was opened in place of L, is what L is from now on; those that are no more are closed.
 */
void listeners_replace(struct listeners *l, struct listeners *now);
/* Closes all but the admin listener: who connects now is refused at once. */
void listeners_refuse(struct listeners *l);
/* Closes what is open and removes the unix sockets that were made. */
void listeners_close(struct listeners *l);
/* Writes one line per listener to FILE, whole, by rename; false (and logged) if that fails. */
bool listeners_write(const struct listeners *l, const char *file) MUST_CHECK;
