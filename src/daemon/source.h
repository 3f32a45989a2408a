/* SPDX-License-Identifier: MIT */
/* A source: one thing that is fetched, kept, and fetched again in time, whoever needs it: a token
 * of an identity, the keys of an endpoint, where an endpoint is, a secret in a file or in Key
 * Vault.
 *
 * This file drives all of them alike: one attempt in progress at most, what it needs itself first
 * (the token of a management call, say), renewal by policy/renewal.h, telling its users. What is
 * special about a kind is a pair of functions: write the next request, read its answer. */
#pragma once

#include "azure/deployments.h"
#include "azure/managed.h"
#include "azure/service.h"
#include "azure/workload.h"
#include "base/list.h"
#include "config/config.h"
#include "policy/renewal.h"
#include "sys/file_watch.h"
#include "sys/loop.h"
#include "upstream/fetch.h"

#include <stdbool.h>

struct source;

/* What all sources of a keeper share. */
struct sources {
    struct loop *loop;
    struct fetcher *fetcher;
    struct file_watch *files; /* NULL: nothing is watched */
    const struct config *config;
    bool once;       /* one attempt each, for a command */
    struct list all; /* of struct source */
    size_t count;
};

/* What a source has; owned by it. */
struct source_value {
    struct secret *secrets[2];    /* a token, a secret; or the primary and the secondary key */
    struct azure_service service; /* of a lookup */
    struct azure_deployments deployments;
    char *base; /* of the model management service */
};
void source_value_done(struct source_value *v);

/* What an attempt brings. */
struct source_outcome {
    struct source_value value;   /* taken over by the source */
    usec_t lifetime;             /* USEC_NEVER: no end */
    usec_t refresh_after;        /* USEC_NEVER: not by itself */
    usec_t shown_end, shown_due; /* for people only, monotonic; 0: as the two above say */
};

enum source_step { SOURCE_AGAIN, SOURCE_DONE, SOURCE_FAILED };

/* A kind of source. All of these run in the loop's thread. */
struct source_class {
    enum renewal_rules rules;
    bool fixed;    /* what it has stands in the configuration */
    bool optional; /* nobody depends on it: a failure that goes on is told once */
    size_t max_body;
    /* Writes the request of s->step (0 first, one more after each SOURCE_AGAIN). All that it needs
     * is usable. */
    bool (*request)(struct source *s, struct azure_request *r, struct azure_error *error);
    /* Reads the answer to it. */
    enum source_step (*answer)(struct source *s, const struct azure_answer *a,
                               struct source_outcome *o, struct azure_error *error);
    /* Instead of the two above: without any request. */
    bool (*read)(struct source *s, struct source_outcome *o, struct azure_error *error);
    /* Of two with the same key, from two configurations: whether B is what A is, so that A may go
     * on in its place. NULL: the key says it all. */
    bool (*same)(const struct source *a, const struct source *b);
    void (*free)(struct source *s); /* what the kind keeps besides; may be NULL */
};

/* Somebody who uses a source: TOLD is called after each attempt and when what it had has expired;
 * embedded in its owner. */
struct source_use {
    struct list node;
    struct source *source; /* NULL: none */
    void (*told)(void *owner, struct source *source);
    void *owner;
};

enum source_phase {
    SOURCE_RESTING, /* no attempt in progress */
    SOURCE_WAITING, /* for something that it needs */
    SOURCE_FETCHING,
};

#define SOURCE_NEEDS_MAX 2

struct source {
    struct list node;
    struct sources *all;
    const struct source_class *class;
    char *key;        /* everything that made it: equal keys are the same source */
    char *name;       /* for people: "identity:vm" */
    const char *kind; /* for people: "managed", "endpoint-key" */
    struct list users;
    /* What must be usable before it can be fetched. The first is the bearer of its requests. */
    struct source_use needs[SOURCE_NEEDS_MAX];

