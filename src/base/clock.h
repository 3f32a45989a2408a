/* SPDX-License-Identifier: MIT */
/* Time as a value. A loop reads the clock once per turn and hands it down; nothing below the loop
 * asks for the time, so that tests move it by hand. All durations and deadlines are microseconds of
 * CLOCK_MONOTONIC; the wall clock is for timestamps that people or other machines read. */
#pragma once

#include <stdint.h>

typedef int64_t usec_t;

#define USEC_PER_MS  ((usec_t)1000)
#define USEC_PER_SEC ((usec_t)1000000)
/* Later than every deadline. */
#define USEC_NEVER INT64_MAX

/* Now, in microseconds of CLOCK_MONOTONIC. */
usec_t clock_monotonic(void);
/* Now, in microseconds since 1970-01-01 UTC. */
usec_t clock_wall(void);
