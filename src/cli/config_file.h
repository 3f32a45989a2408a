/* SPDX-License-Identifier: MIT */
/* Which configuration a command means, and loading it with its errors told on stderr. */
#pragma once

#include "cli/command.h"
#include "config/load.h"

#include <stdbool.h>

/* What the options -c and --insecure-permissions said. */
struct config_choice {
    const char *file; /* NULL: $SCOREGATE_CONFIG, else the default */
    bool insecure_permissions;
    int status; /* of the command, if it cannot be loaded: STATUS_CONFIG, unless memory was out */
};

/* The options of commands that only read a configuration, and reading them: true, or false if the
 * command is over, with the status in A. */
#define CONFIG_CHOICE_USAGE   "[-c FILE] [--insecure-permissions]"
#define CONFIG_CHOICE_OPTIONS 2
extern const struct command_option config_choice_options[CONFIG_CHOICE_OPTIONS];
bool config_choice_read(struct config_choice *choice, struct arguments *a) MUST_CHECK;

/* The name of the file. */
const char *config_choice_file(const struct config_choice *choice);

/* Loads and checks the configuration, as far as the daemon itself would. NULL if anything is wrong:
 * then stderr says what, all of it. */
struct config *config_choice_load(struct config_choice *choice) MUST_CHECK;

/* The same once more, with what is wrong in ERRORS; what only the daemon can check is not looked
 * at. */
struct config *config_choice_reload(const struct config_choice *choice,
                                    struct config_errors *errors) MUST_CHECK;

/* The same without a word, for a command that can do without: NULL if anything is wrong. What only
 * the daemon can check is not looked at. */
struct config *config_choice_peek(const struct config_choice *choice) MUST_CHECK;
/* Whether a configuration was named, or the default one is there. */
bool config_choice_exists(const struct config_choice *choice);

/* As config_choice_load() with a TEXT that COMMAND has written from its options. */
struct config *config_text_load(const char *command, const char *text,
                                bool insecure_permissions) MUST_CHECK;
