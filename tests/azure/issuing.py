# SPDX-License-Identifier: MIT
"""The fake's clock, the tokens that it hands out, and whose tokens those are that come back."""

import time

from .tokens import Bad, Issuer, guid


class Issuing:
    """A part of Azure."""

    def __init__(self):
        self.issuer = Issuer()

    def now(self):
        return time.time() + self.skew

    @staticmethod
    def date_text(moment):
        return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + ".0000000Z"

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
