# SPDX-License-Identifier: MIT
"""Entra: the token endpoints (v2 and v1), and the documents that clients discover them by."""

import base64
import hmac
import urllib.parse

from .clouds import resource_of
from .message import Answer, Refusal, entra_error
from .tokens import Bad, check_times, guid, parse, verify_assertion

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Entra:
    def __init__(self, azure):
        self._azure = azure

    def _refuse(self, status, error, code, description):
        raise Refusal(entra_error(status, error, code, description, self._azure.now(), guid()))

    def configuration(self, call, tenant):
        base = f"{call.base}/{tenant}"
        return Answer(200, {
            "issuer": f"{base}/v2.0", "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post", "private_key_jwt", "client_secret_basic"],
            "response_types_supported": ["code"], "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"]})

    def instance(self, call):
        """What MSAL asks about an authority that it does not know."""
        host = call.base.partition("//")[2]
        return Answer(200, {
            "tenant_discovery_endpoint":
                f"{call.base}/{self._azure.tenant}/v2.0/.well-known/openid-configuration",
            "api-version": "1.1",
            "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}]})

    def keys(self, call, tenant):  # pylint: disable=unused-argument
        return Answer(200, self._azure.issuer.jwks())

    def token(self, call, tenant, version=""):
        form = call.form
        if call.headers.get_content_type() != "application/x-www-form-urlencoded":
            self._refuse(400, "invalid_request", 900144,
                         "The request body must contain the following parameter: 'grant_type'.")
        for name in ("grant_type", "scope" if version else "resource"):
            if not form.get(name):
                self._refuse(400, "invalid_request", 900144, "The request body must contain the "
                             f"following parameter: '{name}'.")
        if form["grant_type"] != "client_credentials":
            self._refuse(400, "unsupported_grant_type", 70003,
                         f"The app requested an unsupported grant type '{form['grant_type']}'.")
        application = self._authenticate(call, tenant)
        resource = self._resource(form, version)
        return self._issue(application, resource, version)

    def _authenticate(self, call, tenant):
        form, azure = call.form, self._azure
        client_id, secret = form.get("client_id"), form.get("client_secret")
        basic = call.authorization or ""
        if basic.startswith("Basic "):
            try:
                pair = base64.b64decode(basic[6:]).decode().partition(":")
            except ValueError:
                pair = ("", "", "")
            client_id, secret = (urllib.parse.unquote_plus(pair[i]) for i in (0, 2))
        if not any(a.tenant == tenant for a in azure.applications):
            self._refuse(400, "invalid_request", 90002, f"Tenant '{tenant}' not found. Check to "
                         "make sure you have the correct tenant ID and are signing into the "
                         "correct cloud.")
        application = next((a for a in azure.applications
                            if (a.tenant, a.client_id) == (tenant, client_id)), None)
        if application is None:
            self._refuse(400, "unauthorized_client", 700016, f"Application with identifier "
                         f"'{client_id}' was not found in the directory '{tenant}'.")
        if "client_assertion" in form:
            self._check_assertion(call, application, tenant)
        elif secret is None:
            self._refuse(401, "invalid_client", 7000218, "The request body must contain the "
                         "following parameter: 'client_assertion' or 'client_secret'.")
        elif not any(hmac.compare_digest(secret.encode(), s.encode())
                     for s in application.secrets):
            self._refuse(401, "invalid_client", 7000215, "Invalid client secret provided. Ensure "
                         "the secret being sent in the request is the client secret value, not "
                         f"the client secret ID, for a secret added to app '{client_id}'.")
        return application

    def _check_assertion(self, call, application, tenant):
        form, azure = call.form, self._azure
        assertion = form["client_assertion"]
        if form.get("client_assertion_type") != ASSERTION:
            self._refuse(400, "invalid_request", 900144, "The request body must contain the "
                         f"following parameter: 'client_assertion_type' with value '{ASSERTION}'.")
        try:
            if self._is_federated(application, assertion):
                check_times(parse(assertion)[1], azure.now())
            elif application.certificates:
                audiences = {f"{base}/{tenant}{path}"
                             for base in (call.base, azure.authority)
                             for path in ("/oauth2/v2.0/token", "/oauth2/token")}
                verify_assertion(assertion, application.certificates, application.client_id,
                                 audiences, azure.now(),
                                 application.assertions if azure.jti_once else None)
            else:
                raise Bad("No matching federated identity record found for presented assertion.",
                          700213)
        except Bad as bad:
            self._refuse(401, "invalid_client", bad.code, str(bad))

    @staticmethod
    def _is_federated(application, assertion):
        return any(path.exists() and path.read_text().strip() == assertion
                   for path in application.federated)

    def _resource(self, form, version):
        if not version:
            resource = form["resource"].rstrip("/")
        else:
            resource = resource_of(form["scope"])
            if resource is None:
                self._refuse(400, "invalid_scope", 1002012, "The provided value for scope "
                             f"{form['scope']} is not valid. Client credential flows must have a "
                             "scope value with /.default suffixed to the resource identifier "
                             "(application ID URI).")
        if not self._azure.knows_resource(resource):
            self._refuse(400, "invalid_resource", 500011, f"The resource principal named "
                         f"{resource} was not found in the tenant.")
        return resource

    def _issue(self, application, resource, version):
        azure = self._azure
        now, lifetime = int(azure.now()), azure.token_lifetime
        document = {"token_type": "Bearer", "expires_in": lifetime, "ext_expires_in": lifetime,
                    "access_token": azure.access_token(application, resource, now, lifetime)}
        if azure.refresh_in is not None:
            document["refresh_in"] = azure.refresh_in
        if not version:
            document = {**{n: v if n == "access_token" else str(v) for n, v in document.items()},
                        "expires_on": str(now + lifetime), "not_before": str(now - 300),
                        "resource": resource}
        return Answer(200, document, {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache",
                                      "x-ms-request-id": guid()})
