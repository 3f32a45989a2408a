/* SPDX-License-Identifier: MIT */
/* The trust of each route, made once for each setting and shared by all routes that have it. */
#pragma once

#include "base/macros.h"
#include "config/load.h"
#include "upstream/trust.h"

/* One trust per route, NULL for one without TLS; ERRORS gets what cannot be loaded, once for each
 * setting. NULL: out of memory. */
struct trust **trusts_load(const struct config *config, struct config_errors *errors) MUST_CHECK;
/* NULL is fine. */
void trusts_free(struct trust **trusts, const struct config *config);
