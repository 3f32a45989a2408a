/* SPDX-License-Identifier: MIT */
/* The metrics of requests: how many, how long, how many at once, and where they go. */
#pragma once

#include "base/buf.h"
#include "daemon/status.h"

/* Appends the families, in the text format. */
void metrics_write_traffic(struct buf *b, const struct status *s);
