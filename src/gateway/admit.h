/* SPDX-License-Identifier: MIT */
/* What every listener asks of a request before it looks at what is wanted: may this caller call, is
 * the Host ours, does a browser's page of another origin stand behind it. */
#pragma once

#include "config/config.h"
#include "gateway/caller.h"

/* Of the listener's lists and, on TCP, the Host: REASON_caller_not_allowed, REASON_host_not_ours,
 * or REASON_NONE. */
enum reason admit_caller(const struct config *config, const struct caller *caller,
                         const struct head *h);
/* CORS may be NULL: no origin is served. REASON_origin_not_allowed, REASON_cross_site, or
 * REASON_NONE. */
enum reason admit_origin(const struct cors *cors, const struct head *h);
