# SPDX-License-Identifier: MIT
"""The admin listener: health, status, metrics, the page, and what an operator may tell it."""

import datetime
import html.parser
import json
import os
import re
import time
from pathlib import Path

import pytest

from lib import exposition
from lib.client import Client
from lib.cloud import World, client_secret, place, settings
from lib.config import key_auth
from lib.problem import assert_problem
from lib.upstream import Response
from lib.wait import until

KEYS = ("primaryCANARY8x", "secondaryCANARY9y")
OPERATOR = [("X-Scoregate", "1")]


@pytest.fixture
def world(azure, certs, upstream, gateway):
    def make(**options):
        return World(azure, certs, upstream, gateway, **options)
    return make


@pytest.fixture
def two_keys(serve):
    """A gateway with two keys in its configuration, and its upstream."""
    return serve(handler=lambda r: Response(200), auth=key_auth(*KEYS))


def operate(gate, target, headers=tuple(OPERATOR), method="POST"):
    with Client(port=gate.admin_port, watch=gate.canaries()) as caller:
        return caller.request(method, target, headers, b"" if method == "POST" else None)


def status_of(gate):
    answer = gate.admin("/status")
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


# Ready

def test_ready_with_keys_of_the_configuration(two_keys):
    gate, _ = two_keys
    answer = gate.admin("/readyz")
    assert (answer.status, answer.body) == (200, b"ready\n")
    assert gate.admin("/healthz").body == b"ok\n"


def test_ready_once_azure_answers(world, azure):
    one = world(start=False)
    fault = azure.fault("arm.listKeys", times=None, status=500)
    one.start()
    answer = until(lambda: (a := one.gateway.admin("/readyz")).text.count("unavailable") and a, "it says why")
    assert answer.status == 503
    first, line = answer.text.splitlines()
    assert first == "not ready"
    assert line.startswith("/score waits for route:/score:keys: unavailable")
    assert one.gateway.admin("/healthz").status == 200
    fault.times = 0
    one.ready(20)


def test_only_required_routes_count(azure, certs, upstream, gateway):
    up = upstream(handler=lambda r: Response(200))
    app = azure.application(secret="aCANARY1")
    ws = azure.workspace("ws")
    routes = [{"path": "/sure", "scoring_uri": up.url("/score")},
              {"path": "/maybe", "online_endpoint": place(ws, "missing"), "identity": "app", "required": False}]
    gate = gateway(routes, identities={"app": client_secret(azure, app)}, azure=settings(azure, certs),
                   secrets=["aCANARY1"])
    until(lambda: status_of(gate)["routes"][1]["state"] == "refused", "the other is refused")
    assert gate.admin("/readyz").status == 200
    assert gate.metric("scoregate_route_ready", route="/sure") == 1
    assert gate.metric("scoregate_route_ready", route="/maybe") == 0


# Status

def test_status_of_keys_in_the_configuration(two_keys):
    gate, up = two_keys
    status = status_of(gate)
    assert re.fullmatch(r"\d+\.\d+\S*", status["version"])
    assert 0 <= status["uptime_s"] < 60 and status["draining"] is False and status["ready"] is True
    route, = status["routes"]
    assert (route["path"], route["state"], route["auth"], route["required"]) == ("/score", "ready", "key", True)
    assert route["scoring_uri"] == up.url("/score") and route["key_in_use"] == "primary"
    assert route["credentials"] == ["route:/score:primary", "route:/score:secondary"]
    assert route["error"] is None and route["waits_for"] is None
    primary, secondary = status["credentials"]
    assert primary["name"] == "route:/score:primary" and primary["state"] == "usable"
    assert [primary["fingerprint"], secondary["fingerprint"]] == route["fingerprints"]
    assert re.fullmatch(r"[0-9a-f]{8}", primary["fingerprint"])
    assert primary["expires_at"] is primary["expires_in_s"] is primary["last_error"] is None


