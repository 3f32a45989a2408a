/* SPDX-License-Identifier: MIT */
/* Values out of the query of a request target, as the admin listener takes them. */
#pragma once

#include "base/buf.h"
#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>

/* Appends the value of NAME in QUERY ("a=1&b=2", raw, without '?') to VALUE, its percent-encoding
 * taken away. False unless NAME stands there exactly once, as it is, with a value whose escapes are
 * well-formed and hide no NUL. '+' is itself. */
bool query_value(struct text query, struct text name, struct buf *value) MUST_CHECK;
