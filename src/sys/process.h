/* SPDX-License-Identifier: MIT */
/* What the process tells the system and asks of it: no core dumps, enough descriptors, systemd's
 * notifications, the number of processors that it may really use. */
#pragma once

#include "base/clock.h"

#include <stdbool.h>

/* Before there is a secret in memory: no core dumps, no ptrace by others. */
void process_conceal(void);
/* Descriptors 0 to LAST that are closed lead to /dev/null from now on, so that nothing of value
 * gets a number that somebody takes for a standard stream. */
void process_occupy(int last);
/* Before the first connection: SIGPIPE ignored, the soft limit of descriptors raised to the hard
 * one, memory not given back after each request. */
void process_prepare(void);
/* Descriptors that may be open at once. */
unsigned process_descriptor_limit(void);
/* Processors to use: of the affinity mask and the CPU quota of the control group, at least 1. */
unsigned process_cpus(void);
/* How often the service manager wants to hear WATCHDOG=1 (sd_watchdog_enabled(3)); 0: not at all.
 */
usec_t process_watchdog(void);
/* Sends STATE ("READY=1", "STOPPING=1") to the service manager if there is one (sd_notify(3)). */
void process_notify(const char *state);
