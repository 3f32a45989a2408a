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

/* The request for IDENTITY of type workload; what the configuration does not say comes from ENV.
 * The authority is ENV's unless OVERRIDE (azure.authority of the configuration) is not NULL;
 * without both it is FALLBACK (the cloud's). False with ERROR naming the variable or file that is
 * missing. */
bool workload_request(const struct config_identity *identity,
                      const struct workload_environment *env, const char *override,
                      const char *fallback, const char *scope, struct azure_request *r,
                      struct azure_error *error) MUST_CHECK;
