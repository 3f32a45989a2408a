/* SPDX-License-Identifier: MIT */
/* Managed identities: the machine's own token service, in the form that the environment shows. The
 * answers are read with azure_token_read(managed = true). */
#pragma once

#include "azure/answer.h"
#include "config/config.h"

enum managed_source {
    MANAGED_IMDS, /* virtual machines and scale sets; what is left when nothing else is found */
    MANAGED_APP_SERVICE, /* App Service, Functions, Container Apps: IDENTITY_ENDPOINT,
                            IDENTITY_HEADER */
    MANAGED_ARC,         /* IDENTITY_ENDPOINT and IMDS_ENDPOINT, or the agent is installed */
    MANAGED_ML, /* Azure ML compute and the old API of App Service: MSI_ENDPOINT, MSI_SECRET */
    MANAGED_UNSUPPORTED, /* Service Fabric, Cloud Shell */
};

/* What the environment says; pointers into it, NULL where it says nothing. */
struct managed_environment {
    const char *identity_endpoint, *identity_header, *identity_server_thumbprint;
    const char *imds_endpoint, *msi_endpoint, *msi_secret;
    const char *default_client_id; /* DEFAULT_IDENTITY_CLIENT_ID: of Azure ML compute */
    bool arc_agent;                /* /opt/azcmagent/bin/himds is there */
};
void managed_environment_read(struct managed_environment *env);
enum managed_source managed_detect(const struct managed_environment *env);
/* "imds", "app-service", "arc", "azure-ml", "unsupported". */
const char *managed_source_word(enum managed_source source);

/* The request for a token of IDENTITY (system-assigned, or user-assigned by client_id, object_id or
 * resource_id) for RESOURCE ("https://ml.azure.com", without /.default). IMDS: its base URL. False
 * with ERROR: the source cannot do it (Arc has no user-assigned identities, MANAGED_ML takes a
 * client_id only), its variables hold no URL or no header's value, out of memory. */
bool managed_request(enum managed_source source, const struct managed_environment *env,
                     const char *imds, const struct config_identity *identity, const char *resource,
                     struct azure_request *r, struct azure_error *error) MUST_CHECK;

/* Azure Arc answers the first request with 401 and names a file that only the right users can read.
 * Adds its content to R, a new request of managed_request(). The file must be directly in DIRECTORY
 * (MANAGED_ARC_DIRECTORY), end in ".key", be regular, no link, and hold 4096 bytes at most. False
 * with ERROR, and R holds nothing. */
#define MANAGED_ARC_DIRECTORY "/var/opt/azcmagent/tokens"
bool managed_arc_answer(struct text challenge, const char *directory, struct azure_request *r,
                        struct azure_error *error) MUST_CHECK;
