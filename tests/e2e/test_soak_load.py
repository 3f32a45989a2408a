# SPDX-License-Identifier: MIT
"""Load as it is in a bad week (rows L3 to L6, L11): thousands that idle, thousands that connect, bodies
of every size, three times as much as can be served. `make check-soak` runs each for SOAK_SECONDS (120).
Times are reported at the end; asserted is what does not depend on what else the machine does."""

import asyncio
import hashlib
import os
import random
import threading
import time
from pathlib import Path

import pytest

from lib.client import request_bytes
from lib.throng import Throng
from lib.invariants import Baseline, cpu_seconds
from lib.soak import quantile
from lib.upstream import Response
from lib.wait import until

LONG = int(os.environ.get("SOAK_SECONDS", "120"))
KIB, MIB = 1 << 10, 1 << 20
QUIET = {"level": "warning", "format": "text", "access": False}

long = pytest.mark.parametrize("seconds", [pytest.param(LONG, id="long", marks=pytest.mark.slow)])
short_and_long = pytest.mark.parametrize("seconds", [
    pytest.param(1, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.slow)])


@pytest.fixture
def served(serve):
    def make(handler=None, tls=False, top=None, **route):
        options = {"backlog": 1024, "timeout": LONG + 60}  # a connection may rest all the while
        if not tls:
            options["tls"] = None
        gate, up = serve(handler=handler or (lambda request: Response(200, (), b"[1, 2]")),
                         upstream_options=options, allow_insecure_upstream=not tls,
                         top={"workers": 2, "log": QUIET, **(top or {})}, **route)
        base = Baseline(gate)
        base.assert_serves()
        return gate, up, Baseline(gate)
    return make


def ms(values, part):
    return f"{1000 * quantile(values, part):.1f} ms"


def paced(seconds, per_second):
    """Yields PER_SECOND times a second for SECONDS, at once where that time has passed."""
    began = time.monotonic()
    for i in range(int(seconds * per_second)):
        until(lambda: time.monotonic() >= began + i / per_second, "it is time")  # pylint: disable=cell-var-from-loop
        yield i


# L3

def probe(gate, seconds, per_second=100):
    took = []
    with gate.client() as caller:
        for _ in paced(seconds, per_second):
            began = time.monotonic()
            assert caller.post("/score").status == 200
            took.append(time.monotonic() - began)
    return took


@long
def test_l3_five_thousand_that_idle(served, seconds, record_property):
    gate, _, base = served(top={"limits": {"connections": 6000, "client_idle_timeout_ms": 3600000}})
    alone = probe(gate, seconds / 4)
    with Throng(gate.port, 5000, request_bytes("GET", "/nowhere")) as crowd:
        crowd.until_answered(60)
        assert {m.status for m in crowd.members} == {404}
        each = (gate.rss() - base.rss) / 5000
        assert each < 40 * KIB
        began, used = time.monotonic(), cpu_seconds(gate)
        until(lambda: time.monotonic() - began > seconds / 8, "time passes", seconds)
        idle = (cpu_seconds(gate) - used) / (time.monotonic() - began)
        assert idle < 0.05
        among = probe(gate, seconds / 2)
        assert not any(m.ended for m in crowd.members)
    base.assert_back(memory=5000 * 40 * KIB)
    record_property("figure", f"p99 {ms(among, 0.99)} among 5000 that idle, {ms(alone, 0.99)} without; "
                              f"{each / KIB:.1f} KiB each, {100 * idle:.1f} % of a core")


# L4

def time_waits(port):
    """How many ended connections of ours the kernel still keeps for PORT, our side of them."""
    lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]
    return sum(line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "06" for line in lines)


@short_and_long
def test_l4_ten_thousand_connections_a_minute(served, seconds, record_property):
    gate, _, base = served()
    took = []
    for _ in paced(seconds, 10000 / 60):
        began = time.monotonic()
        with gate.client() as caller:
            answer = caller.post("/score", headers=(("Connection", "close"),))
            assert answer.status == 200 and answer.will_close
        took.append(time.monotonic() - began)
        gate._clients.clear()  # pylint: disable=protected-access
    base.assert_back(memory=2 * MIB)
    record_property("figure", f"{len(took)} connections, p99 {ms(took, 0.99)}, "
                              f"{time_waits(gate.port)} in TIME_WAIT on this side")


# L5

def digest(request):
    """The body, and what was received of it."""
    return Response(200, (("X-SHA256", hashlib.sha256(request.body).hexdigest()),), request.body)


