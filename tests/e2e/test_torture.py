# SPDX-License-Identifier: MIT
"""Each allocation failed in turn (row S6), some by chance (S7), and threads that cannot be created (S9).
Alone it is a hiccup of which nothing may stay behind; with all after it, memory is out. At the start
that is an end with a message, later a 5xx or a connection that closes, and then all is as before.

A plain run takes every so many; `make check-soak` takes all of them."""

import os
import random
import signal
import threading
import time

import pytest

from lib.cloud import SECRET, client_secret, place, scoring, settings
from lib.config import key_auth
from lib.faults import EVER, Faults
from lib.gateway import EVERYTHING_UNDER
from lib.invariants import Baseline
from lib.message import Closed
from lib.problem import assert_problem, assert_problem_document
from lib.upstream import Response
from lib.wait import until

SOAK_SECONDS = int(os.environ.get("SOAK_SECONDS", "120"))
SLOW = 20 if EVERYTHING_UNDER else 1  # valgrind
SOON = 5.0 * SLOW  # whatever happens has happened by then, in seconds
KEY = "CANARY-torture-key"
MIB = 1 << 20

both = pytest.mark.parametrize("alone", [True, False], ids=["alone", "and all after it"])


def stride(short):
    return pytest.mark.parametrize(
        "stride", [pytest.param(short * SLOW, id=f"every {short}th"),
                   pytest.param(1, id="each", marks=pytest.mark.slow)])


@pytest.fixture
def faults(tmp_path):
    one = Faults(tmp_path)
    yield one
    one.stop()


def fine(request):  # pylint: disable=unused-argument
    """The connection is not kept, so that each request makes one."""
    return Response(200, (("Connection", "close"), ("Content-Type", "application/json"),
                          ("Content-Encoding", "identity"), ("X-Model", "m")), b"[1, 2]")


@pytest.fixture
def served(upstream, certs, gateway, faults):
    """A gateway with one route that can be tortured. LOG is not told, lest it be large."""
    def make(start=True, handler=fine, tls=True, **top):
        up = upstream(handler=handler) if tls else upstream(handler=handler, tls=None)
        route = {"path": "/score", "scoring_uri": up.url("/score"), "auth": key_auth(KEY)}
        return gateway([route if tls else {**route, "allow_insecure_upstream": True}],
                       env=faults.env, azure={"ca_file": str(certs.ca)}, start=start,
                       log={"level": "warning", "format": "text", "access": False}, **top)
    return make


# The start

class Start:
    """Starts of the same gateway, again and again, while FAULTS has its way."""

    def __init__(self, gateway, faults):
        self.gateway, self.faults = gateway, faults

    def run(self, first, last=None):
        """(exit status, what it wrote) of a start that failed, or None if it serves."""
        for name in ("listen", "stderr"):
            (self.gateway.tmp / name).unlink(missing_ok=True)
        self.faults.count(first, last)
        self.gateway.start(wait=False)
        listening = self.gateway.tmp / "listen"
        until(lambda: listening.exists() or self.gateway.process.poll() is not None,
              "it listens or ends", SOON)
        self.calls = self.faults.stop()
        status = self.gateway.process.poll()
        return None if status is None else (status, self.gateway.log())

    def stop(self):
        self.gateway.wait_listening()
        Baseline(self.gateway).assert_serves()
        assert self.gateway.stop(timeout=SOON) == 0


