# SPDX-License-Identifier: MIT
"""Pages of an allowed origin, in Chromium: what they can do through scoregate and read of it."""

import json
import threading

import pytest
from lib.config import key_auth
from lib.message import LAST_CHUNK, chunk
from lib.upstream import Response, closed_port
from lib.wait import until
from servers import DATA, KEY

pytestmark = pytest.mark.xdist_group("vendor")
SAMPLE = (DATA / "sample-request.json").read_text()
PREDICTIONS = [217.67980824, 224.78900904]
JSON = {"Content-Type": "application/json"}
# What a page can always read, by the Fetch standard.
SAFELISTED = {"cache-control", "content-language", "content-length", "content-type", "expires",
              "last-modified", "pragma"}


@pytest.fixture
def origin(site):
    return site.origin("intranet.localhost")


@pytest.fixture
def page(browser, origin):
    """A Browser that shows a blank page of ORIGIN."""
    browser.visit(origin + "/")
    return browser


@pytest.fixture
def scores(vendor, gateway, origin):
    """Makes a gateway with a route /score to Microsoft's server, and /raw to its script that sees
    the request as it is. CORS: further keys of cors; ROUTE: of both routes."""
    def make(cors=None, **route):
        return gateway([{"path": f"/{name}", "scoring_uri": vendor.url(path), "auth": key_auth(KEY),
                         "cors": {"origins": [origin], **(cors or {})}, **route}
                        for name, path in (("score", "/score"), ("raw", "/raw/score"))])
    return make


def predictions(answer):
    assert answer.get("status") == 200, answer
    return pytest.approx(json.loads(answer["body"]), abs=0.001)


# Scoring

@pytest.mark.parametrize("max_age, preflights", [(600, 1), (0, 2)])
def test_json_is_scored_after_a_preflight_that_is_remembered(page, scores, max_age, preflights):
    gate = scores({"max_age_s": max_age})
    for _ in range(2):
        answer = page.call(gate.url("/score"), method="POST", headers=JSON, body=SAMPLE)
        assert predictions(answer) == PREDICTIONS
    until(lambda: gate.ended(method="POST", status=200) == 2)
    assert gate.ended(method="OPTIONS", status=204) == gate.ended(method="OPTIONS") == preflights


def test_the_name_localhost_serves_as_well(page, scores):
    gate = scores()
    answer = page.call(f"http://localhost:{gate.port}/score", method="POST", headers=JSON,
                       body=SAMPLE)
    assert predictions(answer) == PREDICTIONS


def test_a_header_that_is_listed_comes_through(page, scores):
    gate = scores({"headers": ["X-Model"]})
    answer = page.call(gate.url("/raw?a=1"), headers={"x-model": "7"})
    assert answer["status"] == 200, answer
    assert json.loads(answer["body"])["headers"]["X-Model"] == "7"


@pytest.mark.parametrize("wanted", [{"headers": {"x-other": "7"}}, {"method": "PUT"}])
def test_what_is_not_listed_fails_in_the_page(page, serve, origin, wanted):
    gate, up = serve(cors={"origins": [origin], "headers": ["X-Model"]})
    assert page.call(gate.url("/score"), **wanted) == {"failed": "TypeError"}
    until(lambda: gate.ended(method="OPTIONS") == 1)
    assert up.accepted == 0


def test_a_simple_request_needs_no_preflight(page, scores):
    gate = scores()
    answer = page.call(gate.url("/raw"), method="POST", body="a text")  # text/plain
    assert (answer["status"], answer["body"]) == (200, "a text")
    until(lambda: gate.ended() == 1)
    assert gate.ended(method="POST") == 1


@pytest.mark.parametrize("body", [
    "(text) => new Blob([text])",  # without a type
    "(text) => new Blob([text], {type: 'application/x-www-form-urlencoded'})",
])
def test_a_simple_request_is_scored_as_the_default_content_type(page, scores, body):
    gate = scores(default_content_type="application/json")
    answer = page.run(f"([url, text]) => call(url, {{method: 'POST', body: ({body})(text)}})",
                      [gate.url("/score"), SAMPLE])
    assert predictions(answer) == PREDICTIONS
    until(lambda: gate.ended(method="POST") == 1)
    assert gate.ended(method="OPTIONS") == 0


