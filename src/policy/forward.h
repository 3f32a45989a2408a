/* SPDX-License-Identifier: MIT */
/* Which field lines of a message are handed on: of a request to the endpoint, of an answer to the
 * caller. Pure decisions about one line at a time; ids must be set (head_check(), field_lookup()).
 */
#pragma once

#include "policy/head.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a line of the checked request H may go to the endpoint as it is. Left behind are: what
 * concerns only this connection (FIELD_HOP, and what the caller's Connection names), what is the
 * caller's own affair (FIELD_NEVER_UP, X-Forwarded-*), names with '_' (some servers read it as '-',
 * which would be another way to spell all these), x-ms-* but x-ms-useragent, and an x-request-id
 * that Azure would answer with 431.
 *
 * Asked about the caller's lines only: what the gateway adds is never put to it, so that a
 * Connection that names Authorization takes nothing of ours away. What the route writes itself (its
 * credential, the deployment, set_headers, a default Content-Type) the gateway leaves out besides.
 */
bool forward_up(const struct field_line *line, const struct head *h);

/* Whether a line of an answer with these N LINES goes to the caller as it is: not what concerns
 * only that connection (FIELD_HOP, and what its Connection names), and not FIELD_NEVER_DOWN. */
bool forward_down(const struct field_line *line, const struct field_line *lines, size_t n);
