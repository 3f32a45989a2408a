# SPDX-License-Identifier: MIT
"""Callers that are slow or too many (rows S1 to S5), bodies that are too much (S8), a log that nobody
takes (O6): bounded, refused in good order, and over within a second. Rows S6, S7 and S9 are in
test_torture.py."""

import os
import resource
import statistics
import threading
import time

import pytest

from lib.client import request_bytes
from lib.throng import Throng
from lib.gateway import Gateway
from lib.invariants import Baseline, cpu_seconds
from lib.message import Closed
from lib.upstream import Response
from lib.wait import until

MIB = 1 << 20
DEADLINE = 1.0  # of a head, and between the bytes of a body, in seconds
LATE = 3.0      # by how much it may come later on a busy machine
LIMITS = {"client_header_timeout_ms": int(1000 * DEADLINE), "client_idle_timeout_ms": 1500}


def fine(request):  # pylint: disable=unused-argument
    """The connection is not kept: what is open afterwards is open by mistake."""
    return Response(200, (("Connection", "close"),), b"[1, 2]")


def length(request):
    return Response(200, (("Connection", "close"),), b"%d" % len(request.body))


@pytest.fixture
def served(serve):
    """A gateway with the deadlines of LIMITS, and its baseline once it has served."""
    def make(handler=fine, top=None, **route):
        gate, up = serve(handler=handler, upstream_options={"backlog": 1024, "tls": None},
                         allow_insecure_upstream=True, top={"limits": LIMITS, "workers": 2, **(top or {})}, **route)
        base = Baseline(gate)
        for _ in range(10):
            base.assert_serves()
        return gate, up, Baseline(gate)
    return make


class Probe:
    """A request now and then, each timed."""

    def __init__(self, base):
        self.base, self.took = base, []

    def __call__(self):
        self.took.append(self.base.assert_serves())

    def assert_prompt(self):
        """In the middle, that is: this machine does other things too."""
        assert len(self.took) > 5 and statistics.median(self.took) < 0.1, self.took


