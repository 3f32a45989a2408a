# SPDX-License-Identifier: MIT
"""What web pages may do (rows B1 to B11): CORS as browsers apply it, and everything that a page could
try from a user's browser against a gateway that needs no login."""

import pytest
from lib.cli import run
from lib.message import tokens
from lib.problem import assert_problem
from lib.upstream import Response

OURS = "https://intranet.example"
OTHER = "http://localhost:3000"
EVIL = "https://evil.example"
CORS = {"origins": [OURS, OTHER], "headers": ["X-Model", "X-Other"],
        "expose": ["x-ms-request-id", "Retry-After"], "max_age_s": 1234}


def allowed(answer):
    """The Access-Control fields of ANSWER by name without that prefix; each comes once."""
    fields = [n.lower() for n, _ in answer.headers if n.lower().startswith("access-control-")]
    assert len(fields) == len(set(fields)), fields
    return {n.removeprefix("access-control-"): answer.headers[n] for n in fields}


def words(value):
    return {w.strip().lower() for w in value.split(",")}


def preflight(caller, origin=OURS, method="POST", headers=None, path="/score", more=()):
    fields = [("Origin", origin), ("Access-Control-Request-Method", method), *more]
    if headers is not None:
        fields.append(("Access-Control-Request-Headers", headers))
    return caller.request("OPTIONS", path, fields)


def call(caller, origin=OURS, headers=(), method="POST", path="/score"):
    return caller.request(method, path, [("Origin", origin), *headers], b"{}")


@pytest.fixture
def browser(serve):
    gate, up = serve(cors=CORS, auth={"type": "key", "primary": "browserKeyCANARY1"})
    return gate.client(), up


# B1

@pytest.mark.parametrize("headers", [None, "content-type", "x-model,content-type", "X-MODEL, X-Other"])
def test_B1_preflight(browser, headers):
    caller, up = browser
    answer = preflight(caller, headers=headers, more=[("Sec-Fetch-Site", "cross-site"),
                                                      ("Sec-Fetch-Mode", "cors")])
    assert answer.status == 204 and answer.body == b""
    got = allowed(answer)
    assert got["allow-origin"] == OURS
    assert "post" in words(got["allow-methods"])
    assert {"content-type", "x-model", "x-other"} <= words(got["allow-headers"])
    assert got["max-age"] == "1234"
    assert "allow-credentials" not in got
    assert "origin" in tokens(answer.headers, "vary")
    assert answer.headers["x-ms-client-request-id"]
    assert up.heads == [] and up.accepted == 0


def test_B1_the_second_origin_of_the_list(browser):
    caller, _ = browser
    assert allowed(preflight(caller, OTHER))["allow-origin"] == OTHER
    assert allowed(call(caller, OTHER))["allow-origin"] == OTHER


def test_B1_preflight_and_call_on_one_connection(browser):
    caller, up = browser
    assert preflight(caller).status == 204
    answer = call(caller)
    assert answer.status == 200
    got = allowed(answer)
    assert got["allow-origin"] == OURS
    assert words(got["expose-headers"]) == {"x-ms-request-id", "retry-after"}
    assert "allow-methods" not in got
    assert "origin" in tokens(answer.headers, "vary")
    (request,) = up.requests
    for name in ("origin", "access-control-request-method"):
        assert name not in request.headers


def test_B1_preflight_of_swagger(browser):
    caller, up = browser
    answer = preflight(caller, method="GET", path="/score/swagger.json")
    assert answer.status == 204
    assert allowed(answer)["allow-origin"] == OURS
    assert up.heads == []


# B2

def test_B2_preflight_from_another_origin(browser):
    caller, up = browser
    answer = preflight(caller, EVIL)
    assert answer.status in (204, 403)
    assert allowed(answer) == {}
    assert "origin" in tokens(answer.headers, "vary")
    assert up.heads == []


@pytest.mark.parametrize("method, headers", [("DELETE", None), ("PUT", "x-model"), ("post", None),
                                             ("POST", "x-secret"), ("POST", "x-model, x-secret"),
                                             ("POST", "authorization"), ("FROB", None), ("", None)])
