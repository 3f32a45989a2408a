/* SPDX-License-Identifier: MIT */
/* What a command needs in order to ask Azure: a loop, libcurl, and a keeper that fetches each thing
 * once. */
#pragma once

#include "base/macros.h"
#include "config/config.h"
#include "daemon/keeper.h"
#include "sys/loop.h"

#include <stdbool.h>

struct session {
    const char *command; /* for messages */
    struct config *config;
    struct loop loop;
    struct keeper *keeper;
    bool dialling;
};

/* False with what is wrong told on stderr. CONFIG is referenced; nothing is fetched yet. In both
 * cases session_close() ends it. */
bool session_open(struct session *s, const char *command, struct config *config) MUST_CHECK;
void session_close(struct session *s);

/* Tells on stderr that WHAT could not be done, and what can be done about it. */
void session_complain(const struct session *s, const char *what, const struct azure_error *error);
