/* SPDX-License-Identifier: MIT */
/* Which backend of a route people mean, and how it is called. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "config/config.h"

/* Its place among those of its route, counted from 1. */
unsigned config_backend_number(const struct config_backend *backend);
/* Appends its name, which no other of its route has: the endpoint's name or the host (and port) of
 * its URI, "/" and the deployment if it asks for one; "#" and its number if an earlier one is
 * called so already. */
void config_backend_name(struct buf *into, const struct config_backend *backend);
/* The backend of ROUTE that is meant by WORD: its number or its name; or its endpoint, host or
 * deployment alone, if no other of the route has the same. NULL if there is none. */
const struct config_backend *config_backend_find(const struct config_route *route,
                                                 struct text word) MUST_CHECK;
/* Appends the numbers and names of all: "1 (churn), 2 (host.example/blue)". */
void config_backend_list(struct buf *into, const struct config_route *route);
