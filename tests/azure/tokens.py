# SPDX-License-Identifier: MIT
"""JSON web tokens: those that the fake issues, and the assertions that applications sign."""

import base64
import functools
import hashlib
import json
import uuid

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

PSS = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
SKEW = 300  # seconds by which Entra lets the clocks differ


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Bad(Exception):
    """What is wrong with a token; code as Entra numbers it."""

    def __init__(self, message, code=700027):
        super().__init__(message)
        self.code = code


def parse(token):
    """(header, claims, what was signed, signature); Bad."""
    try:
        head, claims, signature = token.split(".")
        return (json.loads(decode(head)), json.loads(decode(claims)),
                f"{head}.{claims}".encode(), decode(signature))
    except (ValueError, UnicodeError) as error:
        raise Bad("The assertion is no JSON web token.", 50027) from error


@functools.lru_cache(1)
def signing_key():
    """One for the process: it takes a while to make."""
    return rsa.generate_private_key(65537, 2048)


class Issuer:
    """Signs tokens with RS256, and knows its own again."""

    def __init__(self):
        self._key = signing_key()
        self.kid = encode(hashlib.sha256(self._key.public_key().public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo)).digest()[:15])

    def issue(self, claims):
        head = {"typ": "JWT", "alg": "RS256", "kid": self.kid}
        signed = ".".join(encode(json.dumps(part).encode()) for part in (head, claims))
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{encode(signature)}"

    def claims(self, token):
        """Of a token that this issuer has signed; its times are the caller's business. Bad."""
        head, claims, signed, signature = parse(token)
        if head.get("kid") != self.kid or head.get("alg") != "RS256":
            raise Bad("The token is somebody else's.")
        try:
            self._key.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature as error:
            raise Bad("The token's signature is wrong.") from error
        return claims

    def jwks(self):
        numbers = self._key.public_key().public_numbers()
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
                          "e": encode(numbers.e.to_bytes(3, "big")),
                          "n": encode(numbers.n.to_bytes(256, "big"))}]}


class Certificate:
    """One that an application has registered. PEM: bytes, or the path of a file."""

    def __init__(self, pem):
        if not isinstance(pem, bytes):
            with open(pem, "rb") as file:
                pem = file.read()
        self.certificate = x509.load_pem_x509_certificate(pem[pem.index(b"-----BEGIN CERT"):])
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        self.sha1 = encode(hashlib.sha1(der).digest())
        self.sha256 = encode(hashlib.sha256(der).digest())

    def signed(self, head):
        """Whether HEAD says that this certificate's key has signed."""
        if head.get("alg") == "PS256":
            return head.get("x5t#S256") == self.sha256  # exactly: without padding
        return head.get("x5t", "").rstrip("=") == self.sha1 or head.get("x5t#S256") == self.sha256

    def verify(self, alg, signed, signature):
        scheme = {"PS256": PSS, "RS256": padding.PKCS1v15()}.get(alg)
        if scheme is None:
            raise Bad(f"The algorithm {alg} is not supported.")
        try:
            self.certificate.public_key().verify(signature, signed, scheme, hashes.SHA256())
        except InvalidSignature as error:
            raise Bad("Client assertion contains an invalid signature. [Reason - The key was "
                      f"found, but use of the key to verify the signature failed. Thumbprint of "
                      f"key used by client: '{self.sha256}'.]") from error


def verify_assertion(assertion, certificates, client_id, audiences, now, seen):
    """Bad unless ASSERTION is one that CLIENT_ID may present NOW to an endpoint that is one of
    AUDIENCES. SEEN: the jti that were used, to which this one is added; None: not looked at."""
    head, claims, signed, signature = parse(assertion)
    if head.get("typ", "JWT") != "JWT":
        raise Bad("The assertion is no JWT.")
    certificate = next((c for c in certificates if c.signed(head)), None)
    if certificate is None:
        raise Bad("Client assertion contains an invalid signature. [Reason - The key was not "
                  "found.]")
    certificate.verify(head["alg"], signed, signature)
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise Bad("Client assertion application identifier doesn't match 'client_id' parameter.",
                  700021)
    if claims.get("aud") not in audiences:
        raise Bad("Client assertion audience claim does not match Realm issuer.", 50023)
    check_times(claims, now, need_exp=True)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise Bad("The assertion has no jti.")
    if seen is not None:
        if jti in seen:
            raise Bad("The assertion was used before.")
        seen.add(jti)


def check_times(claims, now, need_exp=False):
    """Bad unless now is between nbf and exp, give or take SKEW. Fractions are accepted."""
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name)
        if value is None and not (name == "exp" and need_exp):
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise Bad(f"The assertion's {name} is no number.")
        if name == "exp" and value + SKEW < now or name != "exp" and value - SKEW > now:
            raise Bad("Client assertion is not within its valid time range. Current time: "
                      f"{now}, {name}: {value}.", 700024)


def guid():
    return str(uuid.uuid4())
