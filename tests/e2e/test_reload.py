# SPDX-License-Identifier: MIT
"""SIGHUP: the configuration is loaded again, and taken as a whole or not at all; nobody who calls
meanwhile loses a request."""

import os
import re
import shutil
import signal
import socket
import stat
import threading

import pytest

from lib import config
from lib.client import Client
from lib.cloud import World
from lib.config import key_auth
from lib.message import Closed
from lib.problem import assert_problem
from lib.upstream import Response
from lib.wait import until

LOOPBACK = {"address": "127.0.0.1", "port": 0}


class Reloadable:
    """A gateway whose settings are changed while it runs."""

    def __init__(self, gate):
        self.gate = gate
        self._reloads = self._failures = 0

    def rewrite(self, text=None, **top):
        """Changes the settings TOP and writes them down, or TEXT in their place."""
        self.gate.settings.update(top)
        self.gate.secrets += config.inline_secrets(self.gate.settings)
        self.gate.write_config(text if text is not None else config.text(self.gate.settings))

    def reload(self, text=None, **top):
        """… and has them taken."""
        self.rewrite(text, **top)
        self._reloads += 1
        self.gate.send_signal(signal.SIGHUP)
        until(lambda: self.reloads() >= self._reloads, "it has reloaded")
        # The file is written last of all.
        until(lambda: len(self._listeners()) == int(self.told()["listeners"]), "the listen file is written")

    def refuse(self, text=None, **top):
        """… and has them refused; returns the errors of the log."""
        self.rewrite(text, **top)
        self._failures += 1
        self.gate.send_signal(signal.SIGHUP)
        until(lambda: self.failures() >= self._failures, "it has refused to reload")
        return [line for line in self.gate.log().splitlines() if "cannot be used" in line
                or "cannot listen" in line]

    def reloads(self):
        return len(re.findall(r" info +reloaded ", self.gate.log()))

    def failures(self):
        return self.gate.log().count("not reloaded")

    def told(self):
        """The fields of the last line about a reload."""
        line = [l for l in self.gate.log().splitlines() if re.search(r" info +reloaded ", l)][-1]
        return dict(word.split("=", 1) for word in line.split() if "=" in word)

    def _listeners(self):
        self.gate.wait_listening()
        return self.gate.listeners


@pytest.fixture
def serve(upstream, gateway):
    """serve(**top): a gateway with /score to an upstream that repeats what it gets."""
    def make(handler=lambda r: Response(200, body=r.body), **top):
        up = upstream(handler=handler)
        gate = gateway([{"path": "/score", "scoring_uri": up.url()}], **top)
        return Reloadable(gate), up
    return make


def route(up, path="/score", **more):
    return {"path": path, "scoring_uri": up.url(), **more}


