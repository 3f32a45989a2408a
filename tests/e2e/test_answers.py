# SPDX-License-Identifier: MIT
"""Answers that are well-formed: which fields pass, that redirects are not followed, what a refused
credential comes to, and that the errors of the endpoint are the caller's to see (rows U27 to U31)."""

import pytest

from lib.config import key_auth
from lib.problem import assert_problem
from lib.upstream import Response

KEY = "CANARY-primary-key-5kd8Zq"
SECOND = "CANARY-secondary-key-x7Pw2"


def fine(request):  # pylint: disable=unused-argument
    return Response(200, (), b"fine")


def assert_fine(caller):
    reply = caller.post("/score")
    assert (reply.status, reply.body) == (200, b"fine")


def test_u27_fields_that_do_not_pass(serve):
    fields = (
        ("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Origin", "https://evil.example"),
        ("Access-Control-Allow-Credentials", "true"), ("Access-Control-Expose-Headers", "X-Secret"),
        ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"), ("Alt-Svc", 'h3=":443"'),
        ("Connection", "X-Hop, keep-alive"), ("X-Hop", "1"), ("Keep-Alive", "timeout=77"),
        ("Proxy-Authenticate", "Basic"), ("Trailer", "X-T"), ("Upgrade", "h2c"),
        ("x-ms-client-request-id", "theirs"), ("X-Twice", "1"), ("X-Twice", "2"),
        ("Content-Type", "application/json; charset=utf-8"), ("ETag", '"e"'))
    one, _ = serve(handler=lambda request: Response(200, fields, b"{}"), auth=key_auth(KEY),
                   cors={"origins": ["https://good.example"]})
    reply = one.client().post("/score", headers={"Origin": "https://good.example",
                                                 "x-ms-client-request-id": "caller-1"})
    assert reply.headers.all("access-control-allow-origin") == ["https://good.example"]
    assert reply.headers["x-ms-client-request-id"] == "caller-1"
    for name in ("access-control-allow-credentials", "set-cookie", "alt-svc", "x-hop",
                 "proxy-authenticate", "trailer", "upgrade"):
        assert name not in reply.headers, name
    assert "X-Secret" not in str(reply.headers) and "timeout=77" not in str(reply.headers)
    assert reply.headers.all("x-twice") == ["1", "2"]
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    assert reply.headers["etag"] == '"e"'
    assert reply.headers["cache-control"] == "no-store"
    reply = one.client().post("/score")
    assert not [n for n, _ in reply.headers if n.lower().startswith("access-control-")]


def test_u27_cache_control_of_the_upstream_wins(serve):
    one, _ = serve(handler=lambda request: Response(200, (("Cache-Control", "max-age=5"),), b"{}"))
    assert one.client().post("/score").headers.all("cache-control") == ["max-age=5"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_u28_redirects_are_not_followed(serve, upstream, certs, status, scheme):
    other = upstream(handler=fine, tls=certs.good if scheme == "https" else None)
    location = other.url("/elsewhere")
    one, up = serve(handler=lambda request: Response(status, (("Location", location),), b"there"),
                    auth=key_auth(KEY))
    reply = one.client().post("/score")
    assert (reply.status, reply.headers["location"], reply.body) == (status, location, b"there")
    assert len(up.requests) == 1 and other.accepted == 0


# Credentials

def bearer(request):
    return request.headers.get("authorization", "")


def key_check(*good):
    def handler(request):
        if bearer(request) in [f"Bearer {key}" for key in good]:
            return Response(200, (), b"fine")
        return Response(401, (("WWW-Authenticate", "Bearer"),), b"bad key")
    return handler


def test_u29_other_key_is_tried_and_kept(serve):
    one, up = serve(handler=key_check(SECOND), auth=key_auth(KEY, SECOND))
    caller = one.client()
    assert_fine(caller)
    assert [bearer(r) for r in up.requests] == [f"Bearer {KEY}", f"Bearer {SECOND}"]
    assert up.requests[0].body == up.requests[1].body == b"{}"
    assert_fine(caller)
    assert [bearer(r) for r in up.requests[2:]] == [f"Bearer {SECOND}"]


def test_u29_and_back_again(serve):
    good = [SECOND]
    one, up = serve(handler=lambda request: key_check(*good)(request), auth=key_auth(KEY, SECOND))
    caller = one.client()
    assert_fine(caller)
    good[:] = [KEY]
    assert_fine(caller)
    assert bearer(up.requests[-1]) == f"Bearer {KEY}"


def test_u29_both_keys_refused(serve):
    one, up = serve(handler=key_check(), auth=key_auth(KEY, SECOND))
    assert_problem(one.client().post("/score"), "credential_refused")
    assert sorted(map(bearer, up.requests)) == sorted([f"Bearer {KEY}", f"Bearer {SECOND}"])


def test_u29_the_only_key_refused(serve):
    one, up = serve(handler=key_check(), auth=key_auth(KEY))
    caller = one.client()
    assert_problem(caller.post("/score"), "credential_refused")
    assert len(up.requests) == 1
    assert caller.get("/score").status == 502


def test_u29_body_too_large_to_send_again(serve):
    """It cannot be replayed, but whoever comes next has the other key."""
    one, up = serve(handler=key_check(SECOND), auth=key_auth(KEY, SECOND), replay_bytes=1000)
    caller = one.client()
    assert_problem(caller.post("/score", body=b"x" * 100_000), "credential_refused", "no_credential")
    assert len(up.requests) == 1
    reply = one.client().post("/score", body=b"x" * 100_000)
    assert (reply.status, reply.body) == (200, b"fine")
    assert bearer(up.requests[-1]) == f"Bearer {SECOND}"


def test_u29_own_header_and_prefix(serve):
    def handler(request):
        ok = request.headers.get("api-key") == SECOND and "authorization" not in request.headers
        return Response(200 if ok else 401, (), b"fine")

    one, up = serve(handler=handler, auth=key_auth(KEY, SECOND, header="api-key", prefix=""))
    assert_fine(one.client())
    assert [r.headers["api-key"] for r in up.requests] == [KEY, SECOND]


def test_u29_without_a_credential_a_401_passes(serve):
    one, _ = serve(handler=key_check())
    reply = one.client().post("/score", headers={"Authorization": "Bearer of-the-caller"})
    assert (reply.status, reply.body) == (401, b"bad key")
    assert reply.headers["www-authenticate"] == "Bearer"


def test_u29_a_403_passes(serve):
    one, up = serve(handler=lambda request: Response(403, (), b"forbidden"),
                    auth=key_auth(KEY, SECOND))
    reply = one.client().post("/score")
    assert (reply.status, reply.body, len(up.requests)) == (403, b"forbidden", 1)


@pytest.mark.parametrize("status", [400, 404, 405, 408, 409, 413, 415, 422, 424, 429, 500, 501, 502,
                                    503, 504, 529, 599])
def test_u30_u31_errors_of_the_endpoint_pass(serve, status):
    fields = (("Retry-After", "17"), ("x-ms-request-id", "id-1"), ("Content-Type", "text/x-odd"),
              ("ms-azureml-model-error-reason", "model_error"))
    one, up = serve(handler=lambda request: Response(status, fields, b"why"),
                    auth=key_auth(KEY, SECOND), idempotent=True)
    reply = one.client().post("/score")
    assert (reply.status, reply.body) == (status, b"why")
    for name, value in fields:
        assert reply.headers[name] == value
    assert "proxy-status" not in reply.headers
    assert "x-ms-client-request-id" in reply.headers
    assert len(up.requests) == 1, "it was sent more than once"
