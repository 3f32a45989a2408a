/* SPDX-License-Identifier: MIT */
/* The clouds: where Entra and the management API are, and what their tokens are for. Overrides of
 * the configuration win. Sources are named in cloud.c. */
#pragma once

#include "config/config.h"

/* Each is without a slash at its end. */
const char *
cloud_authority(const struct config_azure *azure); /* "https://login.microsoftonline.com" */
const char *cloud_management(const struct config_azure *azure); /* "https://management.azure.com" */
const char *cloud_imds(const struct config_azure *azure);       /* "http://169.254.169.254" */

/* Resources of tokens (audiences), which an override of an address does not change. */
const char *
cloud_management_resource(const struct config_azure *azure); /* "https://management.azure.com" */
const char *cloud_ml_resource(const struct config_azure *azure);    /* "https://ml.azure.com" */
const char *cloud_vault_resource(const struct config_azure *azure); /* "https://vault.azure.net" */
