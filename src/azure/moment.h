/* SPDX-License-Identifier: MIT */
/* Points in time as Azure's services write them. */
#pragma once

#include "base/macros.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970 of T: digits ("1561001878"); RFC 3339 ("2019-06-20T02:57:58.123Z", an offset
 * in place of Z); or the dates of App Service's old API, the month first ("06/20/2019 02:57:58
 * +00:00", "1/16/2020 5:24:12 AM +00:00"). Fractions of a second are dropped; the years are 1970 to
 * 9999. False, with the output untouched, for everything else. */
bool moment_parse(struct text t, int64_t *seconds) MUST_CHECK;
