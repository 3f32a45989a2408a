# SPDX-License-Identifier: MIT
"""Key Vault: the secrets of one vault."""

from .message import Answer, vault_error
from .tokens import Bad


class Vault:
    def __init__(self, azure):
        self._azure = azure

    def secret(self, call, name, version=None):
        azure = self._azure
        try:
            principal = azure.bearer(call, "vault")
        except Bad as bad:
            return vault_error(401, "Unauthorized", f"AKV10000: {bad}", {
                "WWW-Authenticate": f'Bearer authorization="{azure.authority}/{azure.tenant}", '
                                    f'resource="{azure.resources["vault"][0]}"'})
        if "api-version" not in call.query:
            return vault_error(400, "BadParameter", "api-version must be specified")
        if principal and not principal.may(call.kind):
            return vault_error(403, "Forbidden", "The user, group or application "
                               f"'appid={principal.client_id};oid={principal.object_id}' does not "
                               "have secrets get permission on key vault 'v'.",
                               inner="AccessDenied")
        secret = azure.secrets.get(name.lower())
        version = version or (secret and secret.latest)
        if secret is None or version not in secret.versions:
            return vault_error(404, "SecretNotFound", f"A secret with (name/id) {name} was not "
                               "found in this key vault.")
        if not secret.enabled:
            return vault_error(403, "Forbidden", "Operation get is not allowed on a disabled "
                               "secret.", inner="SecretDisabled")
        value, created = secret.versions[version]
        attributes = {"enabled": secret.enabled, "created": created, "updated": created,
                      "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90}
        attributes.update({n: getattr(secret, n) for n in ("nbf", "exp")
                           if getattr(secret, n) is not None})
        document = {"value": value, "id": f"{call.base}/secrets/{secret.name}/{version}",
                    "attributes": attributes, "tags": secret.tags}
        if secret.content_type:
            document["contentType"] = secret.content_type
        return Answer(200, document, {"x-ms-keyvault-region": "westeurope"})
