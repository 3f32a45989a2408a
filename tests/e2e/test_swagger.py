# SPDX-License-Identifier: MIT
"""What an endpoint says of itself, as a local caller sees it; and JSON that comes in a JSON string."""

import json

import pytest
from lib.config import key_auth
from lib.message import LAST_CHUNK, chunk
from lib.problem import assert_problem
from lib.upstream import Response
from test_reload import Reloadable

KEY = "swaggerKeyCANARY1"
TEXT = """{"swagger": "2.0", "info": {"title": "t", "version": "1.10", "x-number": 1.0000000000000000001},
 "host": "churn.westeurope.inference.ml.azure.com", "schemes": ["https"], "basePath": "/api/v1/service/s",
 "securityDefinitions": {"Bearer": {"type": "apiKey", "name": "Authorization", "in": "header"}},
 "security": [{"Bearer": []}],
 "paths": {"/": {"get": {"responses": {}}}, "/score": {"post": {"security": [{"Bearer": []}],
   "responses": {"200": {"description": "ok"}}}}, "/swagger.json": {"get": {"responses": {}}}}}"""
JSON = ("Content-Type", "application/json")


class Service:
    """A handler: the document with FIELDS, or 304 to who has its ETag."""

    def __init__(self, text=TEXT, fields=()):
        self.text, self.fields, self.seen = text, list(fields), []

    def __call__(self, request):
        if request.target.startswith("/api/v1/service/s/swagger.json"):
            self.seen.append(request)
            etag = dict(self.fields).get("ETag")
            if etag and request.headers.get("if-none-match") == etag:
                return Response(304, self.fields)
            return Response(200, [JSON, *self.fields], self.text.encode())
        return Response(200, [JSON], b"[1, 2]")


@pytest.fixture
def described(upstream, gateway):
    """described(fields…) -> (gateway, service): one worker, so that there is one cache."""
    def make(*fields, route=None, text=TEXT):
        service = Service(text, fields)
        up = upstream(handler=service)
        return gateway([{"path": "/churn", "scoring_uri": up.url("/api/v1/service/s/score"),
                         "auth": key_auth(KEY), **(route or {})}], workers=1), service
    return make


def test_it_is_rewritten_for_whoever_asks(described):
    gate, service = described()
    for host in (f"127.0.0.1:{gate.port}", f"localhost:{gate.port}", "localhost"):
        answer = gate.client().get("/churn/swagger.json", [("Host", host)])
        assert answer.status == 200 and answer.headers["content-type"] == "application/json"
        document = answer.json()
        assert (document["host"], document["schemes"]) == (host, ["http"])
        assert list(document["paths"]) == ["/churn", "/churn/swagger.json"]
        assert "security" not in document and document["securityDefinitions"] == {}
        assert "security" not in document["paths"]["/churn"]["post"]
        assert b"1.0000000000000000001" in answer.body and b"azure.com" not in answer.body
    assert len(service.seen) == 1, "a minute long it is not asked for again"
    asked = service.seen[0]
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["accept-encoding"] == "identity"


def test_what_it_says_is_true(described):
    """Each path and method of the document is served, at the host that it names."""
    gate, _ = described()
    caller = gate.client()
    document = caller.get("/churn/swagger.json", [("Host", f"127.0.0.1:{gate.port}")]).json()
    assert document["host"] == f"127.0.0.1:{gate.port}"
    for path, item in document["paths"].items():
        for method in item:
            body = b"{}" if method == "post" else None
            assert caller.request(method.upper(), path, [JSON], body).status == 200


def test_a_caller_of_http_1_0_that_names_no_host(described):
    gate, _ = described()
    caller = gate.client()
    caller.send(b"GET /churn/swagger.json HTTP/1.0\r\n\r\n")
    document = caller.read_answer().json()
    assert "host" not in document and document["schemes"] == ["http"]


