/* SPDX-License-Identifier: MIT */
/* What the process has used so far, as the kernel tells in /proc/self. */
#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stdint.h>

struct usage {
    double cpu_s;             /* user and system time */
    double start_s;           /* when it started, in seconds since 1970 */
    uint64_t virtual_bytes;   /* address space */
    uint64_t resident_bytes;  /* of it in memory */
    uint64_t descriptors;     /* open */
    uint64_t descriptors_max; /* that may be open */
};

/* False if /proc does not tell. */
bool usage_read(struct usage *u) MUST_CHECK;
