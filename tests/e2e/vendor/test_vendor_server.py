# SPDX-License-Identifier: MIT
"""scoregate in front of Microsoft's own scoring server: see README.md."""

import json
import random

import pytest
from lib.config import key_auth
from lib.message import LAST_CHUNK, chunk
from lib.problem import assert_problem
from servers import DATA, KEY

pytestmark = pytest.mark.xdist_group("vendor")
JSON = [("Content-Type", "application/json")]
SAMPLE = (DATA / "sample-request.json").read_bytes()
# What differs from answer to answer, or belongs to one connection.
PER_ANSWER = {"date", "server", "connection", "keep-alive", "transfer-encoding", "content-length",
              "x-request-id", "x-ms-request-id", "x-ms-client-request-id", "x-ms-run-fn-exec-ms",
              "cache-control"}


@pytest.fixture
def caller(vendor, gateway):
    gate = gateway([
        {"path": "/score", "scoring_uri": vendor.url("/score"), "auth": key_auth(KEY),
         "methods": ["GET", "POST", "PUT"]},
        {"path": "/nowhere", "scoring_uri": vendor.url("/nowhere"), "auth": key_auth(KEY)},
        {"path": "/raw", "scoring_uri": vendor.url("/raw/score"), "auth": key_auth(KEY)},
    ])
    return gate.client()


def lasting(answer):
    return {n.lower(): v for n, v in answer.headers if n.lower() not in PER_ANSWER}


def assert_same(through, direct):
    """THROUGH the gateway came what the server says when it is asked directly."""
    assert through.status == direct.status
    assert through.body == direct.body
    assert lasting(through) == lasting(direct)


def test_the_predictions_of_the_article(caller, vendor):
    answer = caller.post("/score", SAMPLE)
    assert answer.status == 200
    assert answer.json() == pytest.approx([217.67980824, 224.78900904], abs=0.001)
    assert_same(answer, vendor.direct("POST", "/score", JSON, SAMPLE))


def test_headers_of_the_server_come_through(caller):
    answer = caller.post("/score", SAMPLE, [*JSON, ("x-request-id", "trace-4711"),
                                            ("x-ms-client-request-id", "caller-id-1")])
    assert answer.headers["x-ms-run-function-failed"] == "False"
    assert float(answer.headers["x-ms-run-fn-exec-ms"]) >= 0
    assert answer.headers["x-request-id"] == "trace-4711"
    assert answer.headers["x-ms-client-request-id"] == "caller-id-1"
    assert answer.headers["x-ms-request-id"] == "caller-id-1"  # as the server derives it


@pytest.mark.parametrize("method, path, server_path, headers, body, status", [
    ("POST", "/score", "/score", JSON, b"{}", 400),
    ("POST", "/score", "/score", JSON, b"{not json", 400),
    ("POST", "/nowhere", "/nowhere", JSON, SAMPLE, 404),
    ("PUT", "/score", "/score", JSON, SAMPLE, 405),
    ("POST", "/score", "/score", [("Content-Type", "text/plain")], SAMPLE, 415),
    ("POST", "/score", "/score", JSON, b'{"data": [[1.0]]}', 500),
])
def test_errors_of_the_server_pass_unchanged(caller, vendor, method, path, server_path, headers,
                                             body, status):
    through = caller.request(method, path, headers, body)
    assert through.status == status
    assert_same(through, vendor.direct(method, server_path, headers, body))
    assert "proxy-status" not in through.headers
    assert caller.post("/score", SAMPLE).status == 200  # on the same connection


def allowed(answer):
    return [v for n, v in answer.headers if n.lower() == "access-control-allow-origin"]


def test_the_cors_of_the_server_is_replaced_by_ours(vendor, gateway):
    """Two of the same fields make a browser refuse the answer."""
    gate = gateway([{"path": "/score", "scoring_uri": vendor.url("/cors/score"), "auth": key_auth(KEY),
                     "cors": {"origins": ["https://ours.example"]}}])
    for origin, status, ours, theirs in (
            ("https://ours.example", 200, ["https://ours.example"], []),
            ("https://theirs.example", 403, [], ["https://theirs.example"])):
        fields = [*JSON, ("Origin", origin)]
        answer = gate.client().post("/score", SAMPLE, fields)
        assert (answer.status, allowed(answer)) == (status, ours)
        assert allowed(vendor.direct("POST", "/score", fields, SAMPLE, server="cors")) == theirs


