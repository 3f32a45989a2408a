/* SPDX-License-Identifier: MIT */
/* The options of scoregate services. */
#pragma once

#include "azure/service.h"
#include "cli/command.h"
#include "cli/config_file.h"
#include "config/config.h"

#include <stdbool.h>

struct services_options {
    struct config_choice choice;
    struct config_named named; /* its strings are owned */
    const char *identity;
    bool online, web; /* which kinds; neither: both */
    struct azure_filter filter;
    struct buf tags, properties;
    bool json, routes;
};

#define SERVICES_OPTIONS 20
extern const struct command_option services_options_table[SERVICES_OPTIONS];

/* Reads the command line into O, to be ended by services_options_done() in any case. False if the
 * command is over, with the status in A. */
bool services_options_read(struct services_options *o, struct arguments *a) MUST_CHECK;
void services_options_done(struct services_options *o);
