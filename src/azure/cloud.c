/* SPDX-License-Identifier: MIT */
/* The table of clouds. Sources: azure-identity's AzureAuthorityHosts, azure-ai-ml's
 * _azure_environments.py, "Azure Government endpoint mapping" and docs.azure.cn's comparison of
 * endpoints; for IMDS, which is the same everywhere, "Azure Instance Metadata Service". */
#include "azure/cloud.h"

static const struct {
    const char *authority, *management, *ml, *vault;
} clouds[] = {
    [CLOUD_PUBLIC] = {"https://login.microsoftonline.com", "https://management.azure.com",
                      "https://ml.azure.com", "https://vault.azure.net"},
    [CLOUD_CHINA] = {"https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn",
                     "https://ml.azure.cn", "https://vault.azure.cn"},
    [CLOUD_USGOV] = {"https://login.microsoftonline.us", "https://management.usgovcloudapi.net",
                     "https://ml.azure.us", "https://vault.usgovcloudapi.net"},
};

const char *cloud_authority(const struct config_azure *azure) {
    return azure->authority ? azure->authority : clouds[azure->cloud].authority;
}

const char *cloud_management(const struct config_azure *azure) {
    return azure->management ? azure->management : clouds[azure->cloud].management;
}

const char *cloud_imds(const struct config_azure *azure) {
    return azure->imds ? azure->imds : "http://169.254.169.254";
}

const char *cloud_management_resource(const struct config_azure *azure) {
    return clouds[azure->cloud].management;
}

const char *cloud_ml_resource(const struct config_azure *azure) {
    return clouds[azure->cloud].ml;
}

const char *cloud_vault_resource(const struct config_azure *azure) {
    return clouds[azure->cloud].vault;
}