def words(value, under=""):
    """Each string of a document with where it is."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from words(inner, f"{under}/{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from words(inner, under)
    elif isinstance(value, str):
        yield under, value


@pytest.mark.parametrize("query, version", [("", "2.0"), ("?version=2", "2.0"), ("?version=3", "3.0.3"),
                                            ("?version=3.1", "3.1.0")])
def test_swagger(caller, vendor, query, version):
    """Where it is and who may is the gateway's affair; the rest is as the server says it."""
    answer = caller.get(f"/score/swagger.json{query}", [("Host", "localhost:8080")])
    direct = vendor.direct("GET", f"/swagger.json{query}").json()
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    document = answer.json()
    assert version == document.get("swagger", document.get("openapi"))
    assert sorted(document["paths"]) == ["/score", "/score/swagger.json"]
    if version == "2.0":
        assert (document["host"], document["schemes"]) == ("localhost:8080", ["http"])
        assert document["definitions"] == direct["definitions"]
    else:
        assert document["servers"] == [{"url": "http://localhost:8080"}]
        assert document["components"]["schemas"] == direct["components"]["schemas"]
    assert document["info"] == direct["info"]
    assert {**direct["paths"]["/score"]["post"], "security": None} == \
        {**document["paths"]["/score"]["post"], "security": None}
    said = list(words(document))
    assert not [w for w in said if "bearer" in w[1].lower() or "https" in w[1]], said
    assert any("Bearer" in path for path, _ in words(direct)), "there was something to leave out"


def test_swagger_of_a_version_that_there_is_not(caller, vendor):
    assert_same(caller.get("/score/swagger.json?version=99"),
                vendor.direct("GET", "/swagger.json?version=99"))


def test_binary_body_round_trip(caller):
    body = random.Random(300).randbytes(300)
    answer = caller.post("/raw", body, [("Content-Type", "application/octet-stream")])
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.body == body


def test_get_with_query(caller):
    answer = caller.get("/raw?age=0.02&sex=%C3%A9&empty=")
    assert answer.json()["query"] == "age=0.02&sex=%C3%A9&empty="


def test_get_with_query_refused_by_a_script_with_schema(caller, vendor):
    assert_same(caller.get("/score?x=1"), vendor.direct("GET", "/score?x=1"))


def test_what_the_server_sees(caller):
    seen = caller.get("/raw", [("Accept", "text/csv"), ("User-Agent", "tester/1"),
                               ("Cookie", "a=b"), ("Traceparent", "00-aa-bb-01")]).json()
    headers = {n.lower(): v for n, v in seen["headers"].items()}
    assert headers["accept"] == "text/csv"
    assert headers["user-agent"] == "tester/1"
    assert headers["traceparent"] == "00-aa-bb-01"
    assert headers["via"] == "1.1 scoregate"
    assert headers["host"].startswith("127.0.0.1")
    assert "cookie" not in headers


def test_options_is_answered_here(caller):
    answer = caller.request("OPTIONS", "/raw")  # the server would answer 200 with a body
    assert answer.status == 204
    assert {m.strip() for m in answer.headers["allow"].split(",")} == {
        "GET", "HEAD", "OPTIONS", "POST"}
    assert "x-ms-run-function-failed" not in answer.headers


def test_chunked_upload(caller):
    caller.send(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(SAMPLE), 100):
        caller.send(chunk(SAMPLE[start:start + 100]))
    caller.send(LAST_CHUNK)
    answer = caller.read_answer()
    assert answer.json() == pytest.approx([217.67980824, 224.78900904], abs=0.001)


def test_large_binary_body_chunked(caller):
    body = random.Random(1).randbytes(3 << 20)  # more than replay_bytes
    caller.send(b"POST /raw HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(body), 50000):
        caller.send(chunk(body[start:start + 50000]))
    caller.send(LAST_CHUNK)
    assert caller.read_answer().body == body


def test_head(caller, vendor):
    answer = caller.request("HEAD", "/score")
    assert answer.status == vendor.direct("HEAD", "/score").status == 405
    assert answer.body == b"" and answer.ended == "none"
    assert caller.request("HEAD", "/score/swagger.json").status == 200
    assert caller.post("/score", SAMPLE).status == 200  # no stray body bytes were in between


def test_expect_100_continue(caller):
    caller.send(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(SAMPLE))
    assert caller.read_interim().status == 100
    caller.send(SAMPLE)
    assert len(caller.read_answer().json()) == 2


def test_a_refused_key_is_a_502_that_says_so(vendor, gateway):
    gate = gateway([{"path": "/score", "scoring_uri": vendor.url(), "auth": key_auth("wrongKey123")}])
    assert_problem(gate.client().post("/score", SAMPLE), "credential_refused")


def test_without_auth_the_401_passes(vendor, gateway):
    gate = gateway([{"path": "/score", "scoring_uri": vendor.url()}])
    answer = gate.client().post("/score", SAMPLE)
    assert answer.status == 401
    assert answer.body == b"key_auth_access_denied"


def test_tls_1_3_only_does_not_fit_the_endpoint(vendor, gateway, certs):
    """The front really speaks nothing above TLS 1.2."""
    gate = gateway([{"path": "/score", "scoring_uri": vendor.url(), "auth": key_auth(KEY)}],
                   tls={"ca_file": certs.ca, "min_version": "1.3"})
    assert_problem(gate.client().post("/score", SAMPLE), "tls_error")


def test_the_sample_request_is_the_articles():
    assert [len(row) for row in json.loads(SAMPLE)["data"]] == [10, 10]
