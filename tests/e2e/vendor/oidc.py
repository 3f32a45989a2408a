# SPDX-License-Identifier: MIT
"""An independent token server with the paths of Entra: npm's oidc-provider, as a process."""

import json
import ssl
import subprocess
import urllib.error
import urllib.parse
import urllib.request

from azure.tokens import Certificate, decode, encode, parse
from clients import clients_directory, node
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

TENANT = "11111111-0000-4000-8000-00000000000a"


def jwk(certificate):
    """The public key of CERTIFICATE, the path of a PEM file."""
    numbers = Certificate(certificate).certificate.public_key().public_numbers()
    return {"kty": "RSA", "use": "sig", "e": encode(numbers.e.to_bytes(3, "big")),
            "n": encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"))}


class OidcProvider:
    """TLS: the Cert that it shows; CA: who signed that. SECRET: of the client "with-secret".
    CERTIFICATE: of the client "with-certificate", which signs assertions with ALG. Tokens are for
    RESOURCE and live LIFETIME seconds.

    authority and tenant are what scoregate is configured with; token_url and jwks_url follow."""

    SECRET_CLIENT, CERTIFICATE_CLIENT = "with-secret", "with-certificate"

    def __init__(self, tls, ca, *, secret="s", certificate=None, alg="PS256",
                 resource="https://ml.azure.com", lifetime=3600, tenant=TENANT):
        self.tenant = tenant
        self.resource = resource
        self.secret = secret
        clients = [{"client_id": self.SECRET_CLIENT, "client_secret": secret,
                    "token_endpoint_auth_method": "client_secret_post"}]
        if certificate:
            clients.append({
                "client_id": self.CERTIFICATE_CLIENT, "jwks": {"keys": [jwk(certificate)]},
                "token_endpoint_auth_method": "private_key_jwt",
                "token_endpoint_auth_signing_alg": alg})
        self._context = ssl.create_default_context(cafile=ca)
        self._process = subprocess.Popen(
            [str(c) for c in node("oidc_provider.mjs")], cwd=clients_directory(),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._process.stdin.write(json.dumps({
            "tenant": tenant, "chain": tls.chain, "key": tls.key, "resource": resource,
            "lifetime": lifetime, "clients": clients}).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line.strip().isdigit(), line + self._process.stderr.read()
        self.authority = f"https://localhost:{int(line)}"
        self.token_url = f"{self.authority}/{tenant}/oauth2/v2.0/token"
        self.jwks_url = f"{self.authority}/{tenant}/discovery/v2.0/keys"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._process.communicate(timeout=10)

    def request(self, url, form=None):
        """(status, document)"""
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=self._context))
        data = urllib.parse.urlencode(form).encode() if form else None
        try:
            with opener.open(url, data, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as refused:
            return refused.code, json.load(refused)

    def verify(self, token):
        """The claims of TOKEN, which one of this server's keys has signed."""
        head, claims, signed, signature = parse(token)
        keys = {k["kid"]: k for k in self.request(self.jwks_url)[1]["keys"]}
        n, e = (int.from_bytes(decode(keys[head["kid"]][name]), "big") for name in "ne")
        try:
            rsa.RSAPublicNumbers(e, n).public_key().verify(
                signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise AssertionError("the token's signature is wrong") from error
        return claims