def test_B2_preflight_for_what_is_not_allowed(browser, method, headers):
    caller, up = browser
    answer = preflight(caller, method=method, headers=headers)
    assert answer.status in (204, 403)
    assert allowed(answer) == {}
    assert up.heads == []


def test_B2_call_from_another_origin_is_refused_before_anything_is_sent(browser):
    caller, up = browser
    answer = call(caller, EVIL)
    problem = assert_problem(answer, "origin_not_allowed")
    assert allowed(answer) == {}
    assert EVIL in problem["detail"] and "cors" in problem["detail"]  # the line that would allow it
    assert up.heads == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", ["/score", "/score/swagger.json"])
def test_B2_every_method_and_path(browser, method, path):
    caller, up = browser
    assert call(caller, EVIL, method=method, path=path).status == 403
    assert up.heads == []


# B3

@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded",
                                          "multipart/form-data; boundary=x"])
def test_B3_simple_request_of_a_foreign_page(browser, content_type):
    """These need no preflight, so that the call itself has to be refused."""
    caller, up = browser
    answer = call(caller, EVIL, [("Content-Type", content_type)])
    assert_problem(answer, "origin_not_allowed")
    assert up.heads == []


def test_B3_without_cors_no_page_is_served(serve):
    gate, up = serve()
    for origin in (OURS, EVIL, "null", f"http://localhost:{gate.port}"):
        answer = call(gate.client(), origin)
        assert_problem(answer, "origin_not_allowed")
        assert allowed(answer) == {}
    assert up.heads == []


# B4

@pytest.mark.parametrize("origin", [
    "null", "https://intranet.example.evil.example", "https://intranet.example:444",
    "https://intranet.example:443", "http://intranet.example", "HTTPS://INTRANET.EXAMPLE",
    "https://Intranet.example", "https://intranet.example/", "https://evil.example,https://intranet.example",
    "https://intranet.example https://evil.example", "https://xintranet.example",
    "https://a.intranet.example", "https://intranet.example.", "https://intranet.exampl",
    "https://user@intranet.example", "//intranet.example", "intranet.example", "*", "", "https://", "file://",
    "http://localhost:30000", "http://localhost", "https://localhost:3000", "\xe9",
])
def test_B4_origins_are_compared_whole(browser, origin):
    caller, up = browser
    for answer in (call(caller, origin), preflight(caller, origin)):
        assert answer.status == 403
        assert allowed(answer) == {}
    assert up.heads == []


def test_B4_two_origins(serve):
    gate, up = serve(cors=CORS)
    for first, second in ((OURS, OURS), (OURS, EVIL), (EVIL, OURS)):
        answer = call(gate.client(), first, [("Origin", second)])
        assert_problem(answer, "malformed_header")
        assert EVIL not in allowed(answer).values()
    assert up.heads == []


def test_B4_long_and_broken_origins(serve):
    gate, up = serve(cors=CORS)
    assert call(gate.client(), "https://" + "a" * 6000 + ".example").status == 403
    long = call(gate.client(), "https://" + "a" * 9000 + ".example")
    assert long.status in (403, 431) and allowed(long) == {}
    broken = call(gate.client(), OURS + "\rX: y")
    assert broken.status == 400
    assert up.heads == []


# B5

@pytest.mark.parametrize("cors", ['origins = [ "*" ]; credentials = true;',
                                  'origins = [ "https://a.example", "*" ]; credentials = true;'])
def test_B5_any_origin_with_credentials_is_an_error(tmp_path, cors):
    config = tmp_path / "c.conf"
    config.write_text('routes = ( { path = "/score"; scoring_uri = "https://a.example/score";\n'
                      f"  cors = {{ {cors} }}; }} );\n")
    result = run("check", "-c", config)
    assert result.returncode == 78
    assert f"{config}:2: " in result.stderr and "credentials" in result.stderr


@pytest.mark.parametrize("origin", ["https://a.example/", "https://A.example", "a.example", "https://a.example:443",
                                    "https://*.example", "null", "https://a.example/path", "http://a.example:80"])
