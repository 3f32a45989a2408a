/* SPDX-License-Identifier: MIT */
/* A thread that writes log lines to stderr, so that a full pipe or disk never holds a request.
 * Lines wait in a bounded queue; what does not fit is dropped and counted, and the count is logged
 * when there is room again. */
#pragma once

#include "base/log.h"
#include "base/macros.h"

#include <stdbool.h>

/* Starts the thread; false if that fails (then lines go straight to stderr). */
bool log_writer_start(void) MUST_CHECK;
/* The sink for log_setup(). */
void log_writer_sink(enum log_level level, const char *line, size_t len);
/* Writes what is queued, for at most a second, and ends the thread. */
void log_writer_stop(void);
