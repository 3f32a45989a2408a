/* SPDX-License-Identifier: MIT */
/* The kinds of sources. Each function returns the source of its arguments, made at the first call
 * and the same one from then on; NULL when out of memory. NAME is what people see of one that is
 * made. */
#pragma once

#include "daemon/source.h"

/* No name or key of a source is longer than what a configuration's strings make of it. */
#define SOURCE_NAME_MAX ((size_t)4 * 1024 * 1024)

/* A secret of the configuration: what stands there, a file that is watched, or one of Key Vault. */
struct source *source_of_secret(struct sources *all, const struct config_secret *secret,
                                const char *name) MUST_CHECK;
/* A token that somebody else writes to FILE. REFRESH_BY: a time, a file with one, or NULL. */
struct source *source_of_token_file(struct sources *all, const char *file, const char *refresh_by,
                                    const char *name) MUST_CHECK;
/* A token of IDENTITY for RESOURCE, without "/.default". */
struct source *source_of_identity(struct sources *all, const struct config_identity *identity,
                                  const char *resource) MUST_CHECK;

/* Of an endpoint or web service: where it is and what it wants; its keys; its token. */
struct named_service {
    const struct config_named *named;
    bool v1; /* a web service, else an online endpoint */
    const struct config_identity *identity;
};
struct source *source_of_lookup(struct sources *all, const struct named_service *of,
                                const char *name) MUST_CHECK;
struct source *source_of_keys(struct sources *all, const struct named_service *of,
                              const char *name) MUST_CHECK;
struct source *source_of_endpoint_token(struct sources *all, const struct named_service *of,
                                        const char *name) MUST_CHECK;
/* The deployments of an online endpoint, whose lookup is there already. */
struct source *source_of_deployments(struct sources *all, const struct named_service *of,
                                     const char *name) MUST_CHECK;
/* Where the model management service of a workspace is. */
struct source *source_of_workspace(struct sources *all, const struct config_named *named,
                                   const struct config_identity *identity) MUST_CHECK;

/* The deployments and the traffic of an endpoint are looked at again this often, so that a change
 * of scale is followed. */
#define DEPLOYMENTS_REFRESH (60 * USEC_PER_SEC)

/* How long a token of LIFETIME_S may be shown. Services write times in whole seconds and cut off
 * the rest, so that it can end up to a second sooner than they say. */
static inline usec_t token_shown_for(int64_t lifetime_s) {
    return lifetime_s > 1 ? (lifetime_s - 1) * USEC_PER_SEC : USEC_PER_SEC / 2;
}

/* The workspace of NAMED as azure/ wants it. */
struct azure_workspace workspace_of(const struct config *config, const struct config_named *named);
