/* SPDX-License-Identifier: MIT */
/* The grammar of libconfig, checked over tokens, so that a mistake is told by its place and its
 * usual cause instead of "syntax error" at the end of the file; and names that stand twice in a
 * group are told with both places. */
#pragma once

#include "config/source.h"

/* Tells the first mistake and every name that stands twice to the problems of S. */
void grammar_check(const struct source *s);
