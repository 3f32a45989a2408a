/* SPDX-License-Identifier: MIT */
/* The commands, each in the file of its name, and the version, which is asked for like one. */
#pragma once

#include "cli/command.h"

extern const struct command command_serve, command_try, command_demo, command_check, command_status,
    command_services, command_rotate, command_config;

/* Prints the version; with VERBOSE also the libraries and what was built in. */
void print_version(bool verbose);
