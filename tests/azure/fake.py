# SPDX-License-Identifier: MIT
"""The fake itself: its two servers, what there is in it, and what was asked of it."""

from pathlib import Path

from . import scoring
from .clouds import RESOURCES
from .control import Commands
from .identity import Machine
from .issuing import Issuing
from .routes import Routes
from .server import Server
from .state import Application, ManagedIdentity, Secret, Workspace
from .tokens import guid
from .traffic import Traffic

TENANT = "aaaaaaaa-0000-4000-8000-000000000001"


class Azure(Traffic, Issuing):
    """TLS: a Cert for localhost and 127.0.0.1. Everything here may be changed at any time:

    token_lifetime, refresh_in            of Entra's tokens, in seconds; None: no refresh_in
    identity_lifetime, identity_refresh_in  the same of managed identities
    identity_cache                        the machine hands out the same token until it ends
    identity_concurrent                   more at once are answered 429; None: no limit
    legacy_dates                          "linux" or "windows": how the old App Service writes them
    endpoint_lifetime, endpoint_refresh_after  of AML tokens, v1 and v2
    operation_polls, operation_seconds    how long a key regeneration takes; 0 and None: no time,
    operation_outcome, operation_retry_after   and the answer is 200 instead of 202
    page_size                             of lists, where count says nothing else
    jti_once                              an assertion is accepted once
    skew                                  seconds by which the fake's clock is ahead of this one's

    machine.key_directory                 where Arc's key files are put

    What was asked of it, and how to make it go wrong, is in Traffic."""

    def __init__(self, tls, *, cloud="public", port=0, identity_port=0):
        Traffic.__init__(self)
        Issuing.__init__(self)
        self.token_lifetime, self.refresh_in = 3599, None
        self.identity_lifetime, self.identity_refresh_in = 86399, None
        self.identity_cache, self.identity_concurrent = False, 5
        self.legacy_dates = "linux"
        self.endpoint_lifetime, self.endpoint_refresh_after = 86400, 43200
        self.operation_polls, self.operation_seconds = 1, None
        self.operation_outcome, self.operation_retry_after = "Succeeded", 1
        self.page_size, self.jti_once, self.skew = 20, True, 0
        self.tenant = TENANT
        self.resources = {n: list(r) for n, r in RESOURCES[cloud].items()}
        self.applications, self.identities, self.workspaces = [], [], []
        self.secrets = {}
        self._numbers = 0
        self.machine = Machine(self)
        self.commands = Commands(self)
        self.routes = Routes(self)
        self._tls = Server(self, tls, port)
        self._plain = Server(self, None, identity_port)
        self.authority = self.management = self.vault_url = f"https://localhost:{self._tls.port}"
        self.imds = f"http://127.0.0.1:{self._plain.port}"
        self.control_url = f"{self.imds}/_control"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends at once, whatever is under way."""
        self.stopping.set()
        self._tls.stop()
        self._plain.stop()
        self.machine.clean()

    # What there is

    def application(self, *, tenant=None, secret=None, **options):
        """A new Application, in the default tenant; SECRET: one, as secrets takes several."""
        if secret is not None:
            options["secrets"] = [secret]
        return self._add(self.applications, Application(tenant or self.tenant, **options))

    def identity(self, **options):
        """A new ManagedIdentity of the machine."""
        return self._add(self.identities, ManagedIdentity(**options))

    def workspace(self, name="ws", **options):
        """A new Workspace, to which endpoints and services are added."""
        return self._add(self.workspaces, Workspace(self, name, **options))

    def secret(self, name, value, **options):
        """A new Secret of the vault."""
        with self.lock:
            self.secrets[name.lower()] = made = Secret(name, value, **options)
        return made

    def _add(self, items, made):
        with self.lock:
            items.append(made)
        return made

    def find(self, name):
        """The only endpoint or service called NAME."""
        found = [one for w in self.workspaces for kind in (w.endpoints, w.services)
                 for one in (kind.get(name.lower()),) if one]
        if len(found) != 1:
            raise KeyError(f"{len(found)} endpoints and services are called {name!r}")
        return found[0]

    def write_federated(self, path, application, lifetime=3600):
        """Puts a new token of the cluster into the file PATH, which APPLICATION trusts from now."""
        now = int(self.now())
        path = Path(path)
        path.write_text(self.issuer.issue({
            "iss": "https://cluster.example/", "sub": "system:serviceaccount:default:scoregate",
            "aud": ["api://AzureADTokenExchange"], "iat": now, "nbf": now, "exp": now + lifetime,
            "jti": guid()}))
        if path not in application.federated:
            application.federated.append(path)
        return path

    def environment(self, kind, application=None, token_file=None, client_id=None):
        """What a process on a machine of KIND finds in its environment: imds, app-service,
        container-apps, app-service-legacy, azure-ml, arc, or workload: of APPLICATION, with a
        token written to TOKEN_FILE. CLIENT_ID: azure-ml's default identity."""
        machine = self.machine
        if kind == "imds":
            return {"AZURE_POD_IDENTITY_AUTHORITY_HOST": self.imds}
        if kind in ("app-service", "container-apps"):
            return {"IDENTITY_ENDPOINT": f"{self.imds}/msi/token",
                    "IDENTITY_HEADER": machine.header}
        if kind == "app-service-legacy":
            return {"MSI_ENDPOINT": f"{self.imds}/msi/legacy/token", "MSI_SECRET": machine.secret}
        if kind == "azure-ml":
            return {"MSI_ENDPOINT": f"{self.imds}/azureml/token", "MSI_SECRET": machine.secret,
                    **({"DEFAULT_IDENTITY_CLIENT_ID": client_id} if client_id else {})}
        if kind == "arc":
            return {"IDENTITY_ENDPOINT": f"{self.imds}/arc/metadata/identity/oauth2/token",
                    "IMDS_ENDPOINT": self.imds}
        if kind == "workload":
            if not application.federated or token_file:
                self.write_federated(token_file, application)
            return {"AZURE_CLIENT_ID": application.client_id, "AZURE_TENANT_ID": application.tenant,
                    "AZURE_FEDERATED_TOKEN_FILE": str(application.federated[0]),
                    "AZURE_AUTHORITY_HOST": f"{self.authority}/"}
        raise ValueError(f"no environment is called {kind!r}")

    def next_number(self):
        """Orders what is created."""
        with self.lock:
            self._numbers += 1
            return self._numbers

    # Scoring

    def check_scoring(self, target, authorization):
        """What an endpoint or service, or the one of that name, says to this Authorization header:
        None if it is content, else (401, the text it answers)."""
        with self.lock:
            target = self.find(target) if isinstance(target, str) else target
            return scoring.check(self, target, authorization)

    def accepts(self, target, authorization):
        return self.check_scoring(target, authorization) is None
