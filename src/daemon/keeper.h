/* SPDX-License-Identifier: MIT */
/* The keeper of credentials: fetches, renews and watches everything that backends need (tokens of
 * identities, keys and tokens of endpoints, secrets of Key Vault, files), finds endpoints by their
 * names, and makes of it a supply for each backend. It lives on one loop: that of the control
 * thread, or of a command.
 *
 * Every thing that is fetched is a source (daemon/source.h), made once however many backends use
 * it.
 */
#pragma once

#include "azure/service.h"
#include "azure/web_service.h"
#include "config/config.h"
#include "gateway/supply.h"
#include "sys/loop.h"
#include "upstream/fetch.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct keeper;

struct keeper_options {
    struct config *config;
    bool once; /* for a command: fetched once each, nothing renewed or watched */
    /* BACKEND (its index in config->backends) has a new supply; may be NULL. */
    void (*supplied)(void *context, unsigned backend, struct supply *supply);
    void *context;
};

/* NULL with a sentence in WHY. Nothing is fetched yet; backends whose credential stands in the
 * configuration have their supply. */
struct keeper *keeper_new(struct loop *loop, const struct keeper_options *options,
                          struct buf *why) MUST_CHECK;
void keeper_free(struct keeper **keeper);
/* Begins to fetch what the backends need. False: out of memory. */
bool keeper_start(struct keeper *keeper) MUST_CHECK;
/* Keeps what the backends of CONFIG need instead. Everything that is in both configurations goes on
 * with what it has, its times and its counts; the rest begins, or is freed with its secrets. A
 * backend of the same route that leads to the same endpoint keeps its supply, which counts on.
 * False with a sentence in WHY: nothing has changed. */
bool keeper_reload(struct keeper *keeper, struct config *config, struct buf *why) MUST_CHECK;
/* The index of what was BACKEND before the last reload; KEEPER_NO_BACKEND: it is no more. */
unsigned keeper_successor(const struct keeper *keeper, unsigned backend);
#define KEEPER_NO_BACKEND UINT_MAX

/* The present supply of a backend; borrowed. */
struct supply *keeper_supply(const struct keeper *keeper, unsigned backend);

/* What workers tell: the endpoint answered 401 to KEY of the supply of REVISION; KEY works where
 * the other one was refused. */
void keeper_refused(struct keeper *keeper, unsigned backend, uint64_t revision, unsigned key);
void keeper_accepted(struct keeper *keeper, unsigned backend, uint64_t revision, unsigned key);
/* The endpoint answered that there are too many requests: perhaps its scale has changed, and where
 * its limit is Azure's own (max_concurrent = "auto") it is looked at, once in 10 s at most. */
void keeper_crowded(struct keeper *keeper, unsigned backend);
/* What an operator tells: begin with KEY from now on; fetch the backend's credential again. False:
 * it was fetched for that within the last 5 s. */
void keeper_prefer(struct keeper *keeper, unsigned backend, unsigned key);
bool keeper_renew(struct keeper *keeper, unsigned backend);

/* --- what there is to see -----------------------------------------------------------------------
 */

struct credential_status {
    const char *name; /* "identity:vm", "route:/score:primary", "vault:host/name" */
    const char *kind; /* "managed", "client-secret", "endpoint-key", "file", "key-vault", … */
    /* "usable", "expired", "pending" (never had), "rejected", "failing" (usable, renewal fails),
     * "unavailable" (optional, and not to be had) */
    const char *state;
    bool optional; /* nothing depends on it */
    bool fetching;
    usec_t since;            /* monotonic: when we got it; 0: never */
    usec_t refresh, expires; /* monotonic; USEC_NEVER: not by itself, no end */
    uint64_t refreshed, failed;
    const struct azure_error
        *error;              /* of the last attempt; NULL: it succeeded, or there was none */
    const char *fingerprint; /* of the first secret of it; "" if there is none */
};
size_t keeper_count(const struct keeper *keeper);
void keeper_status(const struct keeper *keeper, size_t i, struct credential_status *status);

struct backend_status {
    const struct supply *supply;
    const char *auth; /* the kind of credential in use: "none", "key", "endpoint-key", … */
    /* Why it is not ready: a sentence, or NULL. Valid until the loop turns again. */
    const struct azure_error *error;
    const char
        *waits_for; /* the credential or lookup of that error, or that it waits for; or NULL */
};
void keeper_backend_status(const struct keeper *keeper, unsigned backend,
                           struct backend_status *status);
/* The name of the Ith thing that a backend uses (its lookup, its credentials), or NULL behind the
 * last. */
const char *keeper_backend_credential(const struct keeper *keeper, unsigned backend, size_t i);
/* Every source has succeeded or failed at least once, and none is being fetched. */
bool keeper_settled(const struct keeper *keeper);

/* --- for commands: these turn the loop until the answer is there --------------------------------
 */

/* A token of IDENTITY for RESOURCE ("https://management.azure.com"); the caller's reference. NULL
 * with ERROR. */
struct secret *keeper_token_now(struct keeper *keeper, const struct config_identity *identity,
                                const char *resource, struct azure_error *error) MUST_CHECK;
/* The base URL of the model management service of NAMED's workspace (web services, v1); owned by
 * the keeper. NULL with ERROR. */
const char *keeper_workspace_now(struct keeper *keeper, const struct config_named *named,
                                 const struct config_identity *identity,
                                 struct azure_error *error) MUST_CHECK;
/* Sends R and hands the answer to READ(context, answer, error), whose result is returned; false
 * also if no answer came. */
bool keeper_call_now(struct keeper *keeper, const struct azure_request *r, size_t max_body,
                     bool (*read)(void *context, const struct azure_answer *answer,
                                  struct azure_error *error),
                     void *context, struct azure_error *error) MUST_CHECK;