    struct source_value value;
    struct renewal renewal;
    struct timer timer;
    enum source_phase phase;
    unsigned step;
    bool bearer_renewed; /* in this attempt: its 401 was answered with a new token */
    bool doubted;        /* what it had was refused while this attempt was in progress */
    bool blocked;        /* it could not be fetched for want of what it needs */
    uint64_t shown[SOURCE_NEEDS_MAX]; /* how often each need had been fetched, in this attempt */
    struct fetch *fetch;
    struct azure_request request; /* of the call in progress */
    const char *why;              /* of the attempt in progress: "start", "timer", "401", … */
    bool failed;                  /* the last attempt did; ERROR says how */
    struct azure_error error;
    usec_t tried, since;   /* when the last attempt began; when it got what it has; 0: never */
    usec_t failure_logged; /* when a failure was logged last */
    usec_t shown_end, shown_due;
    uint64_t refreshed, failures;
    char fingerprint[SECRET_FINGERPRINT_SIZE];

    /* In a reload only. */
    struct source *twin; /* of a new one: the old one that goes on in its place; NULL: none */
    bool outdated;       /* what it asks, or whom, has changed: it is to be fetched again */

    /* What the kinds keep. */
    const struct config_identity *identity;
    const struct config_secret *secret;
    const struct config_named *named;
    const char *file, *refresh_by;
    bool told_bad; /* the file as it is now cannot be used, and that was said */
    struct managed_environment managed;
    enum managed_source managed_source;
    char *resource;
    struct buf note;                 /* between two steps of an attempt */
    struct azure_deployments listed; /* likewise: the pages so far */
    struct workload_ca workload_ca;  /* what was read last */
    struct watched_file watched;
};

/* The source of KEY if there is one already; else a new one, without users, at rest. NULL: out of
 * memory. The names are copied; a NAME that another source has gets a number. A source that nobody
 * uses is only freed with all of them. */
struct source *source_get(struct sources *all, const struct source_class *class, const char *key,
                          const char *name, const char *kind, bool *made) MUST_CHECK;
/* Forgets one that was made and could not be set up. */
void source_drop(struct source *s);
void sources_init(struct sources *all);
void sources_done(struct sources *all);
/* NEXT was made of another configuration, and nothing of it has been fetched: whatever is in
 * BEFORE, too, goes on there with all that it has, for its new users and under its new name. The
 * rest of BEFORE is freed: nobody but sources may use it any more. FRESH: calls in progress are
 * given up, since NEXT has another fetcher. Those that have become outdated are marked so. */
void sources_take_over(struct sources *next, struct sources *before, bool fresh);

/* What S needs: place I of its needs, which is empty. The first is the bearer of its requests. */
void source_need(struct source *s, size_t i, struct source *need);

/* Begins, or ends, to use it. With its first user it is renewed by itself; a source that nobody
 * uses is none. */
void source_use(struct source_use *use, struct source *s,
                void (*told)(void *owner, struct source *source), void *owner);
void source_unuse(struct source_use *use);

/* Whether what it has may be used now. */
bool source_usable(const struct source *s);
/* Fetches it, unless that is in progress or a failure is being waited out. WHY: a constant word. */
void source_fetch(struct source *s, const char *why);
/* The same, but a failure is waited out no longer: its cause may be gone, or somebody asks for it.
 * What Retry-After said holds. */
void source_retry(struct source *s, const char *why);
/* What it has was refused by whom it was shown to. False: it was fetched for that a moment ago, and
 * nothing is in progress. */
bool source_refused(struct source *s, const char *why);
/* The attempt in progress, if there is one, is given up; another one begins. */
void source_restart(struct source *s, const char *why);
/* The first secret; NULL if there is none. Borrowed. */
struct secret *source_secret(const struct source *s);
/* An attempt is in progress, or will be as soon as it can. */
bool source_is_busy(const struct source *s);
/* What it has may be outdated: fetched again soon, INTERVAL after the last attempt at the earliest.
 * A failure is waited out. */
void source_look_again(struct source *s, usec_t interval, const char *why);
