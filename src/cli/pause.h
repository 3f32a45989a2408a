/* SPDX-License-Identifier: MIT */
/* Waiting, for commands that ask again and again. */
#pragma once

#include "base/clock.h"

#include <errno.h>
#include <time.h>

static inline void pause_for(usec_t span) {
    struct timespec left = {.tv_sec = (time_t)(span / USEC_PER_SEC),
                            .tv_nsec = (long)(span % USEC_PER_SEC * 1000)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}
