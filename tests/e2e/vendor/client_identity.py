# SPDX-License-Identifier: MIT
"""Microsoft's Python clients, aimed at the fake: run in their own environment, one question each.
Standard input: {"do", "authority", …}; standard output: what came of it, as JSON."""

import json
import sys

from azure.core.exceptions import ClientAuthenticationError, ResourceNotFoundError
from azure.identity import (
    CertificateCredential, ClientSecretCredential, ManagedIdentityCredential,
    WorkloadIdentityCredential)

ARM = "https://management.azure.com/.default"


def credential(ask):
    """By ask["credential"]: secret, certificate, workload, or managed with further options."""
    away = {"authority": ask["authority"], "disable_instance_discovery": True}
    kind = ask.get("credential", "secret")
    if kind == "secret":
        return ClientSecretCredential(ask["tenant"], ask["client_id"], ask["secret"], **away)
    if kind == "certificate":
        return CertificateCredential(ask["tenant"], ask["client_id"], ask["certificate"], **away)
    if kind == "workload":  # all the rest from the environment
        return WorkloadIdentityCredential(disable_instance_discovery=True)
    return ManagedIdentityCredential(**ask.get("options", {}))


def token(ask):
    try:
        got = credential(ask).get_token(ask.get("scope", ARM))
    except ClientAuthenticationError as error:
        return {"refused": str(error)}
    return {"token": got.token, "expires_on": got.expires_on}


def endpoints(ask):
    from azure.mgmt.machinelearningservices import MachineLearningServicesMgmtClient
    client = MachineLearningServicesMgmtClient(
        credential(ask), ask["subscription"], base_url=ask["management"])
    place = (ask["resource_group"], ask["workspace"])
    operations = client.online_endpoints
    one = operations.get(*place, ask["name"])
    before = operations.list_keys(*place, ask["name"])
    operations.begin_regenerate_keys(*place, ask["name"], {"keyType": "Primary"},
                                     polling_interval=0.1).result(60)
    after = operations.list_keys(*place, ask["name"])
    got = operations.get_token(*place, ask["token_name"])
    try:
        operations.get(*place, "missing")
        missing = None
    except ResourceNotFoundError as error:
        missing = error.error.code
    return {
        "discovery_url": client.workspaces.get(*place).discovery_url,
        "all": [e.name for e in operations.list(*place)],
        "tagged": [e.name for e in operations.list(*place, tags="team=b")],
        "auth_mode": one.properties.auth_mode, "scoring_uri": one.properties.scoring_uri,
        "traffic": one.properties.traffic,
        "deployments": {d.name: [d.sku.capacity, str(d.properties.request_settings.request_timeout),
                                 d.properties.request_settings.max_concurrent_requests_per_instance]
                        for d in client.online_deployments.list(*place, ask["name"])},
        "before": [before.primary_key, before.secondary_key],
        "after": [after.primary_key, after.secondary_key],
        "token": got.access_token, "expiry": got.expiry_time_utc,
        "refresh": got.refresh_after_time_utc, "missing": missing}


def secret(ask):
    from azure.keyvault.secrets import SecretClient
    client = SecretClient(ask["vault_url"], credential(ask), verify_challenge_resource=False)
    one = client.get_secret(ask["name"])
    try:
        client.get_secret("missing")
        missing = None
    except ResourceNotFoundError as error:
        missing = error.error.code
    return {"value": one.value, "version": one.properties.version,
            "enabled": one.properties.enabled, "missing": missing,
            "expires_on": one.properties.expires_on.timestamp(),
            "content_type": one.properties.content_type}


if __name__ == "__main__":
    question = json.load(sys.stdin)
    print(json.dumps({"token": token, "endpoints": endpoints, "secret": secret}[
        question["do"]](question)))