def test_status_of_a_token(world):
    one = world(auth_mode="AMLToken").ready()
    token = one.credential("route:/score:token")
    assert (token["kind"], token["state"], token["refreshed"], token["failed"]) == ("endpoint-token", "usable", 1, 0)
    assert 0 <= token["age_s"] < 30
    assert 86300 < token["expires_in_s"] <= 86400 and 38000 < token["refresh_in_s"] <= 43200
    expires = datetime.datetime.strptime(token["expires_at"], "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=datetime.timezone.utc).timestamp()
    assert abs(expires - (time.time() + token["expires_in_s"])) < 3
    route, = one.status()["routes"]
    assert route["key_in_use"] is None
    assert route["credentials"] == ["route:/score:endpoint", "route:/score:token", "route:/score:deployments"]
    assert {c["name"] for c in one.status()["credentials"]} == {
        *route["credentials"], "identity:app", "identity:app:secret"}


def test_status_of_a_refused_identity(world, azure):
    one = world(identity={"type": "client-secret", "tenant": azure.tenant, "secret": "wrongCANARY",
                          "client_id": "5f0e8c4e-0000-4000-8000-000000000001"}, secret="wrongCANARY")
    until(lambda: one.status()["routes"][0]["state"] == "refused", "it is refused")
    status = one.status()
    route, = status["routes"]
    assert route["waits_for"] == "identity:app" and route["reason"] == "token_rejected"
    error = one.credential("identity:app")["last_error"]
    assert error == route["error"]
    assert error["failure"] == "rejected" and error["status"] in (400, 401) and "AADSTS" in error["message"]
    assert re.fullmatch(r"[0-9a-f-]{36}", error["trace_id"]) and re.fullmatch(r"[0-9a-f-]{36}", error["correlation_id"])
    assert one.credential("identity:app")["state"] == "rejected"
    page = one.gateway.admin("/")
    assert "refused" in page.text and "AADSTS" in page.text


def test_values_of_a_query_are_masked(upstream, gateway):
    up = upstream(handler=lambda r: Response(200))
    gate = gateway([{"path": "/score", "scoring_uri": up.url("/score?code=queryCANARY&v=2CANARY")}],
                   secrets=["queryCANARY", "2CANARY"])
    assert status_of(gate)["routes"][0]["scoring_uri"] == up.url("/score?code=***&v=***")
    assert "code=***" in gate.admin("/").text


# Metrics

def test_metrics(world):
    one = world(auth_mode="AMLToken").ready()
    page = one.gateway.admin("/metrics")
    assert page.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = exposition.parse(page.text)
    version = one.status()["version"]
    assert families["scoregate_build_info"].samples == {frozenset({("version", version)}): 1}
    assert families["scoregate_route_ready"].value(route="/score") == 1
    for name in ("identity:app", "route:/score:endpoint", "route:/score:token"):
        assert families["scoregate_credential_usable"].value(credential=name) == 1
        assert families["scoregate_credential_refresh_total"].value(credential=name, result="success") == 1
        assert families["scoregate_credential_refresh_total"].value(credential=name, result="failure") == 0
    expiry = families["scoregate_credential_expiry_timestamp_seconds"]
    assert abs(expiry.value(credential="route:/score:token") - (time.time() + 86400)) < 60
    assert frozenset({("credential", "route:/score:endpoint")}) not in expiry.samples


def test_metrics_count_failures(world, azure):
    one = world(start=False)
    azure.fault("arm.listKeys", times=2, status=500)
    one.start().ready(20)
    families = exposition.parse(one.gateway.admin("/metrics").text)
    refreshes = families["scoregate_credential_refresh_total"]
    assert refreshes.value(credential="route:/score:keys", result="failure") == 2
    assert refreshes.value(credential="route:/score:keys", result="success") == 1


def test_metrics_of_a_route_are_there_from_the_beginning(two_keys):
    gate, up = two_keys
    families = exposition.parse(gate.admin("/metrics").text)
    for name in ("scoregate_in_flight", "scoregate_queue_depth", "scoregate_concurrency_limit"):
        assert families[name].value(route="/score") == 0
    for state in ("active", "idle", "dialling"):
        assert families["scoregate_upstream_connections"].value(route="/score", state=state) == 0
    for reason in ("connection", "credential", "status", "not_ready", "hedge"):
        assert families["scoregate_retries_total"].value(route="/score", reason=reason) == 0
    for name in ("scoregate_request_duration_seconds", "scoregate_upstream_duration_seconds"):
        row = families[name].value(route="/score")
        assert (row.count, row.sum, len(row.buckets)) == (0, 0, 17)
    assert families["scoregate_requests_total"].samples == {}
    backend = re.sub(r"^https://|/score$", "", up.url("/score"))
    assert families["scoregate_backend_available"].value(route="/score", backend=backend) == 1
    for result in ("success", "failure"):
        assert families["scoregate_config_reloads_total"].value(result=result) == 0


def test_metrics_of_requests(two_keys):
    gate, _ = two_keys
    with gate.client() as caller:
        assert [caller.post("/score").status for _ in range(3)] == [200] * 3
        assert caller.get("/nowhere").status == 404

    def counted():
        families = exposition.parse(gate.admin("/metrics").text)
        requests = families["scoregate_requests_total"]
        return families if requests.total(code="200") == 3 and requests.total(code="404") == 1 else None
    families = until(counted, "all are counted")
    requests = families["scoregate_requests_total"]
    assert requests.value(route="/score", code="200", reason="answered") == 3
    assert requests.value(route="", code="404", reason="no_route") == 1
    whole, upstream = (families[f"scoregate_{name}_duration_seconds"].value(route="/score")
                       for name in ("request", "upstream"))
    assert whole.count == upstream.count == 3 and 0 < upstream.sum <= whole.sum < 30
    assert families["scoregate_request_duration_seconds"].value(route="").count == 1
    assert families["scoregate_in_flight"].value(route="/score") == 0
    connections = families["scoregate_upstream_connections"]
    assert connections.value(route="/score", state="active") == connections.value(route="/score", state="dialling") == 0
    route, = status_of(gate)["routes"]
    assert (route["requests"], route["errors"], route["in_flight"], route["queued"]) == (3, 0, 0, 0)


def test_metrics_of_the_process(two_keys):
    gate, _ = two_keys
    proc = Path(f"/proc/{gate.pid}")

    def figure(name):
        return next(iter(exposition.parse(gate.admin("/metrics").text)[name].samples.values()))
    fields = (proc / "stat").read_text().rpartition(")")[2].split()
    boot = float(re.search(r"^btime (\d+)$", Path("/proc/stat").read_text(), re.MULTILINE)[1])
    start = boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    assert figure("process_start_time_seconds") == pytest.approx(start, abs=0.02)
    assert figure("process_resident_memory_bytes") == pytest.approx(gate.rss(), rel=0.2)
    assert figure("process_virtual_memory_bytes") >= figure("process_resident_memory_bytes")
    before = figure("process_open_fds")
    with gate.client() as caller:
        assert caller.post("/score").status == 200
        assert figure("process_open_fds") >= before + 2  # the caller's, the endpoint's
    limit = int(re.search(r"^Max open files\s+(\d+)", (proc / "limits").read_text(), re.MULTILINE)[1])
    assert figure("process_max_fds") == min(limit, 1000000)
    cpu = figure("process_cpu_seconds_total")
    ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    assert ticks <= cpu < ticks + 5


# The page

class Page(html.parser.HTMLParser):
    """Which elements and attributes a page has."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def test_page(world):
    one = world().ready()
    answer = one.gateway.admin("/")
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["refresh"] == "5"
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'" and policy["style-src"] == "'unsafe-inline'"
    assert set(policy) == {"default-src", "style-src", "base-uri", "form-action", "frame-ancestors"}
    page = Page(answer.text)
    assert not {"script", "link", "img", "iframe", "form", "object"} & set(page.tags)
    assert [v for n, v in page.attributes if n in ("href", "src")] == ["status", "metrics", "readyz"]
    assert not [n for n, _ in page.attributes if n.startswith("on")]
    for text in ("/score", "ready", "identity:app", "endpoint-key", one.endpoint.scoring_uri,
                 one.credential("route:/score:keys")["fingerprint"]):
        assert text in page.text


def test_what_others_say_is_escaped(world, azure):
    one = world(start=False)
    evil = "<script>alert('x')</script>&\"\\\n\u202e"
    azure.fault("arm.listKeys", times=None, status=403,
                body=json.dumps({"error": {"code": "<b>", "message": evil}}).encode())
    one.start()
    until(lambda: one.status()["routes"][0]["state"] == "refused", "it is refused")
    page = one.gateway.admin("/")
    assert "<script" not in page.text.lower() and "<b>" not in page.text and "\u202e" not in page.text
    assert "<script>alert('x')</script>" in Page(page.text).text
    assert "<script>" in one.credential("route:/score:keys")["last_error"]["message"]
    exposition.parse(one.gateway.admin("/metrics").text)


# Who may look

@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz", "/status", "/metrics"])
def test_pages_can_only_be_read(two_keys, path):
    gate, _ = two_keys
    head = operate(gate, path, method="HEAD")
    assert head.status == 200 and head.body == b""
    refused = operate(gate, path, method="POST")
    assert_problem(refused, "method_not_allowed")
    assert refused.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/nothing", "/status/", "/Status", "//"])
def test_other_paths(two_keys, path):
    gate, _ = two_keys
    assert "/status" in assert_problem(gate.admin(path), "no_route")["detail"]


@pytest.mark.parametrize("method, path", [("GET", "/"), ("GET", "/status"), ("GET", "/metrics"),
                                          ("POST", "/renew?route=/score"),
                                          ("POST", "/prefer?route=/score&key=secondary")])
def test_pages_of_other_origins_get_nothing(two_keys, method, path):
    gate, _ = two_keys
    for headers, reason in (([("Origin", "https://evil.example")], "origin_not_allowed"),
                            ([("Origin", "null")], "origin_not_allowed"),
                            ([("Origin", f"http://127.0.0.1:{gate.admin_port}")], "origin_not_allowed"),
                            ([("Sec-Fetch-Site", "cross-site")], "cross_site"),
                            ([("Host", "evil.example")], "host_not_ours")):
        assert_problem(operate(gate, path, [*headers, *OPERATOR], method), reason)
    assert status_of(gate)["routes"][0]["key_in_use"] == "primary"


# Operations

def test_prefer(two_keys):
    gate, up = two_keys
    for word, secret in (("secondary", KEYS[1]), ("primary", KEYS[0])):
        answer = operate(gate, f"/prefer?route=%2Fscore&key={word}")
        assert answer.status == 200 and answer.headers["content-type"] == "application/json"
        assert answer.json() == {"route": "/score", "key_in_use": word}
        assert status_of(gate)["routes"][0]["key_in_use"] == word

        def used(secret=secret):
            assert gate.client().post("/score").status == 200
            return up.requests[-1].headers["authorization"] == f"Bearer {secret}"
        until(used, "the workers use it")


def test_renew(world, azure):
    one = world().ready()
    listed = azure.count("arm.listKeys")
    answer = operate(one.gateway, "/renew?route=/score")
    assert answer.status == 200 and answer.json() == {"route": "/score", "renewing": True}
    until(lambda: azure.count("arm.listKeys") == listed + 1, "the keys are listed")
    again = operate(one.gateway, "/renew?route=/score")
    assert_problem(again, "renewed_lately")
    assert 1 <= int(again.headers["retry-after"]) <= 5
    assert azure.count("arm.listKeys") == listed + 1 and azure.count("arm.regenerateKeys") == 0


@pytest.mark.parametrize("target, headers, reason", [
    ("/renew?route=/score", [], "header_required"),
    ("/renew?route=/score", [("X-Scoregate", "0")], "header_required"),
    ("/prefer?route=/score&key=secondary", [], "header_required"),
    ("/renew", OPERATOR, "bad_query"),
    ("/renew?route=", OPERATOR, "no_route"),
    ("/renew?route=/other", OPERATOR, "no_route"),
    ("/renew?route=/score&route=/score", OPERATOR, "bad_query"),
    ("/renew?route=%2fscore%00", OPERATOR, "malformed_target"),
    ("/prefer?route=/score", OPERATOR, "bad_query"),
    ("/prefer?route=/score&key=both", OPERATOR, "bad_query"),
    ("/prefer?route=/score&key=primary&key=secondary", OPERATOR, "bad_query"),
    ("/prefer?route=/score&key=secondary&backend=2", OPERATOR, "bad_query"),
    ("/prefer?route=/score&key=secondary&backend=", OPERATOR, "bad_query"),
    ("/renew?route=/score&backend=elsewhere", OPERATOR, "bad_query"),
])
def test_wrong_operations(two_keys, target, headers, reason):
    gate, _ = two_keys
    assert_problem(operate(gate, target, headers), reason)
    assert status_of(gate)["routes"][0]["key_in_use"] == "primary"


def test_operations_are_not_for_get(two_keys):
    gate, _ = two_keys
    for path in ("/renew?route=/score", "/prefer?route=/score&key=secondary"):
        answer = operate(gate, path, method="GET")
        assert_problem(answer, "method_not_allowed")
        assert answer.headers["allow"] == "POST"


def test_prefer_a_key_that_is_not_there(serve):
    gate, _ = serve(handler=lambda r: Response(200), auth=key_auth(KEYS[0]))
    assert "key" in assert_problem(operate(gate, "/prefer?route=/score&key=secondary"), "bad_query")["detail"]