@short_and_long
def test_l5_bodies_of_every_size(served, seconds, record_property):
    """0 to 16 MiB, both ways, 32 at a time: every byte, and back-pressure all the way."""
    gate, _, base = served(digest, tls=True, body_bytes=16 * MIB)
    over, sizes, wrong, most = threading.Event(), [], [], [0]

    def call(number):
        chance = random.Random(number)
        with gate.client(timeout=120) as caller:
            while not over.is_set():
                size = int(2 ** chance.uniform(0, 24)) - 1 if chance.random() < 0.95 else 16 * MIB
                body = chance.randbytes(size)
                answer = caller.post("/score", body)
                told = answer.headers.get("x-sha256")
                if answer.status != 200 or not told == hashlib.sha256(body).hexdigest() == \
                        hashlib.sha256(answer.body).hexdigest():
                    wrong.append((size, answer))
                sizes.append(size)

    callers = [threading.Thread(target=call, args=(i,), daemon=True) for i in range(32)]
    for caller in callers:
        caller.start()
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        most[0] = max(most[0], gate.rss())
        callers[0].join(0.05)
    over.set()
    for caller in callers:
        caller.join(120)
        assert not caller.is_alive()
    assert not wrong and sizes
    assert most[0] - base.rss < 32 * 2 * MIB
    with gate.client() as caller:
        assert caller.post("/score", bytes(16 * MIB + 1)).status == 413
    base.assert_serves()
    record_property("figure", f"{len(sizes)} bodies, {sum(sizes) / MIB:.0f} MiB each way; at most "
                              f"{(most[0] - base.rss) / MIB:.1f} MiB more than before")


# L6

PLACES, SERVICE = 4, 0.02  # an endpoint that serves so many at once, each for so long, in seconds
PEAK = PLACES / SERVICE    # requests a second


class Endpoint:
    """A handler that answers 429 to one too many, as Azure's front end does."""

    def __init__(self):
        self._places, self.refused = threading.Semaphore(PLACES), 0

    def __call__(self, request):
        if not self._places.acquire(blocking=False):
            self.refused += 1
            return Response(429, (), b"too many")
        try:
            time.sleep(SERVICE)
            return Response(200, (), b"[1, 2]")
        finally:
            self._places.release()


async def one_call(port, results):
    """A caller of its own, whoever else waits: (status, has Retry-After, seconds)."""
    began = time.monotonic()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_bytes("POST", "/score", [("Connection", "close")], b"{}"))
        answer = await asyncio.wait_for(reader.read(), 60)
        writer.close()
        results.append((int(answer[9:12]), b"retry-after:" in answer.lower(),
                        time.monotonic() - began))
    except (OSError, ValueError, asyncio.TimeoutError) as error:
        results.append((0, str(error), time.monotonic() - began))


async def arrivals(port, per_second, seconds):
    """Calls that begin at this pace, however long the others take."""
    results, calls, began = [], set(), time.monotonic()
    for i in range(int(per_second * seconds)):
        await asyncio.sleep(max(began + i / per_second - time.monotonic(), 0))
        calls.add(asyncio.create_task(one_call(port, results)))
    await asyncio.gather(*calls)
    return results


@long
def test_l6_three_times_too_much(served, seconds, record_property):
    """What can be served is; the rest is told at once, and the endpoint never sees one too many."""
    endpoint = Endpoint()
    gate, _, base = served(endpoint, max_concurrent=PLACES, max_queue=20, queue_timeout_ms=1000,
                           top={"limits": {"connections": 2000}})
    seconds = max(seconds, 3)
    peak = asyncio.run(arrivals(gate.port, 0.8 * PEAK, 2))
    assert {status for status, *_ in peak} == {200}
    began = time.monotonic()
    results = asyncio.run(arrivals(gate.port, 3 * PEAK, seconds))
    spent = time.monotonic() - began
    served_, excess = ([r for r in results if r[0] == s] for s in (200, 429))
    assert len(served_) + len(excess) == len(results)
    assert all(retry_after for _, retry_after, _ in excess)
    assert len(served_) > 0.8 * PEAK * spent
    assert endpoint.refused == 0
    assert base.assert_serves(within=2.0) < 2.0
    base.assert_back(memory=16 * MIB)
    record_property("figure", f"{len(served_) / spent:.0f} of at most {PEAK:.0f} a second served, "
                              f"p99 {ms([r[2] for r in served_], 0.99)}; {len(excess)} refused, "
                              f"p99 {ms([r[2] for r in excess], 0.99)}")


# L11

@short_and_long
def test_l11_from_start_to_ready(served, seconds, record_property):
    gate, _, base = served()
    took = []
    for _ in range(10 if seconds < 10 else 50):
        assert gate.stop() == 0
        (gate.tmp / "listen").unlink()
        began = time.monotonic()
        gate.start()
        until(lambda: gate.admin("/readyz").status == 200, "it is ready")
        took.append(time.monotonic() - began)
    Baseline(gate).assert_serves()
    assert base.path == "/score" and max(took) < 5
    record_property("figure", f"p50 {ms(took, 0.5)}, the longest {ms(took, 1)}")
