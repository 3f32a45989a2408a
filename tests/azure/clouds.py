# SPDX-License-Identifier: MIT
"""What the clouds' resources are called in a token request."""

RESOURCES = {
    "public": {"arm": ("https://management.azure.com", "https://management.core.windows.net"),
               "ml": ("https://ml.azure.com",),
               "vault": ("https://vault.azure.net",),
               "cognitive": ("https://cognitiveservices.azure.com",)},
    "china": {"arm": ("https://management.chinacloudapi.cn",
                      "https://management.core.chinacloudapi.cn"),
              "ml": ("https://ml.azure.cn",),
              "vault": ("https://vault.azure.cn",),
              "cognitive": ("https://cognitiveservices.azure.cn",)},
    "usgov": {"arm": ("https://management.usgovcloudapi.net",
                      "https://management.core.usgovcloudapi.net"),
              "ml": ("https://ml.azure.us",),
              "vault": ("https://vault.usgovcloudapi.net",),
              "cognitive": ("https://cognitiveservices.azure.us",)},
}


def resource_of(scope):
    """"https://vault.azure.net" of "https://vault.azure.net/.default"; None without the suffix."""
    suffix = "/.default"
    return scope[:-len(suffix)].rstrip("/") if scope.endswith(suffix) else None
