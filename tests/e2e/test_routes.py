# SPDX-License-Identifier: MIT
"""Which request goes where: paths, subpaths, queries, methods, swagger."""

import pytest
from lib.config import key_auth
from lib.problem import assert_problem
from lib.upstream import Response


def tell(request):
    return Response(200, (), f"{request.method} {request.target}".encode())


@pytest.fixture
def routed(upstream, gateway):
    """routed(route dicts without scoring_uri's origin) -> (caller, upstream): each scoring_uri is a path."""
    def make(*routes):
        up = upstream(handler=tell)
        made = []
        for route in routes:
            route = {"scoring_uri": "/score", **route}
            for key in ("scoring_uri", "swagger_uri"):
                if key in route:
                    route[key] = up.url(route[key])
            made.append(route)
        return gateway(made).client(), up
    return make


def target(caller, path, method="GET"):
    """Where the upstream was asked, or the status if it was not."""
    answer = caller.request(method, path)
    return answer.text.split(" ")[1] if answer.status == 200 else answer.status


def test_exact_paths(routed):
    caller, _ = routed({"path": "/a", "scoring_uri": "/A"}, {"path": "/b", "scoring_uri": "/B"},
                       {"path": "/a/b", "scoring_uri": "/AB"}, {"path": "/deep/er/path", "scoring_uri": "/D"})
    assert target(caller, "/a") == "/A"
    assert target(caller, "/b") == "/B"
    assert target(caller, "/a/b") == "/AB"
    assert target(caller, "/deep/er/path") == "/D"
    for path in ("/", "/A", "/a/", "/ab", "/a/b/c", "/deep/er", "/deep", "/c", "/a//b", "//a", "/%61"):
        assert target(caller, path) == 404, path


def test_the_root_as_a_route(routed):
    caller, _ = routed({"path": "/", "scoring_uri": "/root"})
    assert target(caller, "/") == "/root"
    assert target(caller, "/?x=1") == "/root?x=1"
    assert target(caller, "/x") == 404


def test_the_scoring_uri_without_a_path(routed):
    caller, _ = routed({"path": "/a", "scoring_uri": ""}, {"path": "/b", "scoring_uri": "/"})
    assert target(caller, "/a") == "/"
    assert target(caller, "/b?q") == "/?q"


# Subpaths

SUBPATHS = ({"path": "/api", "scoring_uri": "/base", "subpaths": True},
            {"path": "/api/v2", "scoring_uri": "/two", "subpaths": True},
            {"path": "/api/v2/exact", "scoring_uri": "/exact"})


@pytest.mark.parametrize("path, where", [
    ("/api", "/base"), ("/api/", "/base/"), ("/api/x", "/base/x"), ("/api/x/y/z", "/base/x/y/z"),
    ("/api/v2", "/two"), ("/api/v2/", "/two/"), ("/api/v2/y", "/two/y"), ("/api/v2x", "/base/v2x"),
    ("/api/v2/exact", "/exact"), ("/api/v2/exact/y", "/two/exact/y"), ("/api/v3/y", "/base/v3/y"),
    ("/api/a%20b", "/base/a%20b"), ("/api/%C3%A9", "/base/%C3%A9"), ("/api/a;p=1/b", "/base/a;p=1/b"),
    ("/api/x.y", "/base/x.y"), ("/api/...", "/base/..."), ("/api/.hidden", "/base/.hidden"),
    ("/api/x?q=/../", "/base/x?q=/../"), ("/apix", 404), ("/ap", 404), ("/", 404), ("/API/x", 404),
])
def test_subpaths_at_segment_boundaries_and_the_longest_wins(routed, path, where):
    caller, _ = routed(*SUBPATHS)
    assert target(caller, path) == where


@pytest.mark.parametrize("path, near", [("/scor", "/score"), ("/Score", "/score"), ("/somewhere", None)])
def test_a_misspelt_path_is_told_the_nearest(serve, path, near):
    gate, up = serve()
    detail = assert_problem(gate.client().post(path, b"{}"), "no_route")["detail"]
    assert detail == f"No route has this path; did you mean {near}?" if near else "did you mean" not in detail
    assert up.heads == []


