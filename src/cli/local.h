/* SPDX-License-Identifier: MIT */
/* What try and demo have in common: a gateway on 127.0.0.1 whose configuration is a text of their
 * own, and commands to paste into a shell. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "daemon/run.h"

#include <stdint.h>

/* Appends the settings besides the routes: a listener on PORT of 127.0.0.1 (0: the kernel's
 * choice), no admin listener, log lines from LOG_LEVEL on stderr. */
void local_add_settings(struct buf *config, uint16_t port, const char *log_level);
/* Appends NAME = "VALUE"; with VALUE quoted. */
void local_add_string(struct buf *config, const char *name, struct text value);

struct local_options {
    const char *command; /* for messages */
    bool insecure_permissions;
    struct run_options run;
};

/* Loads the configuration, wipes it, and serves. Returns the exit status. */
int local_run(struct buf *config, const struct local_options *options);

/* Appends WORD so that a shell reads it back as one word: in single quotes, if it needs them. */
void local_add_word(struct buf *line, struct text word);
