/* SPDX-License-Identifier: MIT */
/* Which backend of a route people mean, and how it is called: by its number, counted from 1, by the
 * name or the host of its endpoint, or by its deployment. */
#pragma once

#include "base/buf.h"
#include "config/config.h"

/* Its place among those of its route, counted from 1. */
unsigned config_backend_number(const struct config_backend *backend);
/* The backend of ROUTE that is called NAME, or NULL if there is none, or more than one. */
const struct config_backend *config_backend_find(const struct config_route *route,
                                                 struct text name);
/* Appends all of them: "1 (churn), 2 (host.example, deployment blue)". */
void config_backend_list(struct buf *into, const struct config_route *route);