@pytest.mark.parametrize("path", [
    "/api/..", "/api/../x", "/api/x/..", "/api/./x", "/api/.", "/api/%2e%2e/x", "/api/%2E%2e", "/api/.%2e/x",
    "/api/%2e/x", "/api/x%2f..%2fy", "/api/x%2Fy", "/api/x%5c..", "/api/%5C", "/api/..;/x", "/api/%252e%252e/x",
    "/api/%c0%ae%c0%ae/x", "/api/..%2f", "/api//x", "/api/x//y", "/../api/x", "/./api/x", "/x/../api",
    "/api/%25%32%65%25%32%65/x", "/api/%e0%80%ae/x", "/api/%c0%af",
])
def test_paths_that_could_mean_another_are_not_found(routed, path):
    caller, up = routed(*SUBPATHS)
    answer = caller.get(path)
    assert_problem(answer, "no_route")
    assert up.heads == []


def test_subpaths_of_a_scoring_uri_that_ends_with_a_slash(routed):
    caller, _ = routed({"path": "/api", "scoring_uri": "/base/", "subpaths": True})
    assert target(caller, "/api/x") == "/base/x"


def test_subpaths_of_everything(routed):
    caller, _ = routed({"path": "/", "scoring_uri": "/base", "subpaths": True})
    assert target(caller, "/x/y") == "/base/x/y"
    assert target(caller, "/%2e%2e/x") == 404


# Queries

@pytest.mark.parametrize("uri, path, where", [
    ("/score", "/p", "/score"),
    ("/score", "/p?a=b", "/score?a=b"),
    ("/score?api-version=2", "/p", "/score?api-version=2"),
    ("/score?api-version=2", "/p?a=b&c", "/score?api-version=2&a=b&c"),
    ("/score?api-version=2", "/p?", "/score?api-version=2"),
    ("/score", "/p?a=%2F%20&b==&c=?&d=/;!$'()*+,:@", "/score?a=%2F%20&b==&c=?&d=/;!$'()*+,:@"),
    ("/score?x", "/p/sub?y", "/score/sub?x&y"),
])
def test_queries_are_joined(routed, uri, path, where):
    caller, _ = routed({"path": "/p", "scoring_uri": uri, "subpaths": True})
    assert target(caller, path) == where


def test_an_empty_query_is_not_invented(routed):
    caller, _ = routed({"path": "/p"})
    assert target(caller, "/p?") in ("/score", "/score?")


# Methods

def allow(answer):
    return {m.strip() for m in answer.headers["allow"].split(",")}


