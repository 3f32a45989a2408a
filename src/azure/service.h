/* SPDX-License-Identifier: MIT */
/* A deployed service as a workspace describes it: an online endpoint (v2) or a web service on ACI
 * or AKS (v1), and what both have in common: keys, lists, asynchronous operations. */
#pragma once

#include "azure/answer.h"

#include <stddef.h>

enum azure_auth {
    AZURE_AUTH_NONE,
    AZURE_AUTH_KEY,
    AZURE_AUTH_TOKEN, /* a token of the service's own */
    AZURE_AUTH_ENTRA, /* an Entra token (aad_token) */
};

/* Which deployments take an endpoint's requests: those with more than 0 percent. */
struct azure_share {
    char *deployment;
    unsigned percent;
};
struct azure_traffic {
    struct azure_share *shares;
    size_t count;
};
void azure_traffic_done(struct azure_traffic *traffic);

struct azure_service {
    char *name;
    char *kind;                      /* "online" , or v1's computeType: "ACI", "AKS", … */
    char *state;                     /* provisioningState, or v1's state; "unknown" if not said */
    char *scoring_uri, *swagger_uri; /* NULL: none (yet) */
    enum azure_auth auth;
    struct azure_traffic traffic; /* of an online endpoint; empty: there is none, or not known */
};
void azure_service_done(struct azure_service *s);
/* "none", "key", "token", "entra". */
const char *azure_auth_word(enum azure_auth auth);

/* One page of a list. */
struct azure_page {
    struct azure_service *services;
    size_t count;
    char *next; /* the URL of the next page, or NULL; it is of the same origin as the request's */
};
void azure_page_done(struct azure_page *page);

enum azure_key { AZURE_KEY_PRIMARY, AZURE_KEY_SECONDARY };

struct azure_keys {
    struct secret *primary, *secondary; /* the caller's references; secondary may be NULL */
};
void azure_keys_done(struct azure_keys *keys);
/* {"primaryKey", "secondaryKey"} of v1 and v2. */
bool azure_keys_read(const struct azure_answer *a, struct azure_keys *keys,
                     struct azure_error *error) MUST_CHECK;

enum azure_operation { AZURE_OPERATION_RUNNING, AZURE_OPERATION_DONE };
/* The answer to a regenerateKeys: done at once (200), or running (202), then the poll URL goes into
 * POLL (Azure-AsyncOperation, Operation-Location or Location; only of ORIGIN's origin). */
bool azure_operation_begin(const struct azure_answer *a, struct text origin, struct buf *poll,
                           enum azure_operation *state, struct azure_error *error) MUST_CHECK;
/* GET of the poll URL, or of the next page of a list. */
bool azure_follow_request(struct text url, struct secret *bearer,
                          struct azure_request *r) MUST_CHECK;
/* Its answer: {"status"} of ARM or {"state"} of MMS. Failed, Canceled, TimedOut are an ERROR. */
bool azure_operation_read(const struct azure_answer *a, enum azure_operation *state,
                          struct azure_error *error) MUST_CHECK;

/* What to list; NULL and 0: everything. */
struct azure_filter {
    const char *name, *compute_type, *order_by;
    const char *model_name, *model_id, *image_name, *image_id, *image_digest; /* v1 only */
    const char *tags, *properties;                                            /* "key,key=value" */
    unsigned page; /* services per page */
};
