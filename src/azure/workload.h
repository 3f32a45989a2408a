/* SPDX-License-Identifier: MIT */
/* Workload identity: a token that Kubernetes has put into a file is shown to Entra, or, with
 * identity bindings (opt-in), to the cluster's token proxy. The file is read anew each time. */
#pragma once

#include "azure/answer.h"
#include "config/config.h"

/* What the environment says (AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE,
 * AZURE_AUTHORITY_HOST, AZURE_KUBERNETES_*); NULL where it says nothing. */
struct workload_environment {
    const char *client_id, *tenant_id, *token_file, *authority;
    const char *proxy, *sni_name, *ca_file, *ca_data;
};
void workload_environment_read(struct workload_environment *env);

/* The authorities of the token proxy that were read last: while AZURE_KUBERNETES_CA_FILE is being
 * replaced it may be empty, and then these are good. Kept by the caller from one request to the
 * next. */
struct workload_ca {
    struct buf pem;
};
void workload_ca_init(struct workload_ca *ca);
void workload_ca_done(struct workload_ca *ca);

/* The request for IDENTITY of type workload; what the configuration does not say comes from ENV.
 * The authority is ENV's unless OVERRIDE (azure.authority of the configuration) is not NULL;
 * without both it is FALLBACK (the cloud's). With identity_binding it goes to the proxy that ENV
 * names, directly (AZURE_REACH_MACHINE) but always https, trusting only ENV's authorities if it
 * names some. False with ERROR naming the variable or file that is missing or wrong. */
bool workload_request(const struct config_identity *identity,
                      const struct workload_environment *env, const char *override,
                      const char *fallback, const char *scope, struct workload_ca *ca,
                      struct azure_request *r, struct azure_error *error) MUST_CHECK;
