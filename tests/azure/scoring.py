# SPDX-License-Identifier: MIT
"""What a scoring endpoint makes of a credential: for the upstreams of the tests."""

from .endpoint import Endpoint
from .tokens import Bad

DENIED, MALFORMED, EXPIRED = ("key_auth_access_denied", "key_auth_bad_header_forbidden",
                              "Jwt is expired")


def check(azure, target, authorization):
    """None if TARGET, an Endpoint or Service, takes the value of the AUTHORIZATION header; else
    (401, the text that it answers)."""
    v2 = isinstance(target, Endpoint)
    if not v2 and not target.auth_enabled and not target.aad_auth_enabled:
        return None
    scheme, _, value = (authorization or "").partition(" ")
    if scheme != "Bearer" or not value or value != value.strip():
        return 401, MALFORMED
    if v2 and target.auth_mode == "Key" or not v2 and target.auth_enabled:
        return None if value in target.keys.current() else (401, DENIED)
    try:
        claims = azure.issuer.claims(value)
    except Bad:
        return 401, DENIED
    entra = v2 and target.auth_mode == "AADToken"
    audiences = azure.resources["ml"] if entra else (target.id,)
    if claims["aud"] not in audiences:
        return 401, DENIED
    if claims["exp"] <= azure.now():
        return 401, EXPIRED
    principal = azure.principal(claims) if entra else None
    if principal and not principal.may("score"):
        return 401, DENIED
    return None
