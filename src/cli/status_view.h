/* SPDX-License-Identifier: MIT */
/* The JSON of /status as people read it in a terminal. Nothing in it is believed: it may come from
 * whatever listens there. */
#pragma once

#include "base/json.h"
#include "base/macros.h"

#include <stdbool.h>
#include <stdio.h>

/* Prints the tables of STATUS, which was read at ADDRESS. False: out of memory. */
bool status_view_print(const struct json *status, const char *address, FILE *out) MUST_CHECK;
