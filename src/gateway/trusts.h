/* SPDX-License-Identifier: MIT */
/* The trust of each route, made once for each setting and shared by all routes that have it. */
#pragma once

#include "base/macros.h"
#include "config/load.h"
#include "upstream/trust.h"

/* One trust per route, NULL for one without TLS. One of the N trusts BEFORE goes on where settings
 * and files are the same, and with it the connections that were made under it. ERRORS gets what
 * cannot be loaded, once for each setting. NULL: out of memory. */
struct trust **trusts_load(const struct config *config, struct trust *const *before, size_t n,
                           struct config_errors *errors) MUST_CHECK;
/* NULL is fine. */
void trusts_free(struct trust **trusts, const struct config *config);