def refused(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


# --- routes ---------------------------------------------------------------------------------------

def test_a_route_comes_another_goes(serve, upstream):
    one, up = serve()
    other = upstream(handler=lambda r: Response(200, body=b"other"))
    caller = one.gate.client()
    assert caller.post("/score", b"x").body == b"x"
    assert_problem(caller.post("/new", b"x"), "no_route")
    one.reload(routes=[route(up), route(other, "/new")])
    assert one.told()["routes_added"] == "1" and one.told()["routes_removed"] == "0"
    assert caller.post("/new", b"x").body == b"other"
    assert caller.post("/score", b"y").body == b"y"
    one.reload(routes=[route(other, "/new")])
    assert one.told()["routes_removed"] == "1"
    assert_problem(caller.post("/score", b"x"), "no_route")
    assert caller.post("/new", b"x").body == b"other"


def test_a_route_leads_elsewhere(serve, upstream):
    one, _ = serve()
    other = upstream(handler=lambda r: Response(200, body=b"other"))
    one.reload(routes=[route(other)])
    assert one.gate.client().post("/score", b"x").body == b"other"


def test_another_key(serve):
    one, up = serve()
    one.reload(routes=[route(up, auth=key_auth("key-one"))])
    caller = one.gate.client()
    caller.post("/score", b"x")
    assert up.requests[-1].headers.get("authorization") == "Bearer key-one"
    one.reload(routes=[route(up, auth=key_auth("key-two"))])
    caller.post("/score", b"x")
    assert up.requests[-1].headers.get("authorization") == "Bearer key-two"


def test_what_is_in_flight_finishes_by_the_old_route(serve, upstream):
    release = threading.Event()

    def held(request):
        assert release.wait(20)
        return Response(200, body=b"old")

    one, up = serve(held)
    other = upstream(handler=lambda r: Response(200, body=b"new"))
    caller, second = one.gate.client(), one.gate.client()
    caller.send_request("POST", "/score", (), b"x")
    up.wait_requests(1)
    one.reload(routes=[route(other)])
    assert second.post("/score", b"x").body == b"new"
    one.reload(routes=[])
    assert_problem(second.post("/score", b"x"), "no_route")
    release.set()
    assert caller.read_answer().body == b"old"
    assert_problem(caller.post("/score", b"x"), "no_route")


def test_nothing_is_fetched_again(azure, certs, upstream, gateway):
    world = World(azure, certs, upstream, gateway, auth_mode="AMLToken").ready()
    one = Reloadable(world.gateway)
    world.assert_scores()
    calls = len(azure.asked())
    one.reload()
    one.reload(workers=2, drain_timeout_ms=2000)
    world.assert_scores()
    assert len(azure.asked()) == calls
    assert world.gateway.metric("scoregate_credential_refresh_total", result="failure") == 0


# --- what is wrong with it ------------------------------------------------------------------------

ROUTE = 'routes = ( { path = "/score"; scoring_uri = "https://127.0.0.1:1/"; %s } );\n'
LISTEN = 'listen = { address = "127.0.0.1"; port = 0; };\nadmin = { address = "127.0.0.1"; port = 0; };\n'
BROKEN = {
    "syntax": ("{{{", r":1"),
    "unknown key": (LISTEN + "wrong = 1;\n", r":3"),
    "number too large": (LISTEN + "workers = 99999999999;\n", r":3"),
    "bad uri": ('routes = ( { path = "/s";\nscoring_uri = "nonsense"; } );\n', r":2"),
    "missing include": ('@include "nowhere.conf"\n', r":1"),
    "missing secret": (LISTEN + ROUTE % ('auth = { type = "key"; primary = { file = "/nowhere"; }; };'),
                       r":3"),
    "ca file": (LISTEN + ROUTE % 'tls = { ca_file = "/dev/null"; };', r":3"),
    "address in use": ('listen = { address = "127.0.0.1"; port = %d; };\nadmin = { enabled = false; };\n',
                       r":1"),
    "address not here": ('listen = { address = "192.0.2.1"; port = 0; allow_remote = true; };\n', r":1"),
    "control plane": (LISTEN + 'azure = { ca_file = "/dev/null"; };\n', ""),
}


@pytest.mark.parametrize("what", BROKEN)
def test_O2_what_is_broken_leaves_all_as_it_was(serve, what):
    one, _ = serve()
    text, line = BROKEN[what]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        if "%d" in text:
            text %= taken.getsockname()[1]
        caller = one.gate.client()
        listening = one.gate.listeners
        errors = one.refuse(text)
        assert errors, one.gate.log()
        if line:
            assert any(re.search(r"scoregate\.conf(\.new)?" + line + r"\b", e) for e in errors), errors
        assert caller.post("/score", b"x").body == b"x"
        assert one.gate.client().post("/score", b"y").body == b"y"
        one.gate.wait_listening()
        assert one.gate.listeners == listening
        assert one.gate.metric("scoregate_config_reloads_total", result="failure") == 1
        assert one.gate.metric("scoregate_config_reloads_total", result="success") == 0
    one.reload(config.text(one.gate.settings))
    assert one.gate.metric("scoregate_config_reloads_total", result="success") == 1
    assert caller.post("/score", b"z").body == b"z"


def test_every_error_is_a_line(serve):
    one, _ = serve()
    errors = one.refuse("wrong = 1;\nworkers = -1;\n" + ROUTE % "no = 2;")
    assert len(errors) == 3


# --- listeners ------------------------------------------------------------------------------------

def test_a_listener_comes_and_goes(serve):
    one, _ = serve()
    port = one.gate.port
    kept = one.gate.client()
    one.reload(listen=[LOOPBACK, {"address": "127.0.0.1", "port": 0}])
    ports = [p for kind, _, p in one.gate.listeners if kind == "main"]
    assert len(set(ports)) == 2 and port in ports
    for p in ports:
        assert one.gate.client(port=p).post("/score", b"x").body == b"x"
    new = next(p for p in ports if p != port)
    on_new = one.gate.client(port=new)
    assert on_new.post("/score", b"x").body == b"x"
    one.reload(listen=[LOOPBACK])
    assert one.gate.port == port
    assert refused(new)
    assert on_new.post("/score", b"y").body == b"y", "who is connected stays"
    assert kept.post("/score", b"z").body == b"z"


def test_the_port_that_was_chosen_is_written_down(serve):
    one, _ = serve()
    port, caller = one.gate.port, one.gate.client()
    one.reload(listen=[{"address": "127.0.0.1", "port": port}])
    assert one.gate.port == port
    assert caller.post("/score", b"x").body == b"x"


def test_a_unix_socket(serve, tmp_path):
    one, _ = serve()
    path = tmp_path / "s"
    place = {"unix": str(path), "mode": "0660"}
    one.reload(listen=[LOOPBACK, place])
    caller = one.gate.client(unix=str(path))
    assert caller.post("/score", b"x").body == b"x"
    inode = path.stat().st_ino
    one.reload(listen=[LOOPBACK, {**place, "mode": "0600"}])
    assert path.stat().st_ino == inode and stat.S_IMODE(path.stat().st_mode) == 0o600
    errors = one.refuse(listen=[LOOPBACK, {**place, "mode": "0666"}, {"unix": "/nowhere/s"}])
    assert errors and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert caller.post("/score", b"x").body == b"x"
    path.unlink()
    one.reload(listen=[LOOPBACK, {**place, "mode": "0600"}])
    assert one.gate.client(unix=str(path)).post("/score", b"x").body == b"x"
    one.reload(listen=[LOOPBACK])
    assert not path.exists()


def test_the_admin_listener_moves_goes_and_comes_back(serve):
    one, _ = serve()
    before = one.gate.admin_port
    assert one.gate.admin("/healthz").status == 200
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    one.reload(admin={"address": "127.0.0.1", "port": port})
    assert one.gate.admin_port == port and refused(before)
    assert one.gate.admin("/healthz").status == 200
    one.reload(admin={"enabled": False})
    assert refused(port)
    one.reload(admin=LOOPBACK)
    assert one.gate.admin("/healthz").status == 200
    assert one.gate.metric("scoregate_config_reloads_total", result="success") == 3


def test_who_may_call(serve):
    one, _ = serve()
    before = one.gate.client()
    assert before.post("/score", b"x").body == b"x"
    one.reload(listen=[{**LOOPBACK, "allow_clients": ["192.0.2.0/24"]}])
    assert_problem(one.gate.client().post("/score", b"x"), "caller_not_allowed")
    assert before.post("/score", b"x").body == b"x", "who was let in stays in"
    one.reload(listen=[LOOPBACK])
    assert one.gate.client().post("/score", b"x").body == b"x"


def test_hosts(serve):
    one, _ = serve()
    caller = one.gate.client()
    ask = (("Host", "scores.example"),)
    assert_problem(caller.request("POST", "/score", ask, b"x"), "host_not_ours")
    one.reload(hosts=["scores.example"])
    assert caller.request("POST", "/score", ask, b"x").body == b"x"


# --- workers, limits, the log ---------------------------------------------------------------------

def threads(gate):
    return len(os.listdir(f"/proc/{gate.pid}/task"))


def test_more_workers_and_fewer(serve):
    one, _ = serve()
    before = threads(one.gate)
    one.reload(workers=3)
    assert one.told()["workers"] == "3"
    until(lambda: threads(one.gate) == before + 2, "three workers")
    callers = [one.gate.client() for _ in range(12)]
    for caller in callers:
        assert caller.post("/score", b"x").body == b"x"
    one.reload(workers=1)
    answers = [caller.post("/score", b"y") for caller in callers]
    assert all(a.body == b"y" for a in answers), "a request that comes to a worker that goes is served"
    closed = [a for a in answers if a.headers.get("connection") == "close"]
    assert len(closed) == 8
    until(lambda: threads(one.gate) == before, "two workers have gone")
    for caller, answer in zip(callers, answers):
        if answer not in closed:
            assert caller.post("/score", b"z").body == b"z"


def test_a_worker_that_goes_finishes_what_it_has(serve):
    release = threading.Event()

    def held(request):
        assert release.wait(20)
        return Response(200, body=b"done")

    one, up = serve(held, workers=2)
    before = threads(one.gate)
    callers = [one.gate.client() for _ in range(4)]
    for caller in callers:
        caller.send_request("POST", "/score", (), b"x")
    up.wait_requests(4)
    one.reload(workers=1)
    release.set()
    answers = [caller.read_answer() for caller in callers]
    assert all(a.body == b"done" for a in answers)
    assert sum(a.headers.get("connection") == "close" for a in answers) == 2
    until(lambda: threads(one.gate) == before - 1, "one has gone")


def test_larger_heads(serve):
    one, _ = serve(limits={"header_bytes": 4096})
    long = (("X-Long", "x" * 6000),)
    assert one.gate.client().request("POST", "/score", long, b"x").status == 431
    kept = one.gate.client()
    assert kept.post("/score", b"x").body == b"x"
    one.reload(limits={"header_bytes": 16384})
    answer = one.gate.client().request("POST", "/score", long, b"x")
    assert answer.body == b"x", answer
    answer = kept.post("/score", b"y")
    assert answer.body == b"y" and answer.headers.get("connection") == "close"


def test_more_connections(serve):
    one, _ = serve(limits={"connections": 2})
    held = [one.gate.client() for _ in range(2)]
    for caller in held:
        assert caller.post("/score", b"x").body == b"x"
    assert_problem(one.gate.client().post("/score", b"x"), "too_many_connections")
    one.reload(limits={"connections": 3})
    assert one.gate.client().post("/score", b"x").body == b"x"


def test_how_it_logs(serve):
    one, _ = serve(log={"level": "debug", "format": "text", "access": True})
    one.reload(log={"level": "info", "format": "text", "access": False})
    length = len(one.gate.log())
    assert one.gate.client().post("/score", b"x").body == b"x"
    one.reload()
    assert " request " not in one.gate.log()[length:] and " debug " not in one.gate.log()[length:]


def test_how_long_it_drains(serve):
    release = threading.Event()

    def held(request):
        release.wait(60)
        return Response(200, body=b"")

    one, up = serve(held, drain_timeout_ms=600000)
    one.reload(drain_timeout_ms=100)
    caller = one.gate.client()
    caller.send_request("POST", "/score", (), b"x")
    up.wait_requests(1)
    try:
        assert one.gate.stop(timeout=20) == 0
    finally:
        release.set()


def test_while_draining_it_is_ignored(serve):
    release = threading.Event()

    def held(request):
        assert release.wait(20)
        return Response(200, body=b"done")

    one, up = serve(held, drain_timeout_ms=20000)
    caller = one.gate.client()
    caller.send_request("POST", "/score", (), b"x")
    up.wait_requests(1)
    one.gate.send_signal(signal.SIGTERM)
    until(lambda: "stopping:" in one.gate.log(), "it drains")
    one.gate.send_signal(signal.SIGHUP)
    until(lambda: "SIGHUP is ignored: stopping" in one.gate.log(), "it says so")
    release.set()
    assert caller.read_answer().body == b"done"
    assert one.gate.wait() == 0
    assert one.reloads() == 0


# --- under load -----------------------------------------------------------------------------------

def test_signals_that_come_meanwhile_are_one(serve):
    one, _ = serve()
    one.gate.send_signal(signal.SIGSTOP)
    for _ in range(50):
        one.gate.send_signal(signal.SIGHUP)
    one.gate.send_signal(signal.SIGCONT)
    until(lambda: one.reloads() == 1, "it has reloaded")
    one.gate.send_signal(signal.SIGHUP)
    until(lambda: one.reloads() == 2, "it has reloaded again")
    assert one.gate.metric("scoregate_config_reloads_total", result="success") == 2
    assert one.gate.client().post("/score", b"x").body == b"x"


class Load:
    """Callers that score over and over, half of them on a new connection for each request."""

    def __init__(self, gate, count):
        self.answers, self.failures = 0, []
        self._gate, self._lock, self._stop = gate, threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(i,)) for i in range(count)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, number):
        port, caller, n = self._gate.port, None, 0
        while not self._stop.is_set():
            try:
                caller = caller or Client(port=port)
                body = b"%d.%d" % (number, n)
                answer = caller.post("/score", body)
                wrong = answer.status != 200 or answer.body != body
                closed = answer.headers.get("connection") == "close"
            except (Closed, OSError) as error:
                wrong, closed, answer = True, True, error
            n += 1
            with self._lock:
                self.answers += 1
                if wrong:
                    self.failures.append(answer)
            if closed or number % 2:
                caller.close()
                caller = None
        if caller:
            caller.close()