def test_validators(described):
    gate, service = described(("ETag", '"one"'), ("Cache-Control", "no-cache"),
                              ("Last-Modified", "Sat, 28 Nov 2026 10:00:00 GMT"))
    caller = gate.client()
    first = caller.get("/churn/swagger.json")
    again = caller.get("/churn/swagger.json")
    assert again.status == 200 and again.body == first.body
    assert [r.headers.get("if-none-match") for r in service.seen] == [None, '"one"']
    assert service.seen[1].headers["if-modified-since"] == "Sat, 28 Nov 2026 10:00:00 GMT"
    assert first.headers["etag"] != '"one"' and first.headers["cache-control"] == "no-cache"
    same = caller.get("/churn/swagger.json", [("If-None-Match", first.headers["etag"])])
    assert same.status == 304 and same.body == b""
    assert service.seen[2].headers["if-none-match"] == '"one"', "the caller's own stays here"

    service.text, service.fields[0] = TEXT.replace("1.10", "1.11"), ("ETag", '"two"')
    changed = caller.get("/churn/swagger.json", [("If-None-Match", first.headers["etag"])])
    assert changed.status == 200 and changed.json()["info"]["version"] == "1.11"
    assert changed.headers["etag"] != first.headers["etag"]


def test_head_tells_what_get_would(described):
    gate, service = described(("Cache-Control", "no-store"))
    caller = gate.client()
    head = caller.request("HEAD", "/churn/swagger.json")
    whole = caller.get("/churn/swagger.json")
    assert head.status == 200 and head.body == b""
    for name in ("content-length", "etag", "content-type"):
        assert head.headers[name] == whole.headers[name]
    assert int(head.headers["content-length"]) == len(whole.body)
    assert [r.method for r in service.seen] == ["GET", "GET"]


def test_a_caller_may_want_news(described):
    gate, service = described(("Cache-Control", "max-age=3600"))
    caller = gate.client()
    service.fields.append(("Age", "3000"))
    assert 3000 <= int(caller.get("/churn/swagger.json").headers["age"]) < 3100
    service.seen.clear()
    assert caller.get("/churn/swagger.json").headers["age"] >= "3000"
    assert not service.seen, "it is good for another 600 s"
    service.seen.append(None)
    for fields, asked in (([], 1), ([], 1), ([("Cache-Control", "no-cache")], 2), ([], 2)):
        assert caller.get("/churn/swagger.json", fields).status == 200
        assert len(service.seen) == asked
    assert caller.get("/churn/swagger.json?version=3").status == 200
    assert len(service.seen) == 3 and service.seen[-1].target.endswith("?version=3")


def test_it_takes_no_place_of_those_who_score(upstream, gateway):
    """A document that is kept is there while the endpoint is full, and while it is down."""
    service = Service(fields=[("Cache-Control", "max-age=3600")])
    up = upstream(handler=service)
    gate = gateway([{"path": "/churn", "scoring_uri": up.url("/api/v1/service/s/score"),
                     "auth": key_auth(KEY)}], workers=1)
    caller = gate.client()
    first = caller.get("/churn/swagger.json")
    up.stop()
    assert caller.get("/churn/swagger.json").body == first.body
    assert_problem(caller.get("/churn/swagger.json?version=3"), "connection_refused")


@pytest.mark.parametrize("text", ["<html>sign in</html>", "[1, 2]", '{"swagger": "1.2"}',
                                  TEXT.replace("/score", "/other")])
def test_what_is_not_understood_passes_unchanged(described, text):
    gate, _ = described(text=text)
    answer = gate.client().get("/churn/swagger.json")
    assert answer.status == 200 and answer.body.decode() == text


def test_an_error_passes(serve):
    gate, _ = serve(handler=lambda request: Response(404, [JSON], b'{"message": "no such version"}'))
    answer = gate.client().get("/score/swagger.json?version=9")
    assert answer.status == 404 and answer.json() == {"message": "no such version"}


@pytest.mark.parametrize("tls", [True, False], ids=["TLS", "plain"])
@pytest.mark.parametrize("change", [{"path": "/leavers"}, {"auth": key_auth("anotherKeyCANARY2")},
                                    {"methods": ["GET"]}], ids=["path", "key", "methods"])
