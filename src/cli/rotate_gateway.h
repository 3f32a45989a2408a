/* SPDX-License-Identifier: MIT */
/* The running gateway while a key of one of its backends is rotated: which key it begins with, and
 * whether it has the new one. It is told through its admin listener, and never sees a key from us.
 */
#pragma once

#include "cli/admin_client.h"

#include <stdbool.h>

struct rotating_gateway {
    struct admin_address address;
    const char *route;
    unsigned backend;   /* of the route, from 1; 0: its only one */
    bool running;       /* and serves the route */
    bool absent;        /* nobody listens there, or it does not have the route */
    unsigned in_use;    /* which key; 0 if it does not run */
    char prints[2][32]; /* the fingerprints of the keys that it has */
};

/* Looks whether a gateway runs and serves BACKEND; if not, RUNNING is false and WHY says so. If it
 * is not ABSENT either, somebody is there who does not say. */
void rotating_gateway_look(struct rotating_gateway *g, const struct admin_address *address,
                           const struct config_backend *backend, struct buf *why);
/* Has it begin with KEY. False with a sentence in WHY. */
bool rotating_gateway_prefer(struct rotating_gateway *g, unsigned key, struct buf *why) MUST_CHECK;
/* Has it list the keys until its KEY is another than it was at the last look. False with a sentence
 * in WHY. */
bool rotating_gateway_await(struct rotating_gateway *g, unsigned key, struct buf *why) MUST_CHECK;
