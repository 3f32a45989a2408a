/* SPDX-License-Identifier: MIT */
/* Dialling: from a name to a connection that is resolved, connected (through the egress proxy if
 * there is one), and for https verified. libcurl does it (CURLOPT_CONNECT_ONLY on a multi handle);
 * the HTTP exchange over the connection is ours. One dialer per worker, used by its thread only. */
#pragma once

#include "base/macros.h"
#include "config/config.h"
#include "policy/reason.h"
#include "sys/loop.h"
#include "upstream/trust.h"

#include <stdbool.h>

struct dialer;
struct conn;

/* What to dial. The texts outlive every dial that uses them. */
struct origin {
    const struct config_uri *uri;
    struct trust *trust;          /* NULL: none of the dials needs TLS */
    const char *proxy, *no_proxy; /* NULL: none */
    usec_t connect_timeout;
};

/* Called once for each dial, in a later turn or in dialer_turn(): the open connection, or NULL and
 * why not. */
typedef void dial_done(void *context, struct conn *conn, enum reason why);

/* Before and after everything else that uses libcurl, in the main thread. */
bool dial_global_init(void) MUST_CHECK;
void dial_global_done(void);

struct dialer *dialer_new(struct loop *loop) MUST_CHECK;
/* Every connection must have been closed. */
void dialer_free(struct dialer **dialer);
/* Starts a dial; NULL if that fails at once (out of memory). The connection returned is not usable
 * before DONE is called; conn_close() gives it up early, and DONE is not called then. */
struct conn *dialer_dial(struct dialer *dialer, const struct origin *origin, dial_done *done,
                         void *context) MUST_CHECK;
/* Dials are expected under TRUSTS from now on (COUNT of them; NULL is fine among them): what there
 * is for others goes with the last of their connections, in a later dialer_turn(). */
void dialer_keep(struct dialer *dialer, struct trust *const *trusts, size_t count);
/* Once a turn: starts what waits, a few at a time since a dial can block for a millisecond, and
 * tells of what is done. Returns true if there is more to start: do not sleep. */
bool dialer_turn(struct dialer *dialer);
/* When libcurl wants to be called again at the latest. */
usec_t dialer_deadline(const struct dialer *dialer);
