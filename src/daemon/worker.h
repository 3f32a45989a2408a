/* SPDX-License-Identifier: MIT */
/* A worker: a thread with a loop of its own that serves callers. It shares nothing with the others;
 * callers and orders come to it as messages. */
#pragma once

#include "base/macros.h"
#include "front/server.h"
#include "gateway/gateway.h"
#include "gateway/plan.h"

#include <stdbool.h>

struct worker;
struct worker_news;

struct worker_options {
    struct plan *plan;
    struct supply *const *supplies; /* one per backend: what it begins with */
    unsigned max_connections;
    unsigned header_bytes; /* of the requests' heads, for life */
    /* All of these are called in the worker's thread. When it has drained or was retired and is
     * empty, or cannot go on: */
    void (*stopped)(void *owner);
    void *owner;
    /* What it learns about keys and endpoints (gateway/gateway.h). */
    gateway_tell *refused, *accepted, *crowded;
    void *context; /* of these */
};

/* Starts the thread; NULL if that fails (the log says why). */
struct worker *worker_start(const struct worker_options *options) MUST_CHECK;
/* From any thread: hands over a connected caller. The descriptor is closed if memory is out. */
void worker_adopt(struct worker *w, int fd, const struct server_peer *peer);
/* From any thread: what a backend of the plan of GENERATION has from now on. Takes a reference.
 * False: out of memory. */
bool worker_supply(struct worker *w, uint64_t generation, unsigned backend,
                   struct supply *supply) MUST_CHECK;
/* A message that makes a worker work by PLAN, which it takes a reference to. Made before anything
 * is changed; NULL: memory is out. */
struct worker_news *worker_news(struct plan *plan) MUST_CHECK;
void worker_news_drop(struct worker_news **news); /* NULL is fine */
/* From any thread: hands NEWS over, with SUPPLIES (one per backend) to begin with; sets *NEWS to
 * NULL. A worker that is out of memory keeps to the plan before until it has some. */
void worker_reload(struct worker *w, struct worker_news **news, struct supply *const *supplies);
/* Connections it has, as of a moment ago; from any thread. */
unsigned worker_load(const struct worker *w);
/* From any thread: asks for a sign of life; worker_answered() says whether the last one was given.
 */
void worker_ping(struct worker *w);
bool worker_answered(const struct worker *w);
/* From any thread: it gets no callers any more; those that it has go away with their next answer or
 * when they have been idle for too long, then it stops. */
void worker_retire(struct worker *w);
/* From any thread: finish what is in progress, take no more, then stop. */
void worker_drain(struct worker *w);
/* From any thread: cut everything and stop. */
void worker_quit(struct worker *w);
/* Waits for the thread and frees the worker. */
void worker_join(struct worker **w);
