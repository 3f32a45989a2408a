/* SPDX-License-Identifier: MIT */
/* A backend as the keeper sees it: the sources that it uses, and the supply that they make. Inside
 * the keeper only. */
#pragma once

#include "daemon/keeper.h"
#include "daemon/source_kinds.h"

struct keeper_backend {
    struct keeper *keeper;
    struct sources *sources;             /* those that it uses are of these */
    const struct config_backend *config; /* of the same configuration as these */
    bool quiet;                          /* not in effect yet: fetches nothing, tells nobody */
    struct source_use lookup;            /* where the endpoint is; of a named one */
    struct source_use credentials[2]; /* one source with a token or two keys, or a source per key */
    struct source_use deployments;    /* for the limit; of one that keeps to Azure's */
    enum config_auth_type auth;       /* in effect; AUTH_FOUND: not known yet */
    struct endpoint *endpoint;        /* NULL: not found yet */
    struct supply *supply;
    uint64_t changed[2]; /* the revision with which each key became what it is */
    uint64_t refused; /* the latest revision that was refused and is being looked into; 0: none */
    uint64_t told[2]; /* the latest revision of which a refusal of the key was logged */
    unsigned preferred;
    unsigned concurrency; /* Azure's limit of requests at once; 0: not known */
    bool limit_told;      /* it was, once, or that it is not known */
    const char *unusable; /* what is wrong with the endpoint that was found; NULL: nothing */
    usec_t renewed_at;    /* when an operator asked for it last */
};

/* Sets up what the configuration alone says, with a first supply; quiet. False: out of memory. */
bool keeper_backend_init(struct keeper_backend *r, struct keeper *keeper, struct sources *sources,
                         const struct config_backend *config) MUST_CHECK;
void keeper_backend_done(struct keeper_backend *r);
/* Uses its sources. False: out of memory. */
bool keeper_backend_attach(struct keeper_backend *r) MUST_CHECK;
/* Takes effect: what it uses is fetched, unless it is there. */
void keeper_backend_begin(struct keeper_backend *r);
/* R stands for the same as OLD under another configuration: it uses the same kinds of sources. Both
 * are as they were if this fails: out of memory. */
bool keeper_backend_follow(struct keeper_backend *r, const struct keeper_backend *old) MUST_CHECK;
/* R gets all that OLD has learnt, with its supply and revision. */
void keeper_backend_take_over(struct keeper_backend *r, struct keeper_backend *old);
/* Makes the supply anew and hands it out if anything of it differs. */
void keeper_backend_update(struct keeper_backend *r);
void keeper_backend_refused(struct keeper_backend *r, uint64_t revision, unsigned key);
void keeper_backend_accepted(struct keeper_backend *r, uint64_t revision, unsigned key);

/* keeper_limit.c: the limit of Azure. */
/* Whether the backend keeps to Azure's limit, and that can be looked up: source_of_deployments().
 */
bool keeper_limit_is_wanted(const struct keeper_backend *r);
/* Works the limit out of what the lookup and the deployments say now. */
void keeper_limit_update(struct keeper_backend *r);
/* Told by the deployments: the owner is a backend. */
void keeper_limit_told(void *owner, struct source *source);
void keeper_limit_crowded(struct keeper_backend *r);

struct keeper {
    struct fetcher *fetcher;  /* of the sources */
    struct file_watch *files; /* likewise; NULL: nothing is watched */
    struct sources *sources;
    unsigned *successors; /* of each backend before the last reload: its index now, or NO_BACKEND */
    size_t successor_count;
    struct keeper_options options;
    struct loop *loop;
    struct keeper_backend *backends;
};

/* keeper.c: what the sources of CONFIG share. NULL: with a sentence in WHY; out of memory. */
struct fetcher *keeper_fetcher(struct keeper *k, const struct config *config,
                               struct buf *why) MUST_CHECK;
struct sources *keeper_sources(struct keeper *k, const struct config *config,
                               struct fetcher *fetcher, struct file_watch *files) MUST_CHECK;
