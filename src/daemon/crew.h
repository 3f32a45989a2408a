/* SPDX-License-Identifier: MIT */
/* The workers that there are, and what goes to all of them. A worker serves, is fresh (started, and
 * unknown to the acceptor), or is retired: it gets no callers any more and goes when it has none.
 * Belongs to the control thread. */
#pragma once

#include "base/list.h"
#include "base/macros.h"
#include "daemon/worker.h"
#include "sys/mailbox.h"

#include <stdbool.h>
#include <stddef.h>

struct crew_options {
    struct mailbox *mailbox; /* gets a message of this kind from each that has stopped, */
    unsigned stopped;        /* for crew_stopped() */
    gateway_tell *refused, *accepted, *crowded;
    void *context; /* of these */
};

struct crew {
    struct crew_options options;
    struct list all;
    size_t count; /* that serve */
};

void crew_init(struct crew *crew, const struct crew_options *options);
/* Starts N that are fresh, for heads of up to HEADER_BYTES. False (and logged) if one does not
 * start; the others are there. */
bool crew_start(struct crew *crew, size_t n, unsigned header_bytes, struct plan *plan,
                struct supply *const *supplies) MUST_CHECK;
/* Those that are fresh are not wanted after all. */
void crew_dismiss(struct crew *crew);
/* The workers for an acceptor: the first KEEP of those that serve, and those that are fresh. The
 * array is the caller's to free; NULL: out of memory. */
struct worker **crew_list(const struct crew *crew, size_t keep, size_t *count) MUST_CHECK;
/* Those that are fresh serve; of those that did, all but the first KEEP are retired. */
void crew_change(struct crew *crew, size_t keep);

/* Makes ready to have all of them work by PLAN, and does so, with SUPPLIES, or not. False: out of
 * memory. */
bool crew_prepare(struct crew *crew, struct plan *plan) MUST_CHECK;
void crew_reload(struct crew *crew, struct supply *const *supplies);
void crew_forget(struct crew *crew);
/* What a backend of the plan of GENERATION has from now on. False: not all of them hear of it,
 * since memory is out. */
bool crew_supply(struct crew *crew, uint64_t generation, unsigned backend,
                 struct supply *supply) MUST_CHECK;

/* Whether all have answered the last time; those are asked again. */
bool crew_answers(struct crew *crew);
void crew_drain(struct crew *crew);
void crew_quit(struct crew *crew);
/* MESSAGE says that a worker has stopped; it is gone now. True: it was retired. */
bool crew_stopped(struct crew *crew, struct message *message);
/* There are none any more. */
bool crew_is_gone(const struct crew *crew);
/* Has all of them stop, and waits for it; their messages are in the mailbox. */
void crew_join(struct crew *crew);
