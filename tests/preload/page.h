/* SPDX-License-Identifier: MIT */
/* What tests/preload does to a program it is loaded into, and when: a page that the test maps as
 * well (the file that $SCOREGATE_FAULTS names; tests/e2e/lib/faults.py), so that one process can be
 * put through everything while it runs. All fields are of the test, but for the counters. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct faults {
    _Atomic uint64_t counting;    /* 0: nothing of what follows happens, and no call is counted */
    _Atomic uint64_t calls;       /* counter: allocations asked for */
    _Atomic uint64_t failed;      /* counter: allocations refused */
    _Atomic uint64_t first, last; /* those of the calls, counted from 1, that fail; 0: none */
    _Atomic uint64_t per_mille;   /* so many of a thousand calls fail, by chance */
    _Atomic uint64_t seed;        /* of that chance; moves on with each call */
    _Atomic uint64_t trace;       /* tell on stderr who asked for what was refused */
    _Atomic uint64_t threads; /* 1: no thread can be created, 2: one, … ; 0: as many as asked */
    _Atomic uint64_t stuck;   /* the thread (gettid) whose epoll_wait does not return; 0: none */
};

/* NULL until main() has begun: what happens before it is not the program's doing. */
struct faults *faults_page(void);