@pytest.mark.parametrize("n, pieces", [
    (1000, [b"GET /score HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"a"]), (2000, [b"", b""])],
    ids=["S1 a byte now and then", "S3 nothing"])
def test_heads_that_do_not_come(served, n, pieces):
    """Each is cut when its time is over, not before; others are served all the while."""
    gate, up, base = served()
    before, probe, last = len(up.heads), Probe(base), [time.monotonic()]

    def meanwhile():
        probe()
        if pieces[1] and time.monotonic() - last[0] > DEADLINE / 5:
            crowd.send(pieces[1])
            last[0] = time.monotonic()

    with Throng(gate.port, n, pieces[0]) as crowd:
        assert crowd.refused == 0
        crowd.until_ended(DEADLINE + LATE + n / 500, meanwhile)
        assert min(crowd.lasted()) > 0.8 * DEADLINE
        assert all(m.received == b"" or m.status == 408 for m in crowd.members)
    probe.assert_prompt()
    assert len(up.heads) == before + len(probe.took), "nothing of them went upstream"
    base.assert_back(memory=16 * MIB)


def test_s2_bodies_that_do_not_come(served):
    gate, up, base = served(idle_timeout_ms=int(1000 * DEADLINE))
    probe = Probe(base)
    with Throng(gate.port, 200, b"POST /score HTTP/1.1\r\nHost: localhost\r\n"
                               b"Content-Length: 100000\r\n\r\nsome") as crowd:
        crowd.until_ended(DEADLINE + LATE + 10, probe)
        assert min(crowd.lasted()) > 0.8 * DEADLINE
        assert {m.status for m in crowd.members} == {408}
    probe.assert_prompt()
    assert not any(r.complete for r in up.heads if r.headers.get("content-length") == "100000")
    base.assert_back(memory=16 * MIB)


def test_s2_answers_that_are_not_read(served):
    """Each is cut, and holds a window of its answer, not all of it; nor is a Range multiplied."""
    whole = bytes(4 * MIB)
    gate, up, base = served(lambda request: fine(request) if request.method == "POST" else
                            Response(200, (), whole))
    probe, most = Probe(base), []

    def meanwhile():
        probe()
        most.append(gate.rss())

    ranges = "bytes=" + ",".join(f"{i}-" for i in range(200))
    with Throng(gate.port, 40, request_bytes("GET", "/score", [("Range", ranges)]),
               receive_buffer=4096) as crowd:
        deadline = time.monotonic() + 15
        while sum(up.sessions[r.connection].gone.is_set() for r in up.heads
                  if r.method == "GET") < 40:
            meanwhile()
            assert time.monotonic() < deadline, "they are not cut"
        assert not any(m.ended for m in crowd.members), "who does not read does not see it"
    assert max(most) - base.rss < 40 * MIB
    probe.assert_prompt()
    base.assert_back(memory=24 * MIB)


def test_s4_more_connections_than_the_limit(served):
    """Those that are there are served on, the others are told; when some leave there is room."""
    gate, _, base = served(top={"limits": {"connections": 100}})
    with Throng(gate.port, 99) as inside:
        until(lambda: gate.client().post("/score").status == 200, "one more is served")
        for caller in gate._clients:  # pylint: disable=protected-access
            caller.close()
        with Throng(gate.port, 500) as outside:
            until(lambda: outside.look() <= 1, "those beyond the limit are ended")
            assert sum(m.status == 503 for m in outside.members) >= 499
            assert all(b"too_many_connections" in m.received for m in outside.members if m.status)
        inside.send(request_bytes("POST", "/score", (), b"{}"))
        inside.until_answered(10)
        assert {m.status for m in inside.members} == {200}
    base.assert_back(memory=8 * MIB)


def busy(gate, seconds=1.0):
    """The share of a core that it takes for SECONDS."""
    began, used = time.monotonic(), cpu_seconds(gate)
    until(lambda: time.monotonic() - began > seconds, "time passes")
    return (cpu_seconds(gate) - used) / (time.monotonic() - began)


def test_s5_few_descriptors_from_the_start(upstream, gateway):
    """128 are enough for 32 callers and what these need upstream; the others are told."""
    up = upstream(handler=fine, tls=None, backlog=1024)
    gate = gateway([{"path": "/score", "scoring_uri": up.url(), "allow_insecure_upstream": True}],
                   under=["prlimit", "--nofile=128:128"], limits=LIMITS)
    assert "limits.connections is more than the descriptors allow" in gate.log()
    base = Baseline(gate)
    base.assert_serves()
    base = Baseline(gate)
    with Throng(gate.port, 500, request_bytes("POST", "/score", (), b"{}")) as crowd:
        crowd.until_answered(20)
        statuses = [m.status for m in crowd.members]
        assert set(statuses) <= {200, 503, None} and statuses.count(200) >= 32, statuses
        assert busy(gate) < 0.2
    base.assert_back(memory=8 * MIB)


def test_s5_descriptors_run_out(served):
    """Nobody can be accepted, nor dialled: it waits without spinning, and takes up where it left."""
    gate, _, base = served(top={"limits": {"client_header_timeout_ms": 60000}})
    limits = resource.prlimit(gate.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(gate.pid, resource.RLIMIT_NOFILE, (base.descriptors + 20, limits[1]))
    with Throng(gate.port, 500, request_bytes("POST", "/score", (), b"{}")) as crowd:
        until(lambda: "out of descriptors" in gate.log() and crowd.look() is not None,
              "descriptors are out")
        assert busy(gate) < 0.2
        crowd.look()
        # Who was accepted gets an answer, though there may be no descriptor to dial with.
        assert {m.status for m in crowd.members} <= {200, 503, 502, None}
        resource.prlimit(gate.pid, resource.RLIMIT_NOFILE, limits)
        base.assert_serves()
        crowd.until_answered(20)
        assert [m.status for m in crowd.members].count(200) > 400
    base.assert_back(memory=32 * MIB)


# Memory

def uploads(gate, n, size):
    """N bodies of SIZE bytes at once; the statuses, None for a connection that was cut."""
    body, statuses = bytes(size), []

    def upload():
        try:
            with gate.client(timeout=60) as caller:
                statuses.append(caller.post("/score", body).status)
        except (Closed, OSError):
            statuses.append(None)

    callers = [threading.Thread(target=upload, daemon=True) for _ in range(n)]
    for caller in callers:
        caller.start()
    return callers, statuses


def test_s8_large_bodies_at_once(served):
    """64 of 16 MiB: they go through, and never all of them are here."""
    gate, up, base = served(length)
    callers, statuses = uploads(gate, 64, 16 * MIB)
    most = 0
    while any(c.is_alive() for c in callers):
        most = max(most, gate.rss())
        callers[0].join(0.02)
        callers = [c for c in callers if c.is_alive()] or callers[:1]
    assert statuses == [200] * 64
    assert most - base.rss < 64 * MIB
    base.assert_serves()
    assert sum(len(r.body) == 16 * MIB for r in up.requests) == 64


def test_s8_memory_is_out(served):
    """No more address space than there is in use: refused or cut, and then all is well again."""
    gate, _, base = served(length)
    limits = resource.prlimit(gate.pid, resource.RLIMIT_AS)
    with open(f"/proc/{gate.pid}/statm", encoding="ascii") as file:
        pages = int(file.read().split()[0])
    resource.prlimit(gate.pid, resource.RLIMIT_AS,
                     (pages * resource.getpagesize() + MIB, limits[1]))
    callers, statuses = uploads(gate, 64, 2 * MIB)
    for caller in callers:
        caller.join(60)
        assert not caller.is_alive()
    assert set(statuses) <= {200, 413, 502, 503, None} and len(statuses) == 64
    resource.prlimit(gate.pid, resource.RLIMIT_AS, limits)
    base.assert_serves()


# A log that nobody takes

def logging_to(upstream, tmp_path, certs, stderr, **more):
    up = upstream(handler=fine)
    return Gateway(tmp_path / "gate", [{"path": "/score", "scoring_uri": up.url()}], ca=certs.ca,
                   stderr=stderr, **more)


def test_o6_the_disk_of_the_log_is_full(upstream, tmp_path, certs):
    with open("/dev/full", "wb") as full, logging_to(upstream, tmp_path, certs, full) as gate:
        base = Baseline(gate)
        for _ in range(100):
            base.assert_serves()
        assert busy(gate) < 0.2


def test_o6_the_pipe_of_the_log_is_closed(upstream, tmp_path, certs):
    read, write = os.pipe()
    with logging_to(upstream, tmp_path, certs, write) as gate:
        os.close(write)
        os.close(read)
        base = Baseline(gate)
        for _ in range(100):
            base.assert_serves()
        assert busy(gate) < 0.2


def test_o6_the_pipe_of_the_log_is_blocked(upstream, tmp_path, certs):
    """Requests are served on; when the pipe is read again the log tells how much is missing."""
    read, write = os.pipe()
    with logging_to(upstream, tmp_path, certs, write) as gate:
        os.close(write)
        base = Baseline(gate)
        with gate.client() as caller:
            # 64 KiB in the pipe, two buffers of 256 KiB in the program, 170 bytes a line.
            for _ in range(5000):
                assert caller.post("/score").status == 200
        base.assert_serves()
        assert busy(gate) < 0.2
        os.set_blocking(read, False)
        text = bytearray()

        def told():
            try:
                text.extend(os.read(read, 1 << 16))
            except BlockingIOError:
                pass
            return b"log lines were dropped" in text
        until(told, "the log tells that lines are missing")
        base.assert_serves()
        os.close(read)
        assert gate.stop() == 0


def test_o6_it_stops_though_its_log_is_blocked(upstream, tmp_path, certs):
    read, write = os.pipe()
    with logging_to(upstream, tmp_path, certs, write) as gate:
        os.close(write)
        with gate.client() as caller:
            for _ in range(2500):
                assert caller.post("/score").status == 200
        assert gate.stop(timeout=gate.settings["drain_timeout_ms"] / 1000 + 2) == 0
    os.close(read)
