/* SPDX-License-Identifier: MIT */
/* Opening a connection to each endpoint, as far as the endpoints are known, and closing it again
 * without a request. */
#pragma once

#include "base/macros.h"
#include "cli/session.h"

#include <stdbool.h>

/* Prints one line for each scheme, host and port under each TLS setting. False: one failed. */
bool check_dial(struct session *session) MUST_CHECK;
