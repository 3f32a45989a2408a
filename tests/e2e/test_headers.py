# SPDX-License-Identifier: MIT
"""Which fields pass upwards, which come back, and what the gateway adds (rows C35, C36, U27)."""

import re

import pytest
from lib.client import request_bytes
from lib.config import key_auth
from lib.problem import assert_problem
from lib.upstream import Response

KEY = "headersKeyCANARY9k2m"
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ANSWER = Response(200, (("Content-Type", "application/json"),), b"[1]")


@pytest.fixture
def up_and_caller(serve):
    gate, up = serve(handler=lambda r: ANSWER, auth=key_auth(KEY))
    return up, gate.client()


def sent_up(up):
    """The only request so far."""
    (request,) = up.requests
    return request


# Upwards

def test_the_least_that_goes_up(up_and_caller):
    """Exactly these fields and no other: nothing of the gateway's own leaks into requests."""
    up, caller = up_and_caller
    caller.send(b"GET /score HTTP/1.1\r\nHost: localhost\r\n\r\n")
    caller.read_answer("GET")
    request = sent_up(up)
    assert request.target == "/score" and request.version == "HTTP/1.1"
    assert {n.lower() for n, _ in request.headers} == {
        "host", "via", "user-agent", "x-ms-client-request-id", "authorization"}
    assert request.headers["host"] == up.authority
    assert request.headers["via"] == "1.1 scoregate"
    assert request.headers["user-agent"]
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert re.fullmatch(UUID, request.headers["x-ms-client-request-id"])


