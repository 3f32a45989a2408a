/* SPDX-License-Identifier: MIT */
/* A worker: a thread with a loop of its own that serves callers. It shares nothing with the others;
 * callers and orders come to it as messages. */
#pragma once

#include "base/macros.h"
#include "config/config.h"
#include "front/server.h"
#include "gateway/gateway.h"
#include "upstream/trust.h"

#include <stdbool.h>

struct worker;

struct worker_options {
    struct config *config;
    struct trust *const *trusts;    /* one per route; they outlive the worker */
    struct supply *const *supplies; /* one per route: what it begins with */
    unsigned max_connections;
    /* All three are called in the worker's thread. When it has drained, or cannot go on: */
    void (*stopped)(void *context);
    /* What it learns about keys (gateway/gateway.h). */
    gateway_tell *refused, *accepted;
    void *context;
};

/* Starts the thread; NULL if that fails (the log says why). */
struct worker *worker_start(const struct worker_options *options) MUST_CHECK;
/* From any thread: hands over a connected caller. The descriptor is closed if memory is out. */
void worker_adopt(struct worker *w, int fd, const struct server_peer *peer);
/* From any thread: what a route has from now on. Takes a reference. */
void worker_supply(struct worker *w, unsigned route, struct supply *supply);
/* Connections it has, as of a moment ago; from any thread. */
unsigned worker_load(const struct worker *w);
/* From any thread: asks for a sign of life; worker_answered() says whether the last one was given.
 */
void worker_ping(struct worker *w);
bool worker_answered(const struct worker *w);
/* From any thread: finish what is in progress, take no more, then stop. */
void worker_drain(struct worker *w);
/* From any thread: cut everything and stop. */
void worker_quit(struct worker *w);
/* Waits for the thread and frees the worker. */
void worker_join(struct worker **w);
