/* SPDX-License-Identifier: MIT */
/* The page /metrics in Prometheus' text format, version 0.0.4. */
#pragma once

#include "base/buf.h"
#include "daemon/status.h"
#include "sys/usage.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* USAGE NULL: not known. */
void metrics_write(struct buf *b, const struct status *s, const struct usage *usage);
