/* SPDX-License-Identifier: MIT */
/* The services of a workspace as a table, as JSON, and as routes of a configuration. */
#pragma once

#include "cli/services_list.h"

#include <stdio.h>

/* Each returns false if memory was out. */
bool services_print_table(const struct services *s, FILE *out) MUST_CHECK;
bool services_print_json(const struct services *s, FILE *out) MUST_CHECK;
/* One route for each, under its name, with the identity of PLACE. */
bool services_print_routes(const struct services *s, const struct services_place *place,
                           FILE *out) MUST_CHECK;