def test_a_reload_asks_anew(upstream, gateway, change, tls):
    """The route may have another path or key now, and the endpoint another answer for that."""
    service = Service(fields=[("Cache-Control", "max-age=3600"), ("ETag", '"one"')])
    up = upstream(handler=service, **({} if tls else {"tls": None}))
    route = {"path": "/churn", "scoring_uri": up.url("/api/v1/service/s/score"),
             "auth": key_auth(KEY), "allow_insecure_upstream": not tls}
    gate = gateway([route], workers=1)
    assert gate.client().get("/churn/swagger.json").status == 200
    route = {**route, **change}
    Reloadable(gate).reload(routes=[route])
    document = gate.client().get(f"{route['path']}/swagger.json").json()
    assert list(document["paths"]) == [route["path"]] * ("methods" not in change) + [
        f"{route['path']}/swagger.json"]
    assert len(service.seen) == 2 and "if-none-match" not in service.seen[1].headers


def test_a_deployment_that_callers_may_name_has_a_document_of_its_own(upstream, gateway):
    def handler(request):
        name = request.headers.get("azureml-model-deployment", "usual")
        return Response(200, [JSON, ("Cache-Control", "max-age=3600")],
                        TEXT.replace("1.10", name).encode())

    up = upstream(handler=handler)
    gate = gateway([{"path": "/churn", "scoring_uri": up.url("/api/v1/service/s/score"),
                     "client_deployment": True}], workers=1)
    caller = gate.client()
    for name in ("blue", None, "green", None):
        fields = [("azureml-model-deployment", name)] if name else []
        document = caller.get("/churn/swagger.json", fields).json()
        assert document["info"]["version"] == (name or "usual")


def test_the_route_of_everything(upstream, gateway):
    up = upstream(handler=Service())
    gate = gateway([{"path": "/", "scoring_uri": up.url("/api/v1/service/s/score")}], workers=1)
    document = gate.client().get("/swagger.json").json()
    assert list(document["paths"]) == ["/", "/swagger.json"]
    assert gate.client().post("/").status == 200


def test_fields_that_the_route_writes_are_no_security(upstream, gateway):
    text = TEXT.replace('"Authorization"', '"X-Tenant"')
    up = upstream(handler=Service(text))
    uri = up.url("/api/v1/service/s/score")
    gate = gateway([{"path": "/set", "scoring_uri": uri, "set_headers": {"x-tenant": "t"}},
                    {"path": "/auth", "scoring_uri": uri,
                     "auth": {**key_auth(KEY), "header": "X-Tenant", "prefix": ""}},
                    {"path": "/callers", "scoring_uri": uri}], workers=1)
    for path, left in (("/set", 0), ("/auth", 0), ("/callers", 1)):
        document = gate.client().get(f"{path}/swagger.json").json()
        assert len(document["securityDefinitions"]) == len(document.get("security", ())) == left


# JSON in a JSON string

WRAPPED = json.dumps(json.dumps({"result": [6, 15], "naïve": "\u20ac \U0001f600"}))


@pytest.mark.parametrize("fields, body", [
    ([], WRAPPED.encode()),
    ([("Transfer-Encoding", "chunked")],
     b"".join(chunk(bytes([b])) for b in WRAPPED.encode()) + LAST_CHUNK)], ids=["length", "chunked"])
def test_json_in_a_string_is_opened(serve, fields, body):
    gate, _ = serve(handler=lambda request: Response(200, [JSON, ("ETag", '"x"'), *fields], body),
                    unwrap_json=True)
    answer = gate.client().post("/score")
    assert answer.json() == json.loads(json.loads(WRAPPED))
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-type"] == "application/json"
    assert "etag" not in answer.headers


def test_without_the_key_it_passes(serve):
    gate, _ = serve(handler=lambda request: Response(200, [JSON], WRAPPED.encode()))
    assert gate.client().post("/score").body == WRAPPED.encode()


@pytest.mark.parametrize("status, kind, body", [
    (200, "application/json", '"hello"'), (200, "application/json", "[1, 2]"),
    (200, "application/json", '"{not json}"'), (200, "application/json", '"12"'),
    (200, "text/plain", WRAPPED), (424, "application/json", WRAPPED), (200, "application/json", ""),
    (200, "application/json", '"' + 40000 * "x" + '"')])
def test_everything_else_passes(serve, status, kind, body):
    gate, _ = serve(handler=lambda request: Response(status, [("Content-Type", kind)], body.encode()),
                    unwrap_json=True)
    answer = gate.client().post("/score")
    assert (answer.status, answer.body.decode()) == (status, body)