def test_binary_bodies_both_ways(page, scores):
    gate = scores()
    got = page.run("""async (url) => {
        const sent = Uint8Array.from({length: 1000}, (_, i) => i);
        const headers = {"Content-Type": "application/octet-stream"};
        const answer = await fetch(url, {method: "POST", headers, body: sent});
        return [Array.from(sent), Array.from(new Uint8Array(await answer.arrayBuffer()))];
    }""", gate.url("/raw"))
    assert got[0] == got[1] and len(got[1]) == 1000


def test_a_form_is_submitted_and_its_answer_shown(browser, site, origin, scores):
    """A navigation: the page goes away, and the answer comes in its place."""
    gate = scores()
    site.pages["/form"] = (f'<form method="post" enctype="text/plain" action="{gate.url("/raw")}">'
                           '<input name="a" value="1"><button>send</button></form>')
    browser.visit(origin + "/form")
    browser.step("click", on="button")
    assert browser.wait("() => document.body?.innerText.trim()") == "a=1"
    assert browser.step("address") == gate.url("/raw")


def test_a_page_finds_the_service_by_its_swagger(page, scores):
    """The browser keeps the document and asks whether it still holds: the page does not notice."""
    gate = scores()
    answer = page.call(gate.url("/score/swagger.json"))
    assert answer["status"] == 200
    assert page.call(gate.url("/score/swagger.json")) == answer
    until(lambda: gate.ended(status=304) == 1)
    document = json.loads(answer["body"])
    (path,) = [path for path, operations in document["paths"].items() if "post" in operations]
    uri = f"{document['schemes'][0]}://{document['host']}{document.get('basePath', '')}{path}"
    assert predictions(page.call(uri, method="POST", headers=JSON, body=SAMPLE)) == PREDICTIONS


# What the page can read

def test_headers_are_readable_where_they_are_exposed(page, scores):
    gate = scores({"expose": ["x-ms-client-request-id", "x-ms-run-function-failed"]})
    answer = page.call(gate.url("/score"), method="POST", headers=JSON, body=SAMPLE)
    assert answer["headers"]["x-ms-run-function-failed"] == "False"
    assert answer["headers"]["x-ms-client-request-id"]
    assert set(answer["headers"]) <= SAFELISTED | {"x-ms-client-request-id",
                                                   "x-ms-run-function-failed"}


def test_headers_are_not_readable_otherwise(page, scores):
    answer = page.call(scores().url("/score"), method="POST", headers=JSON, body=SAMPLE)
    assert set(answer["headers"]) <= SAFELISTED
    assert {"content-type", "cache-control"} <= set(answer["headers"])


@pytest.mark.parametrize("reason, status, wanted, route", [
    ("body_too_large", 413, {"method": "POST", "body": "x" * 2000}, {"body_bytes": 1000}),
    ("method_not_allowed", 405, {"method": "GET"}, {"methods": ["POST"]}),
    ("response_timeout", 504, {"method": "POST", "body": "x"}, {"response_timeout_ms": 100}),
    ("connection_refused", 502, {"method": "POST", "headers": JSON, "body": "{}"}, {}),
])
def test_the_problem_document_is_readable(page, serve, origin, reason, status, wanted, route):
    cors = {"origins": [origin], "expose": ["X-MS-Client-Request-Id", "Proxy-Status"]}
    gate, up = serve(script=lambda s: s.rxreq() and s.hang(), cors=cors, **route)
    if reason == "connection_refused":
        up.stop()
    answer = page.call(gate.url("/score"), **wanted)
    assert answer.get("status") == status, answer
    assert answer["headers"]["content-type"] == "application/problem+json"
    assert answer["headers"]["proxy-status"].startswith("scoregate")
    problem = json.loads(answer["body"])
    assert problem["reason"] == reason and problem["title"] and problem["detail"]
    assert problem["request_id"] == answer["headers"]["x-ms-client-request-id"]


