/* SPDX-License-Identifier: MIT */
/* Stands in for upstream/fetch.h: calls whose other end is the test, on a loop whose clock is moved
 * by hand, with a log that is kept. */
#pragma once

#include "azure/answer.h"
#include "sys/loop.h"

extern struct loop loop;
/* Of calls: begun so far, given up, in progress. */
extern unsigned calls_begun, calls_cancelled, calls_open;
/* The next fetch_start() finds no memory. */
extern bool calls_fail;
/* A new fetcher cannot be made. */
extern bool fetchers_fail;

/* For cmocka's setup and teardown. The second fails if a call is left over. */
int fake_set_up(void **state);
int fake_tear_down(void **state);

/* Time goes on, and the loop does what is due. */
void time_passes(usec_t duration);
/* The wall clock alone. */
void wall_clock_jumps(usec_t duration);
/* The loop turns without time going on. */
void turn(void);

/* The call in progress whose URL, fields or body hold PART: what is asked, and how it ends. There
 * must be exactly one. */
const char *asked(const char *part);
usec_t timeout_of(const char *part);
void answers(const char *part, unsigned status, const char *body);
void answers_with(const char *part, const struct azure_answer *answer);
/* No answer comes. */
void is_unreachable(const char *part);
/* Whether one is in progress. */
bool is_asked(const char *part);

/* How many lines of the log hold PART; which the last of them is; forget all. */
unsigned logged(const char *part);
const char *last_logged(const char *part);
void forget_log(void);
