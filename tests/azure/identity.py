# SPDX-License-Identifier: MIT
"""The machine's own identity endpoints: IMDS, App Service and Container Apps, the older App Service
and Azure ML compute, Azure Arc."""

import secrets
import time
from pathlib import Path

from .message import Answer, Refusal, app_service_error, imds_error
from .tokens import guid

SELECTORS = {"client_id": "client_id", "clientid": "client_id", "object_id": "object_id",
             "principal_id": "object_id", "msi_res_id": "resource_id", "mi_res_id": "resource_id"}


class Machine:
    """key_directory: where Arc's agent puts its key files."""

    def __init__(self, azure):
        self._azure = azure
        self.header = guid()          # IDENTITY_HEADER
        self.secret = secrets.token_hex(16).upper()  # MSI_SECRET
        self.key_directory = Path("/var/opt/azcmagent/tokens")
        self._keys = {}               # content of a key file -> its path
        self._made = []               # directories, innermost last
        self._cached = {}

    # What is common

    def _find(self, query, refuse):
        azure = self._azure
        chosen = {SELECTORS[n]: v for n, v in query.items() if n in SELECTORS}
        if len(chosen) > 1:
            raise Refusal(refuse(400, "invalid_request", "More than one identity was named."))
        if chosen:
            (attribute, value), = chosen.items()
            found = [i for i in azure.identities
                     if getattr(i, attribute).lower() == value.lower()]
        else:
            found = [i for i in azure.identities if i.system] or azure.identities
            if len(found) > 1:
                raise Refusal(refuse(
                    400, "invalid_request", "Multiple user assigned identities exist, please "
                    "specify the clientId / resourceId of the identity in the token request"))
        if not found:
            raise Refusal(refuse(400, "invalid_request", "Identity not found"))
        return found[0]

    def _resource(self, query, refuse):
        resource = query.get("resource", "").rstrip("/")
        if not resource:
            raise Refusal(refuse(400, "invalid_request", "Required query variable 'resource' is "
                                                         "missing"))
        if not self._azure.knows_resource(resource):
            raise Refusal(refuse(400, "invalid_resource", f"AADSTS500011: The resource principal "
                                 f"named {resource} was not found in the tenant."))
        return resource

    def _token(self, query, refuse):
        """(identity, resource, token, issued at, its end). The platform may keep one for a day."""
        azure = self._azure
        resource = self._resource(query, refuse)
        identity = self._find(query, refuse)
        now = int(azure.now())
        kept = self._cached.get((identity.client_id, resource))
        if azure.identity_cache and kept and kept[3] > now:
            return kept
        end = now + azure.identity_lifetime
        made = (identity, resource,
                azure.access_token(identity, resource, now, azure.identity_lifetime), end)
        self._cached[identity.client_id, resource] = made
        return made

    def _version(self, query, versions, refuse):
        if query.get("api-version") not in versions:
            raise Refusal(refuse(400, "bad_request_102", "Required query variable 'api-version' "
                                 "is missing or not supported"))

    # IMDS

    def imds(self, call):
        azure = self._azure
        if (call.headers.get("Metadata") or "").lower() != "true":
            return imds_error(400, "bad_request_102", "Required metadata header not specified")
        if call.headers.get("X-Forwarded-For"):
            return imds_error(400, "invalid_request", "The request came through a proxy")
        if azure.identity_concurrent and call.concurrent > azure.identity_concurrent:
            return imds_error(429, "too_many_requests", "Too many requests", {"Retry-After": "1"})
        self._version(call.query, ("2018-02-01", "2019-08-01", "2021-02-01"), imds_error)
        return self._strings(call.query)

    def _strings(self, query):
        """As IMDS and Arc answer: each value a string."""
        identity, resource, token, end = self._token(query, imds_error)
        left = str(end - int(self._azure.now()))
        document = {"access_token": token, "client_id": identity.client_id, "expires_in": left,
                    "expires_on": str(end), "ext_expires_in": left,
                    "not_before": str(end - self._azure.identity_lifetime - 300),
                    "resource": resource, "token_type": "Bearer"}
        if self._azure.identity_refresh_in is not None:
            document["refresh_in"] = str(self._azure.identity_refresh_in)
        return Answer(200, document)

    # App Service and Container Apps

    def app_service(self, call):
        def refuse(status, _, text):
            return app_service_error(status, text)
        if call.headers.get("X-IDENTITY-HEADER") != self.header:
            return app_service_error(401, "The X-IDENTITY-HEADER is missing or wrong")
        self._version(call.query, ("2019-08-01",), refuse)
        identity, resource, token, end = self._token(call.query, refuse)
        return Answer(200, {
            "access_token": token, "client_id": identity.client_id, "expires_on": str(end),
            "not_before": str(end - self._azure.identity_lifetime - 300), "resource": resource,
            "token_type": "Bearer"})

    # The older App Service, and Azure ML compute

    def _check_secret(self, call):
        if call.headers.get("Secret") != self.secret:
            raise Refusal(app_service_error(401, "The secret is missing or wrong"))

    def legacy(self, call):
        """expires_on is text: as Linux writes it, or as Windows does."""
        def refuse(status, _, text):
            return app_service_error(status, text)
        self._check_secret(call)
        self._version(call.query, ("2017-09-01",), refuse)
        identity, resource, token, end = self._token(call.query, refuse)
        moment = time.gmtime(end)
        if self._azure.legacy_dates == "windows":
            text = (f"{moment.tm_mon}/{moment.tm_mday}/{moment.tm_year} "
                    f"{moment.tm_hour % 12 or 12}:{moment.tm_min:02}:{moment.tm_sec:02} "
                    f"{'AM' if moment.tm_hour < 12 else 'PM'} +00:00")
        else:
            text = time.strftime("%m/%d/%Y %H:%M:%S +00:00", moment)
        return Answer(200, {"access_token": token, "client_id": identity.client_id,
                            "expires_on": text, "resource": resource, "token_type": "Bearer"})

    def azure_ml(self, call):
        """Both versions that are in use; the later wants the Metadata header too. Times are epoch
        in a string."""
        self._check_secret(call)
        self._version(call.query, ("2017-09-01", "2018-02-01"), imds_error)
        if call.query["api-version"] == "2018-02-01" and \
                (call.headers.get("Metadata") or "").lower() != "true":
            return imds_error(400, "bad_request_102", "Required metadata header not specified")
        return self._strings(call.query)

    # Arc

    def arc(self, call):
        if (call.headers.get("Metadata") or "").lower() != "true":
            return imds_error(400, "bad_request_102", "Required metadata header not specified")
        self._version(call.query, ("2019-08-15", "2019-11-01", "2020-06-01"), imds_error)
        basic = call.authorization or ""
        if not basic:
            return imds_error(401, "unauthorized", "The challenge is to read the file",
                              {"WWW-Authenticate": f"Basic realm={self._new_key_file()}"})
        path = self._keys.pop(basic[len("Basic "):], None) if basic.startswith("Basic ") else None
        if path is None:
            return imds_error(401, "unauthorized", "The key is not that of the file")
        path.unlink(missing_ok=True)
        if any(n in SELECTORS for n in call.query):
            return imds_error(400, "invalid_request", "Arc has the system-assigned identity only")
        return self._strings(call.query)

    def _new_key_file(self):
        parents = [p for p in (self.key_directory, *self.key_directory.parents) if not p.exists()]
        for parent in reversed(parents):
            parent.mkdir()
            self._made.append(parent)
        key = secrets.token_urlsafe(48)
        path = self.key_directory / f"{guid()}.key"
        path.touch(mode=0o640)
        path.write_text(key)
        self._keys[key] = path
        return path

    def clean(self):
        """Takes the key files away, and the directories that were made for them."""
        for path in self._keys.values():
            path.unlink(missing_ok=True)
        for directory in reversed(self._made):
            try:
                directory.rmdir()
            except OSError:
                pass  # somebody else uses it
        self._keys, self._made = {}, []