def test_B5_origins_that_no_browser_sends_are_errors(tmp_path, origin):
    config = tmp_path / "c.conf"
    config.write_text('routes = ( { path = "/score"; scoring_uri = "https://a.example/score";\n'
                      f'  cors = {{ origins = [ "{origin}" ]; }}; }} );\n')
    result = run("check", "-c", config)
    assert result.returncode == 78
    assert f"{config}:2: " in result.stderr


def test_credentials_of_a_listed_origin(serve):
    gate, up = serve(cors={"origins": [OURS], "credentials": True})
    caller = gate.client()
    for answer in (preflight(caller), call(caller, headers=[("Cookie", "session=1")])):
        got = allowed(answer)
        assert got["allow-origin"] == OURS
        assert got["allow-credentials"] == "true"
        assert "origin" in tokens(answer.headers, "vary")
    assert "cookie" not in up.requests[0].headers


def test_any_origin(serve):
    gate, up = serve(cors={"origins": ["*"]})
    caller = gate.client()
    for origin in (EVIL, OURS, "null"):
        for answer in (preflight(caller, origin, headers="content-type"), call(caller, origin)):
            assert answer.status in (200, 204)
            assert allowed(answer)["allow-origin"] == "*"
            assert "allow-credentials" not in allowed(answer)
    assert len(up.requests) == 3


def test_any_header(serve):
    gate, _ = serve(cors={"origins": [OURS], "headers": ["*"]})
    answer = preflight(gate.client(), headers="x-anything,content-type")
    got = words(allowed(answer)["allow-headers"])
    assert got >= {"x-anything"} or got == {"*"}


def test_methods_of_cors_narrow_those_of_the_route(serve):
    gate, _ = serve(cors={"origins": [OURS], "methods": ["GET"]}, methods=["GET", "POST"])
    caller = gate.client()
    assert words(allowed(preflight(caller, method="GET"))["allow-methods"]) >= {"get"}
    assert allowed(preflight(caller, method="POST")) == {}


# B6

def test_B6_errors_of_ours_can_be_read_by_an_allowed_page(serve, certs):
    gate, up = serve(cors=CORS, body_bytes=10)
    caller = gate.client()
    answers = {
        "body_too_large": caller.request("POST", "/score", [("Origin", OURS)], b"x" * 11),
        "method_not_allowed": call(caller, method="DELETE"),
    }
    up.stop()
    answers["connection_refused"] = call(caller)
    for reason, answer in answers.items():
        assert_problem(answer, reason)
        assert allowed(answer)["allow-origin"] == OURS, reason
        assert "origin" in tokens(answer.headers, "vary")


def test_B6_errors_of_the_endpoint_too(serve):
    gate, _ = serve(handler=lambda r: Response(424, (("X-Why", "model"),), b"model failed"), cors=CORS)
    answer = call(gate.client())
    assert (answer.status, answer.body) == (424, b"model failed")
    assert allowed(answer)["allow-origin"] == OURS


# B7

def test_B7_private_network(serve):
    gate, up = serve(cors={**CORS, "private_network": True})
    caller = gate.client()
    ask = [("Access-Control-Request-Private-Network", "true")]
    assert allowed(preflight(caller, more=ask))["allow-private-network"] == "true"
    assert "allow-private-network" not in allowed(preflight(caller))
    assert allowed(preflight(caller, EVIL, more=ask)) == {}
    assert up.heads == []


def test_B7_private_network_is_off_by_default(browser):
    caller, _ = browser
    answer = preflight(caller, more=[("Access-Control-Request-Private-Network", "true")])
    assert "allow-private-network" not in allowed(answer)


# B8

def test_B8_a_rebound_name_is_refused_whatever_the_origin(browser):
    caller, up = browser
    for origin in (OURS, "http://rebind.example"):
        answer = call(caller, origin, [("Host", "rebind.example")])
        assert_problem(answer, "host_not_ours")
        assert allowed(answer) == {}
    assert_problem(caller.get("/score", host="rebind.example"), "host_not_ours")
    assert preflight(caller, more=[("Host", "rebind.example")]).status == 421
    assert up.heads == []


# B9

