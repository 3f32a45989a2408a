# SPDX-License-Identifier: MIT
"""The fake itself: its two servers, what there is in it, and what was asked of it."""

import fnmatch
import threading
import time
from pathlib import Path

from . import scoring
from .clouds import RESOURCES
from .control import Commands
from .faults import Faults
from .identity import Machine
from .message import Answer, Refusal, arm_error, error
from .routes import Routes
from .server import Server
from .state import Application, ManagedIdentity, Secret, Workspace
from .tokens import Bad, Issuer, guid

TENANT = "72f988bf-0000-4000-8000-000000000001"


class Azure:
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

    calls: every request, in the order in which they came. failures: what broke in the fake."""

    def __init__(self, tls, *, cloud="public", port=0, identity_port=0):
        self.lock = threading.RLock()
        self.stopping = threading.Event()
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
        self.calls, self.failures = [], []
        self._under_way, self._numbers = {}, 0
        self.issuer = Issuer()
        self.machine = Machine(self)
        self.faults = Faults(self.lock)
        self.commands = Commands(self)
        self._routes = Routes(self)
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

    # Scoring

    def check_scoring(self, target, authorization):
        """What an endpoint or service, or the one of that name, says to this Authorization header:
        None if it is content, else (401, the text it answers)."""
        with self.lock:
            target = self.find(target) if isinstance(target, str) else target
            return scoring.check(self, target, authorization)

    def accepts(self, target, authorization):
        return self.check_scoring(target, authorization) is None

    # Time and tokens, for the services

    def now(self):
        return time.time() + self.skew

    @staticmethod
    def date_text(moment):
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + ".0000000Z"

    def next_number(self):
        """Orders what is created."""
        with self.lock:
            self._numbers += 1
            return self._numbers

    def knows_resource(self, resource):
        return any(resource in names for names in self.resources.values())

    def access_token(self, principal, resource, now, lifetime):
        return self.issuer.issue({
            "aud": resource, "iss": f"https://sts.windows.net/{self.tenant}/", "iat": now,
            "nbf": now, "exp": now + lifetime, "appid": principal.client_id,
            "oid": principal.object_id, "sub": principal.object_id, "tid": self.tenant,
            "ver": "1.0", "uti": guid()})

    def endpoint_token(self, audience, now, lifetime):
        return self.issuer.issue({"aud": audience, "iss": "azureml", "iat": now, "nbf": now,
                                  "exp": now + lifetime, "jti": guid()})

    def endpoint_times(self, target):
        """(now, lifetime, refresh after) of a token for TARGET."""
        def of(own, common):
            return common if own is None else own
        return (int(self.now()), of(target.token_lifetime, self.endpoint_lifetime),
                of(target.refresh_after, self.endpoint_refresh_after))

    def principal(self, claims):
        """Whose token it is; None if it was since removed."""
        return next((p for p in (*self.applications, *self.identities)
                     if p.client_id == claims.get("appid")), None)

    def bearer(self, call, service):
        """The Principal whose token CALL carries, one for SERVICE and unexpired; Bad."""
        scheme, _, token = (call.authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Bad("Authentication failed. The 'Authorization' header is missing or invalid.",
                      "AuthenticationFailed")
        try:
            claims = self.issuer.claims(token)
        except Bad as bad:
            raise Bad("The access token is invalid.", "InvalidAuthenticationToken") from bad
        if claims["aud"].rstrip("/") not in self.resources.get(service, ()):
            raise Bad(f"The access token has been obtained for wrong audience '{claims['aud']}'.",
                      "InvalidAuthenticationTokenAudience")
        if claims["exp"] <= self.now():
            raise Bad("The access token expiry UTC time is earlier than current UTC time.",
                      "ExpiredAuthenticationToken")
        return self.principal(claims)

    # What was asked, and what goes wrong

    def count(self, kind="*"):
        """How many requests of KIND came; KIND may be a pattern, as "entra.*"."""
        return len(self.asked(kind))

    def asked(self, kind="*"):
        with self.lock:
            return [c for c in self.calls if fnmatch.fnmatchcase(c.kind, kind)]

    def peak(self, kind):
        """The most requests of KIND that were under way at once."""
        return max((c.concurrent for c in self.asked(kind)), default=0)

    def forget(self):
        """The calls so far."""
        with self.lock:
            self.calls.clear()

    def fault(self, kind, *arguments, **options):
        """Sets a Fault, which see: fault(kind, times=1, until=None, where=None, status=…, …)."""
        return self.faults.add(kind, *arguments, **options)

    def clear(self, kind=None):
        """Takes faults away: all, those set for KIND, or one."""
        self.faults.clear(kind)

    def failed(self):
        import traceback  # pylint: disable=import-outside-toplevel
        with self.lock:
            self.failures.append(traceback.format_exc())

    # Serving

    def serve(self, call, connection, has_length):
        """Answers CALL on CONNECTION, a server.Handler. In the connection's thread."""
        if call.path == "/_control":
            connection.send(self.commands.serve(call))
            return
        handler = self._routes.find(call, connection.server is self._tls)
        with self.lock:
            self.calls.append(call)
            call.concurrent = self._under_way[call.kind] = self._under_way.get(call.kind, 0) + 1
        routed = call.kind
        try:
            self._serve(call, connection, handler, has_length)
        finally:
            with self.lock:
                self._under_way[routed] -= 1
                call.ended = time.monotonic()

    def _serve(self, call, connection, handler, has_length):
        fault = self.faults.take(call)
        if fault and fault.drop in ("before", "reset"):
            self.stopping.wait(fault.delay)
            connection.end(reset=fault.drop == "reset")
            return
        if fault and fault.replaces():
            answer = fault.replacement(call, self.now())
        else:
            answer = self._ask(call, handler, has_length)
            if fault:
                answer = fault.spoil(answer)
        if fault and fault.delay:
            self.stopping.wait(fault.delay)
        if fault and fault.drop == "after" or self.stopping.is_set():
            connection.end()
            return
        call.status = answer.status
        connection.send(answer, fault and fault.chunked, half=bool(fault and fault.drop))

    def _ask(self, call, handler, has_length):
        if not has_length and call.kind.partition(".")[0] in ("arm", "mms", "entra", "vault"):
            return Answer(411, headers={"Content-Type": "text/html; charset=us-ascii"},
                          body=b"<h2>Length Required</h2>")
        if handler is None:
            return arm_error(404, "NotFound", f"There is nothing at {call.path}.")
        try:
            with self.lock:
                return handler()
        except Refusal as refusal:
            return refusal.answer
        except Exception:  # pylint: disable=broad-exception-caught
            self.failed()
            return error(call, 500, "The fake itself is broken.", self.now())
