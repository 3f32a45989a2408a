/* SPDX-License-Identifier: MIT */
/* Prometheus' text format: how families and samples are written. */
#pragma once

#include "base/buf.h"

/* The lines before the samples of a family; TYPE: "counter", "gauge", "histogram". */
void metric_family(struct buf *b, const char *name, const char *type, const char *help);

/* A sample: its name, any number of labels, one value. SUFFIX goes with the name: "", "_bucket". */
void metric_begin(struct buf *b, const char *name, const char *suffix);
void metric_label(struct buf *b, const char *label, const char *value);
/* FORMAT makes the value. */
void metric_end(struct buf *b, const char *format, ...) PRINTF_LIKE(2, 3);
