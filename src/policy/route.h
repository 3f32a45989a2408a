/* SPDX-License-Identifier: MIT */
/* Which route serves a path: exact paths first, then "PATH/swagger.json", then the longest route
 * with subpaths, at a segment boundary. Paths are compared byte for byte as they came; nothing is
 * decoded. The table is built once and then only read. */
#pragma once

#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>
#include <stddef.h>

struct route_table;

enum route_target {
    ROUTE_SCORE,   /* the path itself, or below it with subpaths: to the scoring URI */
    ROUTE_SWAGGER, /* PATH/swagger.json */
};

struct route_match {
    unsigned index; /* what route_table_add() was told */
    enum route_target target;
    struct text rest; /* with subpaths: what follows PATH, begins with '/' or is empty */
};

struct route_table *route_table_new(void) MUST_CHECK;
void route_table_free(struct route_table **table);
/* PATH is copied. False when out of memory or PATH is there already. */
bool route_table_add(struct route_table *table, struct text path, bool subpaths,
                     unsigned index) MUST_CHECK;

/* False if no route serves the path, and always for a path that could mean another one to the
 * endpoint: with a dot segment ("." or "..", also with the dot as %2e, or followed by
 * ";parameters"), a backslash, an encoded slash or backslash (%2f, %5c), overlong UTF-8 of these,
 * or an encoded '%' that begins an escape (%252e). An empty segment ("//") is only allowed where a
 * route has it; a slash may end the rest. */
bool route_table_find(const struct route_table *table, struct text path,
                      struct route_match *match) MUST_CHECK;
/* The path of the nearest route, for a 404 that helps; NULL if none is near. */
const char *route_table_nearest(const struct route_table *table, struct text path);

/* Whether PATH, from the configuration, can be a route: begins with '/', no query or fragment, only
 * characters of RFC 3986 pchar and '/', no dot or empty segment, no trailing slash unless it is
 * "/". */
bool route_path_valid(struct text path);
