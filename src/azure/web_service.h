/* SPDX-License-Identifier: MIT */
/* Web services (v1) of a workspace, on ACI and AKS, by the model management service (MMS). Where
 * that is: ARM names the workspace's discovery document, which names it. Sources:
 * azure-rest-api-specs, modelManagement.json; the azureml-core package. */
#pragma once

#include "azure/online_endpoint.h"

/* GET of the workspace from ARM, and the URL of its discovery document (https only). */
bool workspace_get(const struct azure_workspace *w, struct secret *bearer,
                   struct azure_request *r) MUST_CHECK;
bool workspace_read(const struct azure_answer *a, struct buf *discovery_url,
                    struct azure_error *error) MUST_CHECK;
/* GET of the discovery document (without a token), and MMS's base URL in it (https only). */
bool discovery_get(struct text discovery_url, struct azure_request *r) MUST_CHECK;
bool discovery_read(const struct azure_answer *a, struct buf *base,
                    struct azure_error *error) MUST_CHECK;

/* As those of online_endpoint.h; BASE: of discovery_read(). */
bool web_service_get(const char *base, const struct azure_workspace *w, const char *name,
                     struct secret *bearer, struct azure_request *r) MUST_CHECK;
bool web_service_list(const char *base, const struct azure_workspace *w,
                      const struct azure_filter *filter, struct secret *bearer,
                      struct azure_request *r) MUST_CHECK;
bool web_service_keys(const char *base, const struct azure_workspace *w, const char *name,
                      struct secret *bearer, struct azure_request *r) MUST_CHECK;
bool web_service_token(const char *base, const struct azure_workspace *w, const char *name,
                       struct secret *bearer, struct azure_request *r) MUST_CHECK;
bool web_service_regenerate(const char *base, const struct azure_workspace *w, const char *name,
                            enum azure_key key, struct secret *bearer,
                            struct azure_request *r) MUST_CHECK;
bool web_service_read(const struct azure_answer *a, struct azure_service *s,
                      struct azure_error *error) MUST_CHECK;
bool web_service_read_page(const struct azure_answer *a, struct text origin,
                           struct azure_page *page, struct azure_error *error) MUST_CHECK;