def test_B9_sec_fetch_site(browser):
    caller, up = browser
    for site in ("cross-site", "same-site"):  # the latter: another port of the same host
        answer = caller.get("/score", [("Sec-Fetch-Site", site)])  # an <img> or a link: no Origin
        assert_problem(answer, "cross_site")
        assert_problem(caller.post("/score", b"x", [("Sec-Fetch-Site", site)]), "cross_site")
    assert up.heads == []
    for site in ("same-origin", "none"):
        assert caller.get("/score", [("Sec-Fetch-Site", site)]).status == 200
    assert call(caller, headers=[("Sec-Fetch-Site", "cross-site")]).status == 200
    assert len(up.requests) == 3


# B10

def test_B10_nothing_is_cached_or_shared(serve):
    numbers = iter(range(100))
    gate, up = serve(handler=lambda r: Response(200, (), b"answer %d" % next(numbers)), cors=CORS)
    first, second = gate.client(), gate.client()
    answers = [caller.get("/score") for caller in (first, second, first)]
    assert [a.body for a in answers] == [b"answer 0", b"answer 1", b"answer 2"]
    for answer in answers:
        assert answer.headers["cache-control"] == "no-store"
        assert "origin" in tokens(answer.headers, "vary")
        for name in ("age", "x-cache", "x-cache-hits"):
            assert name not in answer.headers
    assert len(up.requests) == 3


def test_B10_vary_is_added_to_the_endpoints(serve):
    gate, _ = serve(handler=lambda r: Response(200, (("Vary", "Accept-Encoding"),)), cors=CORS)
    for answer in (gate.client().get("/score"), call(gate.client())):
        assert {"accept-encoding", "origin"} <= set(tokens(answer.headers, "vary"))


def test_U27_cors_of_the_endpoint_is_replaced(serve):
    theirs = (("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Origin", EVIL),
              ("Access-Control-Allow-Credentials", "true"), ("Access-Control-Allow-Methods", "DELETE"),
              ("access-control-expose-headers", "secret"), ("Access-Control-Max-Age", "9"),
              ("Access-Control-Allow-Headers", "*"), ("Access-Control-Allow-Private-Network", "true"))
    gate, _ = serve(handler=lambda r: Response(200, theirs), cors=CORS)
    assert allowed(gate.client().get("/score")) == {}
    got = allowed(call(gate.client()))
    assert got["allow-origin"] == OURS
    assert words(got["expose-headers"]) == {"x-ms-request-id", "retry-after"}
    assert set(got) == {"allow-origin", "expose-headers"}


# B11

@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
@pytest.mark.parametrize("listener", ["listen = ( {{ address = \"{}\"; port = 0; }} );",
                                      "admin = {{ address = \"{}\"; port = 0; }};"])
def test_B11_other_machines_only_where_the_config_says_so(tmp_path, address, listener):
    config = tmp_path / "c.conf"
    config.write_text("workers = 1;\n" + listener.format(address) + "\n")
    result = run("check", "-c", config)
    assert result.returncode == 78
    assert f"{config}:2: " in result.stderr and "allow_remote" in result.stderr
    config.write_text(config.read_text().replace("port = 0;", "port = 0; allow_remote = true;"))
    assert run("check", "-c", config).returncode == 0


def test_B11_the_defaults_are_loopback(tmp_path):
    config = tmp_path / "c.conf"
    config.write_text('routes = ( { path = "/score"; scoring_uri = "https://a.example/score"; } );\n')
    printed = run("config", "-c", config)
    assert printed.returncode == 0
    assert printed.stdout.count('"127.0.0.1"') == 2  # listen and admin
    assert "8080" in printed.stdout and "8081" in printed.stdout


# Without a browser

def test_options_without_origin(browser):
    caller, up = browser
    answer = caller.request("OPTIONS", "/score")
    assert answer.status == 204
    assert words(answer.headers["allow"]) == {"get", "head", "options", "post"}
    assert allowed(answer) == {}
    assert up.heads == []


def test_callers_without_origin_need_none(browser):
    caller, up = browser
    answer = caller.post("/score", b"x")
    assert answer.status == 200
    assert allowed(answer) == {}
    assert "origin" in tokens(answer.headers, "vary")
    assert len(up.requests) == 1
