# SPDX-License-Identifier: MIT
"""Which request goes where: the paths of every service, and the kind by which tests call it. The
hosts of the real thing are told apart by path, so that one server can play them all."""

import re
import urllib.parse

from .arm import Arm
from .entra import Entra
from .mms import Mms
from .vault import Vault

WORKSPACE = (r"/subscriptions/(?P<sub>[^/]+)/resourceGroups/(?P<rg>[^/]+)/providers"
             r"/Microsoft\.MachineLearningServices/workspaces/(?P<ws>[^/]+)")
ENDPOINTS = WORKSPACE + r"/onlineEndpoints"
ENDPOINT = ENDPOINTS + r"/(?P<name>[^/]+)"
LOCATION = (r"/subscriptions/(?P<sub>[^/]+)/providers/Microsoft\.MachineLearningServices"
            r"/locations/(?P<location>[^/]+)")
MMS = r"(?:/modelmanagement/v1\.0|/api)" + WORKSPACE
SERVICE = MMS + r"/services/(?P<name>[^/]+)"
IDENTIFIER = r"/(?P<identifier>[^/]+)"


class Routes:
    def __init__(self, azure):
        entra, arm, mms, vault = Entra(azure), Arm(azure), Mms(azure), Vault(azure)
        machine = azure.machine
        self._tls = self._compiled(
            ("entra.token", "POST", r"/(?P<tenant>[^/]+)/oauth2/(?P<version>v2\.0/)?token",
             entra.token),
            ("entra.configuration", "GET",
             r"/(?P<tenant>[^/]+)(?:/v2\.0)?/\.well-known/openid-configuration",
             entra.configuration),
            ("entra.instance", "GET", r"/common/discovery/instance", entra.instance),
            ("entra.keys", "GET", r"/(?P<tenant>[^/]+)/discovery(?:/v2\.0)?/keys", entra.keys),
            ("arm.workspace", "GET", WORKSPACE, arm.workspace),
            ("arm.endpoints", "GET", ENDPOINTS, arm.endpoints),
            ("arm.endpoint", "GET", ENDPOINT, arm.endpoint),
            ("arm.deployments", "GET", ENDPOINT + "/deployments", arm.deployments),
            ("arm.listKeys", "POST", ENDPOINT + "/listKeys", arm.list_keys),
            ("arm.token", "POST", ENDPOINT + "/token", arm.token),
            ("arm.regenerateKeys", "POST", ENDPOINT + "/regenerateKeys", arm.regenerate),
            ("arm.operation", "GET", LOCATION + "/mfeOperationsStatus" + IDENTIFIER,
             arm.operation),
            ("arm.result", "GET", LOCATION + "/mfeOperationResults" + IDENTIFIER, arm.result),
            ("mms.discovery", "GET", r"/discovery(?:/.*)?", mms.discovery),
            ("mms.services", "GET", MMS + "/services", mms.services),
            ("mms.service", "GET", SERVICE, mms.service),
            ("mms.listkeys", "POST", SERVICE + "/listkeys", mms.list_keys),
            ("mms.regenerateKeys", "POST", SERVICE + "/regenerateKeys", mms.regenerate),
            ("mms.token", "POST", SERVICE + "/token", mms.token),
            ("mms.operation", "GET", MMS + "/operations" + IDENTIFIER, mms.operation),
            ("vault.secret", "GET", r"/secrets/(?P<name>[^/]+)(?:/(?P<version>[^/]+))?",
             vault.secret))
        self._plain = self._compiled(
            ("imds.token", "GET", "/metadata/identity/oauth2/token", machine.imds),
            ("app-service.token", "GET", "/msi/token", machine.app_service),
            ("legacy.token", "GET", "/msi/legacy/token", machine.legacy),
            ("azure-ml.token", "GET", "/azureml/token", machine.azure_ml),
            ("arc.token", "GET", "/arc/metadata/identity/oauth2/token", machine.arc))

    @staticmethod
    def _compiled(*routes):
        return [(kind, method, re.compile(pattern + "/?", re.IGNORECASE), handler)
                for kind, method, pattern, handler in routes]

    def find(self, call, tls):
        """What is to be called to answer CALL, or None; sets its kind."""
        for kind, method, pattern, handler in self._tls if tls else self._plain:
            match = pattern.fullmatch(call.path)
            if match and method == call.method:
                call.kind = self._kind(kind, call)
                # The version of the token endpoint may be missing: that is v1.
                found = {n: urllib.parse.unquote(v) if v else v
                         for n, v in match.groupdict().items()}
                return lambda: handler(call, **found)
        return None

    @staticmethod
    def _kind(kind, call):
        """A first question without the header that makes it a real one has a kind of its own."""
        if kind == "imds.token" and "Metadata" not in call.headers:
            return "imds.probe"
        if kind == "arc.token" and not call.authorization:
            return "arc.challenge"
        if kind == "vault.secret" and not call.authorization:
            return "vault.challenge"
        return kind