@both
@stride(211)
def test_s6_at_the_start(served, faults, stride, alone):
    """It ends with a message, or it serves as if nothing had been. Half a start is none: what OpenSSL
    sets up once must be whole."""
    start = Start(served(start=False), faults)
    assert start.run(0) is None
    start.stop()
    total, ended = start.calls, 0
    assert total > 1000, "the calls are counted"
    for n in range(1 + stride // 2, total + 1, stride if alone else 5 * stride):
        failed = start.run(n, None if alone else EVER)
        if failed is None:
            start.stop()
        else:
            ended += 1
            status, said = failed
            assert status == 1 and said.strip(), (n, failed)
    assert ended


@pytest.mark.parametrize("threads", [0, 1, 2], ids=["none", "one", "two"])
def test_s9_threads_cannot_be_created(served, faults, threads):
    """The thread that writes the log can be done without, workers and the acceptor cannot."""
    gate = served(start=False)
    faults.count(threads=threads + 1)
    assert gate.start(wait=False).wait(SOON) == 1
    assert "threads" in gate.log()
    assert not (gate.tmp / "listen").exists()


@pytest.fixture
def named(upstream, certs, gateway, faults):
    """A gateway with a route /name to a name that there is not, and one that serves. libcurl looks names
    up in threads of their own."""
    up = upstream(handler=fine)
    return gateway([{"path": path, "scoring_uri": f"https://{host}:{up.port}/score",
                     "retry": {"attempts": 1}, "breaker": {"failures": 0}}
                    for path, host in (("/name", "scoring.invalid"), ("/score", "127.0.0.1"))],
                   env=faults.env, azure={"ca_file": str(certs.ca)})


def test_s9_a_thread_less_while_it_runs(named, faults):
    gate, base = named, Baseline(named)
    for _ in range(20):
        faults.count(threads=1)
        assert_problem(gate.client().post("/name"), "dns_error", "out_of_resources")
        faults.stop()
    base.assert_serves()


# A request

def outcome(gate, **more):
    """What becomes of a request: an answer, or None for a connection that closes."""
    try:
        with gate.client(timeout=SOON) as caller:
            return caller.post("/score", **more)
    except (Closed, ConnectionError):
        return None


def assert_whole(answer):
    """An answer of the upstream comes with all of it, or not at all."""
    assert answer.body == b"[1, 2]"
    assert answer.headers["content-encoding"] == "identity" and answer.headers["x-model"] == "m"
    for name in ("content-type", "date", "cache-control", "x-ms-client-request-id"):
        assert name in answer.headers, (name, answer)


def settled(faults, failed_is_enough=False):
    """The number of calls when there have been none for a while."""
    seen = [faults.calls, time.monotonic()]

    def quiet():
        if faults.calls != seen[0]:
            seen[:] = [faults.calls, time.monotonic()]
        return time.monotonic() - seen[1] > 0.1 or (failed_is_enough and faults.failed)
    until(quiet, "no more allocations")
    return seen[0]


@both
@stride(3)
def test_s6_in_a_request(served, faults, stride, alone):
    gate = served()
    base = Baseline(gate)
    for _ in range(20):
        base.assert_serves()
    faults.count()
    assert_whole(outcome(gate))
    total, seen = settled(faults), set()
    assert total > 100
    base = Baseline(gate)
    for n in range(1, total + 1, stride):
        faults.count(n, None if alone else EVER)
        answer = outcome(gate)
        faults.stop()
        seen.add(answer and answer.status)
        if answer and answer.status == 200:
            assert_whole(answer)
        elif answer:
            assert_problem_document(answer)
        base.assert_serves()
    assert None in seen and (not alone or {200, 503} <= seen), seen
    base.assert_back(memory=2 * MIB)


@both
@stride(1)
def test_s6_in_a_request_on_connections_that_are_kept(served, faults, stride, alone):
    """Of the caller and upstream: the usual request, which makes neither."""
    gate = served(handler=lambda request: Response(*fine(request)._replace(
        headers=fine(request).headers[1:])))
    base = Baseline(gate)
    base.assert_serves()

    def call(n):
        with gate.client(timeout=SOON) as caller:
            assert caller.post("/score").status == 200
            settled(faults)
            faults.count(n, None if alone else EVER)
            try:
                answer = caller.post("/score")
            except (Closed, ConnectionError):
                answer = None
            faults.stop() if n else settled(faults)
        if answer and answer.status == 200:
            assert_whole(answer)
        elif answer:
            assert_problem_document(answer)

    call(0)
    for n in range(1, faults.stop() + 1, stride):
        call(n)
        base.assert_serves()


DOCUMENT = b"""{"swagger": "2.0", "schemes": ["https"], "basePath": "\\/", "paths": {"/score": {"post": {}}},
 "securityDefinitions": {"Bearer": {"type": "basic"}}}"""
WRAPPED = b'"{\\"result\\": [1, 2]}"'


def gathered(request):
    """Answers that are seen whole before they are handed on."""
    if request.target.endswith("swagger.json"):
        return Response(200, (("ETag", '"d"'), ("Cache-Control", "no-cache")), DOCUMENT)
    return Response(200, (("Content-Type", "application/json"),), WRAPPED)


@both
@pytest.mark.parametrize("path", ["/score/swagger.json", "/score"])
def test_s6_in_an_answer_that_is_changed(upstream, gateway, faults, certs, path, alone):
    """It comes changed, or as it is with nothing left out, or a problem in its place."""
    up = upstream(handler=gathered, tls=None)
    gate = gateway([{"path": "/score", "scoring_uri": up.url("/score"), "allow_insecure_upstream": True,
                     "unwrap_json": True}], env=faults.env, workers=1, azure={"ca_file": str(certs.ca)},
                   log={"level": "warning", "format": "text", "access": False})
    base = Baseline(gate)
    base.assert_serves()

    def ask(n=0):
        with gate.client(timeout=SOON) as caller:
            caller.get("/score")
            settled(faults)
            faults.count(n, None if alone or not n else EVER)
            try:
                return caller.get(path)
            except (Closed, ConnectionError):
                return None

    whole = ask().body
    total, seen = settled(faults), set()
    assert b"https" not in whole and b"\\" not in whole
    for n in range(1, total + 1):
        answer = ask(n)
        faults.stop()
        seen.add(answer and answer.status)
        if answer and answer.status == 200:
            assert answer.body in (whole, DOCUMENT, WRAPPED)
        elif answer:
            assert_problem_document(answer)
        base.assert_serves()
    assert seen != {200} and ask().body == whole


def test_s6_in_a_body_that_streams(served, faults):
    """It is answered whole, or the caller sees that it was not."""
    body = bytes(range(256)) * 4096
    gate = served(handler=lambda request: Response(200, (("X-Model", "m"),), request.body))
    base = Baseline(gate)
    base.assert_serves()
    faults.count()
    assert outcome(gate, body=body).body == body
    total = settled(faults)
    for n in range(1, total + 1, max(total // 100, 1)):
        faults.count(n)
        answer = outcome(gate, body=body)
        faults.stop()
        if answer and answer.status == 200:
            assert answer.body == body
        elif answer:
            assert_problem_document(answer)
        base.assert_serves()


def test_s6_a_name_that_is_looked_up(named, faults):
    """What libcurl 7.88 lacks there it closes as descriptor 0, which the next caller would get."""
    def look_up():
        return named.client().post("/name")

    def stdin():
        return os.readlink(f"/proc/{named.pid}/fd/0")

    base, before = Baseline(named), stdin()
    faults.count()
    assert_problem(look_up(), "dns_error")
    for n in range(1, settled(faults) + 1):
        faults.count(n)
        try:
            assert_problem_document(look_up())
        except (Closed, ConnectionError):
            pass
        faults.stop()
        assert stdin() == before
    base.assert_serves()


# A reload

@both
@stride(97)
def test_s6_in_a_reload(served, faults, stride, alone):
    """The new configuration is taken or the old one stays; it is counted which, and requests are served
    on either way."""
    gate = served()
    base = Baseline(gate)
    base.assert_serves()

    def reloads():
        return gate.metric("scoregate_config_reloads_total")

    def reload(first, last=None):
        before = reloads()
        faults.count(first, last)
        gate.send_signal(signal.SIGHUP)
        until(lambda: faults.calls, "the reload begins", SOON)
        settled(faults, failed_is_enough=last == EVER)  # for the page of metrics needs memory, too
        calls = faults.stop()
        until(lambda: reloads() > before, "the reload is counted", SOON)
        base.assert_serves()
        return calls

    total = reload(0)
    base = Baseline(gate)
    for n in range(1, total + 1, stride):
        reload(n, None if alone else EVER)
    reload(0)
    base.assert_back(memory=8 * MIB)


# By chance

@pytest.mark.parametrize("seconds", [
    pytest.param(3, id="short"), pytest.param(SOAK_SECONDS, id="long", marks=pytest.mark.slow)])
@pytest.mark.parametrize("tls, per_mille", [(False, 10), (True, 1)], ids=["plain", "TLS"])
def test_s7_one_in_a_hundred_fails(served, faults, tls, per_mille, seconds):
    """Under load: each request is answered, with its own answer or a problem, or its connection ends.
    A TLS handshake takes a thousand allocations, hence the fewer."""
    gate, chance = served(tls=tls, workers=2), random.Random(7)
    base = Baseline(gate)
    for _ in range(20):
        base.assert_serves()
    base = Baseline(gate)
    began, answers = time.monotonic(), []
    while time.monotonic() - began < seconds:
        faults.count(per_mille=per_mille, seed=chance.getrandbits(60))
        callers = []
        for _ in range(16):
            try:
                caller = gate.client(timeout=SOON)
                caller.send_request("POST", "/score", (), b"{}")
                callers.append(caller)
            except ConnectionError:
                answers.append(None)
        for caller in callers:
            try:
                answer = caller.read_answer()
                answers.append(answer.status)
                assert_whole(answer) if answer.status == 200 else assert_problem_document(answer)
            except (Closed, ConnectionError):
                answers.append(None)
            caller.close()
        faults.stop()
        base.assert_serves()
    assert 200 in answers and faults.failed
    assert all(status is None or status == 200 or status >= 500 for status in answers)
    base.assert_back(memory=8 * MIB)


# Renewals

LIFETIME, REFRESH = 4, 1  # of the tokens, in seconds
CREDENTIALS = 12          # renewed independently of each other, so that there is always one under way


@pytest.fixture
def renewing(azure, certs, upstream, gateway, faults):
    """A gateway with many credentials that are renewed every second: Entra's tokens, and the token and
    the keys of endpoints that are found by name."""
    azure.token_lifetime, azure.refresh_in = LIFETIME, REFRESH
    azure.endpoint_lifetime, azure.endpoint_refresh_after = LIFETIME, REFRESH
    azure.operation_polls = 0
    workspace = azure.workspace("ws")
    identities, routes = {}, []
    for i in range(CREDENTIALS):
        name, mode = f"e{i}", ("AADToken", "AMLToken")[i % 4 == 0]
        up = upstream(handler=scoring(azure, name))
        workspace.endpoint(name, auth_mode=mode, scoring_uri=up.url("/score"))
        identities[name] = client_secret(azure, azure.application(secret=f"{SECRET}{i}"))
        route = {"path": f"/{name}", "identity": name}
        if mode == "AADToken":
            routes.append({**route, "scoring_uri": up.url("/score"), "auth": {"type": "entra"}})
        else:
            routes.append({**route, "online_endpoint": place(workspace, name)})
    gate = gateway(routes, identities=identities, azure=settings(azure, certs), env=faults.env,
                   log={"level": "info", "format": "text", "access": False})
    until(lambda: gate.admin("/readyz").status == 200, "the gateway is ready")
    return gate


@pytest.mark.parametrize("seconds", [
    pytest.param(8, id="short"), pytest.param(SOAK_SECONDS, id="long", marks=pytest.mark.slow)])
def test_s6_in_a_renewal(renewing, azure, faults, seconds):
    """What failed is tried again before its token ends: no caller notices."""
    gate, chance = renewing, random.Random(6)
    with gate.client() as caller:
        assert all(caller.post(f"/e{i}").status == 200 for i in range(CREDENTIALS))
    base = Baseline(gate, "/e0")
    began, rounds = time.monotonic(), 0
    with gate.client() as caller:
        while time.monotonic() - began < seconds:
            faults.count(chance.randrange(1, 4000))
            until(lambda: faults.failed, "an allocation fails")
            faults.stop()
            rounds += 1
            answer = caller.post(f"/e{rounds % CREDENTIALS}")
            assert answer.status == 200, (answer, gate.log()[-3000:])
    assert rounds > seconds
    asked = len(azure.asked())
    until(lambda: len(azure.asked()) > asked + 2 * CREDENTIALS, "all are renewed again")
    with gate.client() as caller:
        for i in range(CREDENTIALS):
            assert caller.post(f"/e{i}").status == 200
    base.assert_back(memory=8 * MIB)


class Renewing:
    """A gateway with one token, which it renews every second and has little else to do. Requests are few,
    so that what is counted from a quiet moment on is one renewal."""

    def __init__(self, directory, azure, certs, gateway, up):
        directory.mkdir()
        self.faults = Faults(directory)
        app = azure.application(secret=SECRET)
        self.gate = gateway(
            [{"path": "/score", "identity": "app", "scoring_uri": up.url("/score"), "auth": {"type": "entra"}}],
            identities={"app": client_secret(azure, app)}, azure=settings(azure, certs), workers=1,
            env=self.faults.env, secrets=[SECRET], log={"level": "error", "format": "text", "access": False})
        until(lambda: self.gate.admin("/readyz").status == 200, "the gateway is ready")

    def renewals(self):
        return self.gate.metric("scoregate_credential_refresh_total", credential="identity:app",
                                result="success")

    def renew(self, n=0):
        """One renewal, of which the Nth call fails; how many calls it made. The next one goes well."""
        before = self.renewals()
        self.faults.count()
        settled(self.faults)
        self.faults.count(n)
        until(lambda: self.faults.calls, "a renewal begins", SOON)
        calls = settled(self.faults)
        self.faults.stop()
        until(lambda: self.renewals() > before, "it is renewed", SOON)
        with self.gate.client() as caller:
            assert caller.post("/score").status == 200
        return calls


@pytest.mark.parametrize("part", [
    pytest.param(96 * SLOW, id="some"), pytest.param(1, id="each", marks=pytest.mark.slow)])
def test_s6_in_one_renewal(azure, certs, upstream, gateway, tmp_path, part):
    """Each call of one renewal, by many gateways side by side, since each has one renewal a second."""
    azure.token_lifetime, azure.refresh_in = 600, 1
    up = upstream(handler=fine, timeout=600)
    many = [Renewing(tmp_path / f"faults{i}", azure, certs, gateway, up) for i in range(24 if part == 1 else 6)]
    total, wrong = max(one.renew() for one in many), []

    def play(number):
        try:
            for n in range(1 + number * part, total + 1, len(many) * part):
                many[number].renew(n)
        except BaseException as error:  # pylint: disable=broad-exception-caught
            wrong.append((number, error))

    players = [threading.Thread(target=play, args=(i,)) for i in range(len(many))]
    for player in players:
        player.start()
    for player in players:
        player.join()
    assert total > 100 and not wrong, wrong[:3]
    for one in many:
        assert one.gate.process.poll() is None


def test_s6_memory_is_out_for_whole_renewals(renewing, faults):
    """For as long as a token lives nothing can be renewed; then everything is."""
    base = Baseline(renewing, "/e0")
    faults.count(1, EVER)
    until(lambda: faults.failed > 20, "renewals fail")
    faults.stop()
    for i in range(CREDENTIALS):
        with renewing.client(timeout=30) as caller:
            assert caller.post(f"/e{i}").status == 200
    base.assert_alive()
