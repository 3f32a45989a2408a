/* SPDX-License-Identifier: MIT */
/* What scoregate check --online does beyond looking at the configuration: it gets every credential,
 * finds every endpoint, and opens a TLS connection to each. No scoring request is sent. */
#pragma once

#include "base/macros.h"
#include "config/config.h"

#include <stdbool.h>

/* Prints one line for each thing, and what can be done about those that failed. Returns the exit
 * status. */
int check_online(struct config *config);