def test_a_retry_later_is_readable(page, gateway, origin):
    """503 with its Retry-After, when the breaker of an endpoint that is away has opened."""
    with closed_port() as away:
        gate = gateway([{"path": "/score",
                         "scoring_uri": f"https://127.0.0.1:{away.getsockname()[1]}/score",
                         "retry": {"attempts": 1},
                         "breaker": {"failures": 1, "open_ms": 60000, "max_open_ms": 60000},
                         "cors": {"origins": [origin], "expose": ["Retry-After"]}}])
        assert page.call(gate.url("/score"), method="POST", body="x")["status"] == 502
        answer = page.call(gate.url("/score"), method="POST", body="x")
    assert answer.get("status") == 503, answer
    assert json.loads(answer["body"])["reason"] == "breaker_open"
    assert int(answer["headers"]["retry-after"]) >= 0


def test_errors_of_the_scoring_server_are_readable(page, scores, vendor):
    answer = page.call(scores().url("/score"), method="POST", headers=JSON, body="{}")
    direct = vendor.direct("POST", "/score", list(JSON.items()), b"{}")
    assert (answer["status"], answer["body"]) == (direct.status, direct.text)
    assert direct.status == 400


def test_an_error_of_the_model_is_readable(page, serve, origin):
    failed = Response(424, (("Content-Type", "text/plain"),), b"model failed")
    gate, _ = serve(handler=lambda r: failed, cors={"origins": [origin]})
    answer = page.call(gate.url("/score"), method="POST", headers=JSON, body="{}")
    assert (answer["status"], answer["body"]) == (424, "model failed")


def test_a_path_without_a_route_has_no_origins(page, scores):
    """So the page cannot read the 404, only the log and the browser's own tools tell of it."""
    gate = scores()
    assert page.call(gate.url("/nowhere"), method="POST", body="x") == {"failed": "TypeError"}
    until(lambda: gate.ended(reason="no_route", status=404) == 1)


# Credentials

def test_credentials(browser, site, gateway, upstream):
    """A browser sends a host's cookies to all of its ports. The page may call with them only where
    the route says so, and the endpoint never sees them."""
    origin, up = site.origin("127.0.0.1"), upstream(handler=lambda r: Response(200, (), b"scored"))
    gate = gateway([{"path": path, "scoring_uri": up.url(),
                     "cors": {"origins": [origin], "credentials": credentials}}
                    for path, credentials in (("/with", True), ("/without", False))])
    browser.visit(origin + "/")
    browser.run("() => { document.cookie = 'session=cookieCANARY3'; }")
    browser.run("(url) => fetch(url, {mode: 'no-cors', credentials: 'include'}).then(() => {})",
                site.origin("127.0.0.1") + "/seen")
    assert site.requests[-1][2]["Cookie"] == "session=cookieCANARY3"  # this browser does send it

    wanted = {"method": "POST", "headers": JSON, "body": "{}", "credentials": "include"}
    answer = browser.call(gate.url("/with"), **wanted)
    assert (answer["status"], answer["body"]) == (200, "scored")
    assert browser.call(gate.url("/without"), **wanted) == {"failed": "TypeError"}
    answer = browser.call(gate.url("/without"), **{**wanted, "credentials": "omit"})
    assert answer["status"] == 200
    for request in up.wait_requests(2):
        assert "cookie" not in request.headers
        assert b"cookieCANARY3" not in request.head


# Streams

@pytest.mark.parametrize("read", [
    """(url) => {
        window.events = [];
        const source = new EventSource(url);
        source.onmessage = (event) => {
            window.events.push(event.data);
            if (event.data === "last") source.close();
        };
    }""",
    """async (url) => {
        window.events = [];
        const answer = await fetch(url, {method: "POST", body: "x"});
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        (async () => {
            for (let part; !(part = await reader.read()).done;)
                window.events.push(...part.value.match(/(?<=data: ).*/g));
        })();
    }"""], ids=["EventSource", "fetch"])
def test_events_come_as_they_are_sent(page, serve, origin, read):
    first_is_seen = threading.Event()

    def script(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
             b"Transfer-Encoding: chunked\r\n\r\n" + chunk(b"data: first\n\n"))
        assert first_is_seen.wait(20)
        s.tx(chunk(b"data: last\n\n") + LAST_CHUNK)

    gate, _ = serve(script, cors={"origins": [origin]})
    page.run(read, gate.url("/score"))
    assert page.wait("() => window.events.length && window.events") == ["first"]
    first_is_seen.set()
    assert page.wait("() => window.events.length > 1 && window.events") == ["first", "last"]