def test_ordinary_fields_pass_byte_for_byte(up_and_caller):
    up, caller = up_and_caller
    passing = [
        ("User-Agent", "legacy-app/0.9 (VB6; \xe9)"), ("Accept", "text/event-stream, */*;q=0.1"),
        ("Content-Type", "application/json; charset=utf-8"), ("Accept-Encoding", "gzip"),
        ("Accept-Language", "de"), ("Content-Encoding", "gzip"), ("Content-Language", "en"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", "a=b,c=d"), ("baggage", "k=v"), ("X-Custom", "  inner  blanks\tand tabs"),
        ("X-Quoted", '"a, b\\"c"'), ("TraceId", "abc"), ("x-request-id", "rq-1"), ("If-None-Match", '"x"'),
        ("Range", "bytes=0-1"), ("Prefer", "wait=5"), ("X-1", "1"), ("!#$%&'*+-.^`|~", "token"),
        ("Referer", "http://localhost/page"), ("x-ms-useragent", "sdk/1"),
    ]
    caller.post("/score", b"body", passing)
    request = sent_up(up)
    for name, value in passing:
        assert request.headers[name] == value.strip()
    kept = [n for n, _ in request.headers if n in dict(passing)]
    assert kept == [n for n, _ in passing]  # in the caller's order and spelling
    assert request.body == b"body"
    assert request.headers["content-length"] == "4"


def test_repeated_fields_stay_repeated_and_in_order(up_and_caller):
    up, caller = up_and_caller
    caller.post("/score", b"x", [("X-A", "1"), ("X-B", "2"), ("X-A", "3"), ("Accept", "a/b"), ("accept", "c/d")])
    request = sent_up(up)
    assert request.headers.all("x-a") == ["1", "3"]
    assert request.headers.all("accept") == ["a/b", "c/d"]


@pytest.mark.parametrize("name", [
    "Authorization", "authorization", "AUTHORIZATION", "Proxy-Authorization", "api-key", "Api-Key",
    "x-api-key", "Ocp-Apim-Subscription-Key", "Cookie", "cookie2_x", "Forwarded", "X-Forwarded-For",
    "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "x-forwarded-anything", "X-Real-IP",
    "azureml-model-deployment", "x-ms-request-id", "x-ms-anything", "Proxy-Connection", "Keep-Alive",
    "TE", "Trailer", "Upgrade", "Origin2_", "X_Underscore", "Access-Control-Request-Method",
    "Access-Control-Request-Headers", "Access-Control-Request-Private-Network", "Proxy-Authenticate",
])
def test_C36_fields_that_never_go_up(up_and_caller, name):
    up, caller = up_and_caller
    answer = caller.post("/score", b"x", [(name, "callersOwnValue"), ("X-Witness", "here")])
    assert answer.status == 200
    request = sent_up(up)
    assert b"callersOwnValue" not in request.head
    assert request.headers["x-witness"] == "here"
    assert request.headers["authorization"] == f"Bearer {KEY}"


def test_C36_names_with_underscores_do_not_pass_as_their_twins(up_and_caller):
    """CGI and WSGI servers read X_Forwarded_For and X-Forwarded-For alike."""
    up, caller = up_and_caller
    caller.post("/score", b"x", [("X_Forwarded_For", "evil"), ("Azureml_Model_Deployment", "evil"),
                                 ("Content_Length", "evil"), ("Transfer_Encoding", "evil")])
    assert b"evil" not in sent_up(up).head


@pytest.mark.parametrize("connection", [
    "close, Authorization", "Authorization", "Host", "Content-Length", "Via", "User-Agent",
    "x-ms-client-request-id", "close, Origin, X-Dropped", "X-Dropped, Content-Type", "transfer-encoding"])
def test_C35_connection_cannot_take_away_what_is_ours(up_and_caller, connection):
    up, caller = up_and_caller
    caller.post("/score", b"hello", [("Connection", connection), ("X-Dropped", "hop"), ("X-Kept", "1")])
    request = sent_up(up)
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["host"] == up.authority
    assert request.headers["content-length"] == "5"
    assert request.body == b"hello"
    assert request.headers["x-kept"] == "1"
    assert request.headers["x-ms-client-request-id"]
    assert ("x-dropped" in request.headers) == ("X-Dropped" not in connection)
    assert "connection" not in request.headers or request.headers["connection"] == "keep-alive"


def test_C35_connection_in_several_lines(up_and_caller):
    up, caller = up_and_caller
    caller.post("/score", b"x", [("Connection", "X-One,"), ("connection", " , x-two"), ("X-One", "1"),
                                 ("X-Two", "2"), ("X-Three", "3")])
    request = sent_up(up)
    assert "x-one" not in request.headers and "x-two" not in request.headers
    assert request.headers["x-three"] == "3"


def test_via_is_added_to_the_callers(up_and_caller):
    up, caller = up_and_caller
    caller.post("/score", b"x", [("Via", "1.0 fred, 1.1 other")])
    assert ", ".join(sent_up(up).headers.all("via")) == "1.0 fred, 1.1 other, 1.1 scoregate"


def test_user_agent_is_always_there(up_and_caller):
    up, caller = up_and_caller
    caller.get("/score")
    caller.get("/score", [("User-Agent", "mine/1")])
    own, callers = up.requests
    assert own.headers["user-agent"].startswith("scoregate")
    assert callers.headers.all("user-agent") == ["mine/1"]


def test_the_scheme_word_and_the_prefix(serve):
    gate, up = serve(auth=key_auth(KEY, header="api-key", prefix=""))
    gate.client().post("/score", b"x", [("api-key", "evil"), ("API-KEY", "evil2"),
                                        ("Authorization", "Bearer evil3")])
    request = sent_up(up)
    assert request.headers.all("api-key") == [KEY]
    assert b"evil" not in request.head
    assert "authorization" not in request.headers


def test_an_auth_header_of_any_name(serve):
    gate, up = serve(auth=key_auth(KEY, header="X-Functions-Key", prefix="Key "))
    gate.client().post("/score", b"x", [("x-functions-key", "evil")])
    request = sent_up(up)
    assert request.headers.all("x-functions-key") == [f"Key {KEY}"]


def test_without_auth_nothing_is_added_and_still_nothing_of_the_callers_passes(serve):
    gate, up = serve()
    gate.client().post("/score", b"x", [("Authorization", "Bearer own"), ("Cookie", "a=b")])
    assert "authorization" not in sent_up(up).headers
    assert "cookie" not in sent_up(up).headers


def test_set_headers(serve):
    gate, up = serve(set_headers={"X-Env": "prod", "X-New": "added", "Accept": "application/json",
                                  "User-Agent": "fixed/1", "x-ms-parent": "configured"},
                     auth=key_auth(KEY))
    gate.client().post("/score", b"x", [("x-env", "callers"), ("X-Env", "again"), ("Accept", "text/html"),
                                        ("User-Agent", "callers/1"), ("X-Other", "kept")])
    request = sent_up(up)
    for name, value in (("x-env", "prod"), ("x-new", "added"), ("accept", "application/json"),
                        ("user-agent", "fixed/1"), ("x-ms-parent", "configured"), ("x-other", "kept"),
                        ("authorization", f"Bearer {KEY}")):
        assert request.headers.all(name) == [value]


@pytest.mark.parametrize("callers, expected", [
    (None, "application/json"), ("application/x-www-form-urlencoded", "application/json"),
    ("application/x-www-form-urlencoded; charset=utf-8", "application/json"),
    ("Application/X-WWW-Form-URLEncoded", "application/json"), ("text/csv", "text/csv"),
    ("application/json; charset=utf-8", "application/json; charset=utf-8"),
    ("multipart/form-data; boundary=x", "multipart/form-data; boundary=x"),
])
def test_default_content_type(serve, callers, expected):
    gate, up = serve(default_content_type="application/json")
    gate.client().post("/score", b"{}", [("Content-Type", callers)] if callers else [])
    assert sent_up(up).headers.all("content-type") == [expected]


def test_default_content_type_is_for_bodies(serve):
    gate, up = serve(default_content_type="application/json")
    gate.client().get("/score")
    assert "content-type" not in sent_up(up).headers


def test_without_default_the_content_type_is_the_callers(serve):
    gate, up = serve()
    caller = gate.client()
    caller.post("/score", b"a=b", [("Content-Type", "application/x-www-form-urlencoded")])
    caller.post("/score", b"x", [])
    assert up.requests[0].headers["content-type"] == "application/x-www-form-urlencoded"
    assert "content-type" not in up.requests[1].headers


@pytest.mark.parametrize("route, expected", [
    ({}, []), ({"deployment": "blue"}, ["blue"]), ({"client_deployment": True}, ["green"]),
])
def test_deployment(serve, route, expected):
    gate, up = serve(**route)
    gate.client().post("/score", b"x", [("azureml-model-deployment", "green")])
    assert sent_up(up).headers.all("azureml-model-deployment") == expected


def test_deployment_of_the_route_and_of_the_client(serve):
    """Never both: one that the endpoint takes at random would be worse than either."""
    gate, up = serve(deployment="blue", client_deployment=True)
    caller = gate.client()
    caller.post("/score", b"x", [("azureml-model-deployment", "green")])
    caller.post("/score", b"x")
    assert len(up.requests[0].headers.all("azureml-model-deployment")) == 1
    assert up.requests[1].headers.all("azureml-model-deployment") == ["blue"]


# Ids

def test_the_callers_request_id_is_used(up_and_caller):
    up, caller = up_and_caller
    answer = caller.post("/score", b"x", [("x-ms-client-request-id", "my-id-1")])
    assert answer.headers["x-ms-client-request-id"] == "my-id-1"
    assert sent_up(up).headers["x-ms-client-request-id"] == "my-id-1"


def test_every_answer_has_a_request_id_of_its_own(up_and_caller):
    up, caller = up_and_caller
    answers = [caller.post("/score", b"x"), caller.get("/score"), caller.request("OPTIONS", "/score"),
               caller.get("/nowhere"), caller.request("DELETE", "/score")]
    ids = [a.headers["x-ms-client-request-id"] for a in answers]
    assert all(re.fullmatch(UUID, i) for i in ids)
    assert len(set(ids)) == len(ids)
    assert [r.headers["x-ms-client-request-id"] for r in up.requests] == ids[:2]


@pytest.mark.parametrize("length", [1, 100, 101, 4000])
def test_ids_that_azure_would_refuse_are_replaced(up_and_caller, length):
    """Beyond 100 characters Azure's server answers 431."""
    up, caller = up_and_caller
    answer = caller.post("/score", b"x", [("x-ms-client-request-id", "i" * length),
                                          ("x-request-id", "r" * length)])
    assert answer.status == 200
    request = sent_up(up)
    used = request.headers["x-ms-client-request-id"]
    assert answer.headers["x-ms-client-request-id"] == used
    assert (used == "i" * length) == (length <= 100)
    assert ("x-request-id" in request.headers) == (length <= 100)


def test_two_callers_ids_do_not_become_two_fields(up_and_caller):
    up, caller = up_and_caller
    answer = caller.post("/score", b"x", [("x-ms-client-request-id", "one"), ("x-ms-client-request-id", "two")])
    if answer.status == 200:
        assert sent_up(up).headers.all("x-ms-client-request-id") in (["one"], ["two"])
    else:
        assert_problem(answer, "malformed_header")


def test_the_endpoints_own_id_fields_come_back(serve):
    theirs = (("x-ms-request-id", "srv-1"), ("x-request-id", "srv-2"), ("x-ms-client-request-id", "wrong"))
    gate, up = serve(handler=lambda r: Response(200, theirs))
    answer = gate.client().post("/score", b"x")
    assert answer.headers["x-ms-request-id"] == "srv-1"
    assert answer.headers["x-request-id"] == "srv-2"
    assert answer.headers["x-ms-client-request-id"] == sent_up(up).headers["x-ms-client-request-id"]


# Downwards

def test_fields_of_the_answer_pass(serve):
    theirs = [("Content-Type", "application/json; charset=utf-8"), ("x-ms-run-function-failed", "False"),
              ("x-ms-run-fn-exec-ms", "0.167"), ("azureml-model-deployment", "blue"), ("Server", "azureml-frontdoor"),
              ("Date", "Mon, 02 Nov 2026 10:00:00 GMT"), ("ETag", '"x"'), ("Retry-After", "7"),
              ("Content-Encoding", "gzip"), ("X-Custom", "a  b\tc"), ("X-Twice", "1"), ("X-Twice", "2"),
              ("Location", "https://elsewhere.example/x"), ("Link", "<a>; rel=b"), ("X-Latin", "\xe9")]
    gate, _ = serve(handler=lambda r: Response(200, tuple(theirs), b"body"))
    answer = gate.client().post("/score", b"x")
    for name, value in theirs:
        assert value in answer.headers.all(name), name
    assert answer.headers.all("x-twice") == ["1", "2"]
    assert len(answer.headers.all("date")) == len(answer.headers.all("content-type")) == 1
    assert answer.body == b"body"


@pytest.mark.parametrize("name, value", [
    ("Set-Cookie", "session=1; Path=/"), ("Set-Cookie2", "a=b"), ("Alt-Svc", 'h3=":443"'),
    ("Strict-Transport-Security", "max-age=31536000"), ("Public-Key-Pins", "x"), ("Clear-Site-Data", '"*"'),
    ("Keep-Alive", "timeout=5"), ("Proxy-Authenticate", "Basic"), ("Proxy-Authentication-Info", "x"),
    ("Proxy-Connection", "keep-alive"), ("Trailer", "X-T"), ("Upgrade", "h2c"), ("TE", "trailers"),
    ("X-Hop", "1"), ("Access-Control-Allow-Origin", "*")])
def test_U27_fields_that_never_come_down(serve, name, value):
    headers = ((name, value), ("Connection", "keep-alive, X-Hop"), ("X-Witness", "here"))
    gate, _ = serve(handler=lambda r: Response(200, headers, b"body"))
    answer = gate.client().post("/score", b"x")
    assert (answer.status, answer.body) == (200, b"body")
    assert name not in answer.headers
    assert answer.headers["x-witness"] == "here"
    assert "x-hop" not in (answer.headers.get("connection") or "").lower()


def test_connection_of_the_endpoint_says_nothing_about_the_callers(serve):
    gate, up = serve(handler=lambda r: Response(200, (("Connection", "close"),), b"x"))
    caller = gate.client()
    for _ in range(2):
        assert not caller.post("/score", b"x").will_close
    assert len(up.requests) == 2


@pytest.mark.parametrize("theirs", ["max-age=60", "no-cache", "private, no-store"])
def test_cache_control_of_the_endpoint_is_kept(serve, theirs):
    gate, _ = serve(handler=lambda r: Response(200, (("Cache-Control", theirs),)))
    assert gate.client().get("/score").headers.all("cache-control") == [theirs]


@pytest.mark.parametrize("status", [200, 201, 304, 400, 424, 500])
def test_cache_control_no_store_is_added(serve, status):
    gate, _ = serve(handler=lambda r: Response(status, ()))
    answer = gate.client().get("/score")
    assert answer.status == status
    assert answer.headers.all("cache-control") == ["no-store"]


def test_www_authenticate_passes_without_auth_and_never_with_it(serve):
    theirs = (("WWW-Authenticate", 'Bearer realm="azure"'),)
    gate, _ = serve(handler=lambda r: Response(401, theirs, b"key_auth_access_denied"))
    answer = gate.client().post("/score", b"x")
    assert (answer.status, answer.body) == (401, b"key_auth_access_denied")
    assert answer.headers["www-authenticate"] == 'Bearer realm="azure"'
    gate, _ = serve(handler=lambda r: Response(401, theirs, b"key_auth_access_denied"), auth=key_auth(KEY))
    assert_problem(gate.client().post("/score", b"x"), "credential_refused")


def test_the_key_comes_back_to_nobody(serve):
    """Neither in answers of the endpoint nor in scoregate's own."""
    gate, _ = serve(handler=lambda r: Response(500, (), b"internal error"), auth=key_auth(KEY))
    caller = gate.client()
    for data in (request_bytes("POST", "/score", (), b"x"), request_bytes("GET", "/score", ()),
                 request_bytes("OPTIONS", "/score"), request_bytes("GET", "/nowhere")):
        caller.send(data)
        assert KEY.encode() not in caller.read_answer().raw_head
