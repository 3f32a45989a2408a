/* SPDX-License-Identifier: MIT */
/* Opening the listeners of a configuration, and telling where they are. */
#pragma once

#include "base/macros.h"
#include "config/config.h"
#include "daemon/run.h"

#include <stdbool.h>
#include <stddef.h>

struct listener {
    const struct config_listen *config;
    int fd;
    bool admin;
    struct bound bound;
};

struct listeners {
    struct listener *at;
    size_t count;
};

/* Opens them all, the admin listener last; false (the log says which and why) with none open. */
bool listeners_open(struct listeners *l, const struct config *config) MUST_CHECK;
/* Closes all but the admin listener: who connects now is refused at once. */
void listeners_refuse(struct listeners *l);
/* Closes what is open and removes the unix sockets that were made. */
void listeners_close(struct listeners *l);
/* Writes one line per listener to FILE, whole, by rename; false (and logged) if that fails. */
bool listeners_write(const struct listeners *l, const char *file) MUST_CHECK;