def test_default_methods(routed):
    caller, up = routed({"path": "/p"})
    assert caller.get("/p").text.startswith("GET ")
    assert caller.post("/p", b"x").text.startswith("POST ")
    assert caller.request("HEAD", "/p").status == 200
    for method in ("PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "post", "X"):
        answer = caller.request(method, "/p")
        assert_problem(answer, "method_not_allowed", "method_unknown")
        if answer.status == 405:
            assert allow(answer) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert [r.method for r in up.requests] == ["GET", "POST", "HEAD"]


def test_methods_of_the_route(routed):
    caller, up = routed({"path": "/put", "methods": ["PUT", "DELETE", "PATCH"]},
                        {"path": "/post", "methods": ["POST"]})
    for method in ("PUT", "DELETE", "PATCH"):
        assert caller.request(method, "/put", (), b"x").text == f"{method} /score"
    for method, path, allowed in (("POST", "/put", {"DELETE", "OPTIONS", "PATCH", "PUT"}),
                                  ("GET", "/post", {"OPTIONS", "POST"}),
                                  ("HEAD", "/post", {"OPTIONS", "POST"})):
        answer = caller.request(method, path)
        assert answer.status == 405
        assert allow(answer) == allowed
    assert len(up.requests) == 3


def test_options(routed):
    caller, up = routed({"path": "/p"}, {"path": "/post", "methods": ["POST"]})
    for path, allowed in (("/p", {"GET", "HEAD", "OPTIONS", "POST"}), ("/post", {"OPTIONS", "POST"})):
        answer = caller.request("OPTIONS", path)
        assert (answer.status, answer.body) == (204, b"")
        assert allow(answer) == allowed
        assert "content-length" not in answer.headers  # RFC 9110 section 8.6
    assert_problem(caller.request("OPTIONS", "/nowhere"), "no_route")
    assert caller.request("OPTIONS", "*").status == 204
    assert up.heads == []


def test_an_options_with_a_body(routed):
    caller, up = routed({"path": "/p"})
    answer = caller.request("OPTIONS", "/p", (), b"some body")
    assert answer.status == 204
    assert caller.get("/p").status == 200
    assert len(up.heads) == 1


def test_head_has_the_length_of_the_endpoint_and_no_body(upstream, gateway):
    up = upstream(lambda s: (s.rxreq(), s.tx(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"), s.rxreq(),
                             s.txresp(200, body=b"next")))
    caller = gateway([{"path": "/p", "scoring_uri": up.url()}]).client()
    answer = caller.request("HEAD", "/p")
    assert (answer.status, answer.headers["content-length"]) == (200, "12345")
    assert caller.get("/p").body == b"next"
    assert up.requests[0].method == "HEAD"


# Swagger

def test_swagger_is_beside_the_scoring_uri(routed):
    caller, _ = routed({"path": "/p", "scoring_uri": "/api/v1/service/x/score"})
    assert target(caller, "/p/swagger.json") == "/api/v1/service/x/swagger.json"
    assert target(caller, "/p/swagger.json?version=3") == "/api/v1/service/x/swagger.json?version=3"


def test_swagger_uri(routed):
    caller, _ = routed({"path": "/p", "swagger_uri": "/doc/openapi.json?v=3"})
    assert target(caller, "/p/swagger.json") == "/doc/openapi.json?v=3"
    assert target(caller, "/p/swagger.json?x") == "/doc/openapi.json?v=3&x"


def test_swagger_is_for_reading(routed):
    caller, up = routed({"path": "/p", "methods": ["POST"]})
    assert target(caller, "/p/swagger.json") == "/swagger.json"  # whatever the methods of the route
    assert caller.request("HEAD", "/p/swagger.json").status == 200
    before = len(up.requests)
    answer = caller.post("/p/swagger.json", b"x")
    assert_problem(answer, "method_not_allowed")
    assert allow(answer) == {"GET", "HEAD", "OPTIONS"}
    assert len(up.requests) == before


def test_swagger_of_the_same_origin_gets_the_credential(routed):
    key = "swaggerKeyCANARY4h"
    caller, up = routed({"path": "/p", "auth": key_auth(key)})
    assert caller.get("/p/swagger.json").status == 200
    assert up.requests[0].headers["authorization"] == f"Bearer {key}"


def test_swagger_of_another_origin_gets_no_credential(upstream, gateway):
    key = "swaggerKeyCANARY5j"
    scoring, other = upstream(handler=tell), upstream(handler=tell)
    caller = gateway([{"path": "/p", "scoring_uri": scoring.url(), "swagger_uri": other.url("/swagger.json"),
                       "auth": key_auth(key)}]).client()
    assert caller.get("/p/swagger.json").status == 200
    assert caller.post("/p", b"x").status == 200
    assert key.encode() not in other.requests[0].head
    assert "authorization" not in other.requests[0].headers
    assert scoring.requests[0].headers["authorization"] == f"Bearer {key}"


def test_swagger_below_subpaths_is_that_of_the_route(routed):
    caller, _ = routed({"path": "/p", "scoring_uri": "/base/score", "subpaths": True})
    assert target(caller, "/p/swagger.json") == "/base/swagger.json"
    assert target(caller, "/p/x/swagger.json") == "/base/score/x/swagger.json"


# Several endpoints

def test_every_route_has_its_own_key_and_origin(upstream, gateway):
    first, second = upstream(handler=tell), upstream(handler=tell)
    keys = "routeKeyCANARYone", "routeKeyCANARYtwo"
    caller = gateway([{"path": "/one", "scoring_uri": first.url(), "auth": key_auth(keys[0])},
                      {"path": "/two", "scoring_uri": second.url(), "auth": key_auth(keys[1])},
                      {"path": "/three", "scoring_uri": second.url("/free")}]).client()
    for _ in range(5):
        for path in ("/one", "/two", "/three"):
            assert caller.post(path, b"x").status == 200
    assert {r.headers["authorization"] for r in first.requests} == {f"Bearer {keys[0]}"}
    assert all((r.headers.get("authorization") == f"Bearer {keys[1]}") == (r.target == "/score")
               for r in second.requests)
    assert all(keys[0].encode() not in r.head for r in second.requests)
    assert all("authorization" not in r.headers for r in second.requests if r.target == "/free")


def test_many_routes(routed):
    caller, _ = routed(*({"path": f"/r{i}", "scoring_uri": f"/s{i}"} for i in range(300)))
    for i in (0, 1, 9, 10, 99, 150, 299):
        assert target(caller, f"/r{i}") == f"/s{i}"
    assert target(caller, "/r300") == 404
