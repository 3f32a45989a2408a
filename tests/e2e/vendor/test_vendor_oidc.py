# SPDX-License-Identifier: MIT
"""The independent token server checks what it is shown, and scoregate signs in to it."""

import json
import time
import uuid
from pathlib import Path

import pytest
from azure.tokens import PSS, Certificate, encode
from cryptography.hazmat.primitives import hashes, serialization
from oidc import OidcProvider

from lib.problem import assert_problem
from lib.upstream import Response
from lib.wait import until

BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@pytest.fixture(scope="module")
def provider(certs):
    with OidcProvider(certs.good, certs.ca, secret="a+b/c~d=e&f%20",
                      certificate=certs.application.leaf, lifetime=600) as one:
        yield one


def assertion(provider, cert, **changes):
    """As Entra's clients sign it, with PS256."""
    now = int(time.time())
    head = {"alg": "PS256", "typ": "JWT", "x5t#S256": Certificate(cert.leaf).sha256}
    claims = {"aud": provider.token_url, "iss": provider.CERTIFICATE_CLIENT,
              "sub": provider.CERTIFICATE_CLIENT, "jti": str(uuid.uuid4()), "nbf": now,
              "iat": now, "exp": now + 600, **changes}
    signed = ".".join(encode(json.dumps(part).encode()) for part in (head, claims))
    key = serialization.load_pem_private_key(Path(cert.key).read_bytes(), None)
    return f"{signed}.{encode(key.sign(signed.encode(), PSS, hashes.SHA256()))}"


def token(provider, client_id, **form):
    return provider.request(provider.token_url, {
        "grant_type": "client_credentials", "client_id": client_id,
        "scope": f"{provider.resource}/.default", **form})


def test_client_secret(provider):
    status, document = token(provider, provider.SECRET_CLIENT, client_secret=provider.secret)
    assert (status, document["token_type"], document["expires_in"]) == (200, "Bearer", 600)
    claims = provider.verify(document["access_token"])
    assert claims["aud"] == provider.resource
    assert claims["client_id"] == provider.SECRET_CLIENT
    status, document = token(provider, provider.SECRET_CLIENT, client_secret="other")
    assert (status, document["error"]) == (401, "invalid_client")


def test_certificate(provider, certs):
    def sign_in(signed):
        return token(provider, provider.CERTIFICATE_CLIENT, client_assertion_type=BEARER,
                     client_assertion=signed)
    good = assertion(provider, certs.application)
    status, document = sign_in(good)
    assert status == 200, document
    assert provider.verify(document["access_token"])["client_id"] == provider.CERTIFICATE_CLIENT
    for bad in (good,  # a second time
                assertion(provider, certs.other_application),
                assertion(provider, certs.application, aud="https://elsewhere.example/"),
                assertion(provider, certs.application, exp=int(time.time()) - 600)):
        status, document = sign_in(bad)
        assert (status, document["error"]) == (401, "invalid_client")


# scoregate before it: the upstream verifies each token with the server's own keys

@pytest.fixture
def scores(provider, upstream, gateway, certs):
    """scores(identity) -> a gateway whose route /score wants tokens of PROVIDER, and the upstream."""
    def handler(request):
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        claims = provider.verify(token)
        good = scheme == "Bearer" and claims["aud"] == provider.resource and claims["exp"] > time.time()
        return Response(200 if good else 401, (), claims["client_id"].encode())

    def make(**identity):
        up = upstream(handler=handler)
        return gateway([{"path": "/score", "scoring_uri": up.url("/score"), "identity": "app",
                         "auth": {"type": "entra"}}],
                       identities={"app": {"tenant": provider.tenant, **identity}},
                       azure={"authority": provider.authority, "ca_file": str(certs.ca)})

    return make


def test_scoregate_with_a_secret(scores, provider):
    one = scores(type="client-secret", client_id=provider.SECRET_CLIENT, secret=provider.secret)
    reply = one.client().post("/score")
    assert (reply.status, reply.text) == (200, provider.SECRET_CLIENT)


def test_scoregate_with_a_certificate(scores, provider, certs):
    application = certs.application
    one = scores(type="certificate", client_id=provider.CERTIFICATE_CLIENT,
                 certificate=application.leaf, certificate_key=application.key)
    reply = one.client().post("/score")
    assert (reply.status, reply.text) == (200, provider.CERTIFICATE_CLIENT)


@pytest.mark.parametrize("wrong", ["secret", "certificate"])
def test_scoregate_refused(scores, provider, certs, wrong):
    other = certs.other_application
    identity = {"secret": {"type": "client-secret", "client_id": provider.SECRET_CLIENT,
                           "secret": "CANARY-not-the-secret"},
                "certificate": {"type": "certificate", "client_id": provider.CERTIFICATE_CLIENT,
                                "certificate": other.leaf, "certificate_key": other.key}}[wrong]
    one = scores(**identity)
    until(lambda: "failure=rejected" in one.log(), "it is refused")
    assert "code=invalid_client" in one.log()
    assert_problem(one.client().post("/score"), "token_rejected")
