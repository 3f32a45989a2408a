/* SPDX-License-Identifier: MIT */
/* Online endpoints (v2) of a workspace, by the management API (ARM). Sources: azure-rest-api-specs,
 * Microsoft.MachineLearningServices, OnlineEndpoints; "Authenticate clients for online endpoints".
 */
#pragma once

#include "azure/service.h"

/* A workspace by its names, as in the configuration. */
struct azure_workspace {
    const char *management;  /* base URL */
    const char *api_version; /* of ARM */
    const char *subscription, *resource_group, *workspace;
};

/* Appends "/subscriptions/…/workspaces/WORKSPACE", percent-encoded. */
void azure_add_workspace(struct buf *url, const struct azure_workspace *w);
/* Begins the request about ACTION ("deployments", "listKeys"; NULL: itself) of endpoint NAME (NULL:
 * the list of them). azure_request_end() ends it. */
void online_endpoint_begin(struct azure_request *r, enum method method,
                           const struct azure_workspace *w, const char *name, const char *action,
                           struct secret *bearer);

/* Each writes a request; false: out of memory. BEARER: a token for the management resource. */
bool online_endpoint_get(const struct azure_workspace *w, const char *name, struct secret *bearer,
                         struct azure_request *r) MUST_CHECK;
bool online_endpoint_list(const struct azure_workspace *w, const struct azure_filter *filter,
                          struct secret *bearer, struct azure_request *r) MUST_CHECK;
bool online_endpoint_keys(const struct azure_workspace *w, const char *name, struct secret *bearer,
                          struct azure_request *r) MUST_CHECK;
bool online_endpoint_token(const struct azure_workspace *w, const char *name, struct secret *bearer,
                           struct azure_request *r) MUST_CHECK;
/* Asks for a new key made by Azure (no keyValue: an SDK that sends the old one changes nothing). */
bool online_endpoint_regenerate(const struct azure_workspace *w, const char *name,
                                enum azure_key key, struct secret *bearer,
                                struct azure_request *r) MUST_CHECK;

/* What get answers. */
bool online_endpoint_read(const struct azure_answer *a, struct azure_service *s,
                          struct azure_error *error) MUST_CHECK;
/* What list answers. ORIGIN: the URL that was asked; a next link to elsewhere is an error. */
bool online_endpoint_read_page(const struct azure_answer *a, struct text origin,
                               struct azure_page *page, struct azure_error *error) MUST_CHECK;
