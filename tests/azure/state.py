# SPDX-License-Identifier: MIT
"""Who and what there is: applications, managed identities, vault secrets, workspaces. Tests make
them through Azure's methods, and may change every attribute at any time."""

import fnmatch
import secrets
import time
from pathlib import Path

from .endpoint import Endpoint
from .service import Service
from .tokens import Certificate, guid

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"


class Principal:
    """Who a token is for. deny("arm.listKeys") takes the role away, allow() gives it back; the
    argument is a pattern over the kinds of requests, as "arm.*"."""

    def __init__(self, client_id=None, object_id=None):
        self.client_id = client_id or guid()
        self.object_id = object_id or guid()
        self.denied = set()

    def deny(self, *kinds):
        self.denied.update(kinds)

    def allow(self, *kinds):
        self.denied.difference_update(kinds or set(self.denied))

    def may(self, kind):
        return not any(fnmatch.fnmatchcase(kind, pattern) for pattern in self.denied)


class Application(Principal):
    """Registered in TENANT. SECRETS: any of them is accepted. CERTIFICATES: PEM bytes or paths.
    FEDERATED: paths of files; the content of any is accepted as an assertion."""

    def __init__(self, tenant, client_id=None, secrets=(), certificates=(), federated=(),
                 object_id=None):  # pylint: disable=redefined-outer-name
        super().__init__(client_id, object_id)
        self.tenant = tenant
        self.secrets = list(secrets)
        self.certificates = [c if isinstance(c, Certificate) else Certificate(c)
                             for c in certificates]
        self.federated = [Path(f) for f in federated]
        self.assertions = set()  # the jti of those that were used

    @property
    def secret(self):
        return self.secrets[0]


class ManagedIdentity(Principal):
    """SYSTEM: the machine's own, which an unqualified request gets."""

    def __init__(self, client_id=None, object_id=None, resource_id=None, system=False):
        super().__init__(client_id, object_id)
        self.system = system
        self.resource_id = resource_id or (
            f"/subscriptions/{SUBSCRIPTION}/resourcegroups/rg/providers/"
            f"Microsoft.ManagedIdentity/userAssignedIdentities/id-{self.client_id[:8]}")


class Secret:
    """A secret of the vault. Setting value makes a new version; the older ones stay readable."""

    def __init__(self, name, value, enabled=True, nbf=None, exp=None, content_type=None,
                 tags=None):
        self.name = name
        self.enabled = enabled
        self.nbf = nbf
        self.exp = exp
        self.content_type = content_type
        self.tags = dict(tags or {})
        self.versions = {}  # id -> (value, created)
        self.value = value

    @property
    def value(self):
        return self.versions[self.latest][0]

    @value.setter
    def value(self, value):
        self.latest = secrets.token_hex(16)
        self.versions[self.latest] = (value, int(time.time()))


class Workspace:
    """Has v2 endpoints and v1 services, by name."""

    def __init__(self, azure, name, resource_group="rg", subscription=SUBSCRIPTION,
                 location="westeurope", discovery_url=None):
        self.azure = azure
        self.name = name
        self.resource_group = resource_group
        self.subscription = subscription
        self.location = location
        self.guid = guid()
        self.discovery_url = discovery_url or f"{azure.management}/discovery"
        self.endpoints = {}
        self.services = {}

    @property
    def id(self):
        return (f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"
                f"/providers/Microsoft.MachineLearningServices/workspaces/{self.name}")

    def is_at(self, subscription, resource_group, name):
        """The names of Azure's resources are compared without case."""
        return (self.subscription.lower(), self.resource_group.lower(), self.name.lower()) == (
            subscription.lower(), resource_group.lower(), name.lower())

    def endpoint(self, name, **options):
        """A new v2 online endpoint: see Endpoint."""
        self.endpoints[name.lower()] = made = Endpoint(self, name, **options)
        return made

    def service(self, name, **options):
        """A new v1 web service: see Service."""
        self.services[name.lower()] = made = Service(self, name, **options)
        return made

    def remove(self, name):
        """The endpoint or service called NAME is gone."""
        self.endpoints.pop(name.lower(), None)
        self.services.pop(name.lower(), None)

    def document(self):
        return {
            "id": self.id, "name": self.name,
            "type": "Microsoft.MachineLearningServices/workspaces", "location": self.location,
            "tags": {}, "identity": {"type": "SystemAssigned", "principalId": self.guid,
                                     "tenantId": self.azure.tenant},
            "sku": {"name": "Basic", "tier": "Basic"},
            "properties": {
                "friendlyName": self.name, "description": "", "workspaceId": self.guid,
                "discoveryUrl": self.discovery_url, "provisioningState": "Succeeded",
                "hbiWorkspace": False, "publicNetworkAccess": "Enabled",
                "mlFlowTrackingUri": f"azureml://{self.location}.api.azureml.ms/mlflow/v1.0"
                                     + self.id,
                "keyVault": f"/subscriptions/{self.subscription}/resourceGroups/"
                            f"{self.resource_group}/providers/Microsoft.KeyVault/vaults/v",
                "storageAccount": f"/subscriptions/{self.subscription}/resourceGroups/"
                                  f"{self.resource_group}/providers/Microsoft.Storage/"
                                  "storageAccounts/s",
                "applicationInsights": f"/subscriptions/{self.subscription}/resourceGroups/"
                                       f"{self.resource_group}/providers/microsoft.insights/"
                                       "components/i"}}