def reload_under_load(one, up, upstream, times, callers):
    other = upstream(handler=lambda r: Response(200, body=r.body))
    with Load(one.gate, callers) as load:
        for i in range(times):
            begun = load.answers
            one.reload(workers=1 + i % 3,
                       listen=[LOOPBACK] if i % 2 else [LOOPBACK, LOOPBACK],
                       routes=[route(other if i % 2 else up, auth=key_auth(f"key-{i}"),
                                     max_concurrent=4 if i % 4 > 1 else 0)])
            until(lambda: load.answers > begun + callers, "callers are served")
    assert not load.failures, load.failures[:5]
    assert load.answers > times * callers
    assert one.gate.metric("scoregate_config_reloads_total", result="success") == times


def test_L9_reloads_under_load(serve, upstream):
    one, up = serve(log={"level": "info", "format": "text", "access": False})
    reload_under_load(one, up, upstream, 20, 8)


@pytest.mark.slow
def test_L9_a_hundred_reloads_under_load(serve, upstream):
    one, up = serve(log={"level": "info", "format": "text", "access": False})
    before = one.gate.rss()
    reload_under_load(one, up, upstream, 100, 32)
    assert one.gate.rss() < before + 64 * 1024 * 1024


# Connections to the endpoint

def test_connections_stay_warm(serve):
    """A change that is not about them costs no handshake."""
    one, up = serve(workers=1)
    for i in range(3):
        assert one.gate.client().post("/score", b"x").body == b"x"
        one.reload(drain_timeout_ms=3000 + i)
    assert one.gate.client().post("/score", b"x").body == b"x"
    assert up.accepted == 1


def test_new_authorities_are_asked(upstream, gateway, certs, tmp_path):
    """Their file is the same by name; what was connected under the old ones is not used any more."""
    ca = tmp_path / "ca.pem"
    shutil.copy(certs.ca, ca)
    up = upstream(handler=lambda request: Response(200, body=request.body))
    one = Reloadable(gateway([{"path": "/score", "scoring_uri": up.url()}], ca=ca, workers=1))
    assert one.gate.client().post("/score", b"x").status == 200
    shutil.copy(certs.other_ca, ca)
    one.reload()
    assert_problem(one.gate.client().post("/score", b"x"), "certificate_error")
    shutil.copy(certs.ca, ca)
    one.reload()
    assert one.gate.client().post("/score", b"x").status == 200
    assert len({r.connection for r in up.requests}) == 2
