/* SPDX-License-Identifier: MIT */
/* What is wrong with a configuration, gathered while it is read and told in the order of the files,
 * whichever check found it first. */
#pragma once

#include "base/macros.h"
#include "config/config.h"
#include "config/load.h"

#include <stdbool.h>
#include <stddef.h>

/* Where something stands, for people and for sorting. */
struct place {
    struct config_where where;
    size_t order; /* grows through the files, includes at their place */
};

struct problem {
    struct place place;
    size_t sequence; /* keeps the order of two at one place */
    char *text;
};

struct problems {
    struct problem *list;
    size_t count, capacity;
    bool out_of_memory; /* set by whoever finds out; a problem of its own */
};

/* Adds one: "what is wrong; what was expected", without the place and without a newline. */
void problem_add(struct problems *p, struct place place, const char *format, ...) PRINTF_LIKE(3, 4);
/* Whether there is any, memory included. */
bool problems_any(const struct problems *p);
/* Tells all of them to ERRORS in their order. */
void problems_tell(const struct problems *p, struct config_errors *errors);
/* Frees them all. */
void problems_done(struct problems *p);
