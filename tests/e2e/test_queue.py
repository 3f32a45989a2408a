# SPDX-License-Identifier: MIT
"""The gate of a route: how many requests are at the endpoint at once, who waits for how long, and whose
turn it is."""

import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lib.client import request_bytes
from lib.cloud import SECRET, client_secret, place, settings
from lib.crowd import Crowd
from lib.problem import assert_problem
from lib.wait import until

MIB = 1 << 20
AGENT = "User-Agent"


@pytest.fixture
def gated(held, gateway):
    """gated(route keys…, top=…) -> (gateway, Held) with two workers."""
    def make(top=None, **route):
        held_by, up = held
        return gateway([{"path": "/score", "scoring_uri": up.url("/score"), **route}],
                       **{"workers": 2, **(top or {})}), held_by
    return make


def depth(gate):
    return gate.metric("scoregate_queue_depth", route="/score")


def limit(gate):
    return gate.metric("scoregate_concurrency_limit", route="/score")


def send_one(gate, body, agent=None, **more):
    """A caller that has sent a request, and does not wait for the answer."""
    caller = gate.client(timeout=30.0, **more)
    caller.send_request("POST", "/score", [(AGENT, agent)] if agent else [], body)
    return caller


def send_in_order(gate, bodies, agent=None, **more):
    """One after the other is in the queue before the next is sent."""
    callers, before = [], depth(gate)
    for n, body in enumerate(bodies, 1):
        callers.append(send_one(gate, body, agent, **more))
        until(lambda n=n: depth(gate) >= before + n, f"{body} waits")
    return callers


def fill(gate, held, n):
    """N requests are at the upstream, one after the other."""
    callers = []
    for i in range(n):
        callers.append(send_one(gate, b"first-%d" % i))
        held.wait(i + 1)
    return callers


def test_never_more_than_the_limit_and_in_order_over_two_workers(gated):
    gate, held = gated(max_concurrent=4)
    callers = fill(gate, held, 4)
    bodies = [b"%d" % i for i in range(36)]
    callers += send_in_order(gate, bodies)
    assert (held.peak, len(held.arrived), depth(gate)) == (4, 4, 36)
    for n in range(36):
        held.let()
        held.wait(5 + n)
    held.let_all()
    answers = [caller.read_answer() for caller in callers]
    assert all(a.status == 200 for a in answers), answers
    assert [a.body for a in answers[4:]] == bodies, "each caller has its own answer"
    assert held.bodies[4:] == bodies, "first come, first served"
    assert held.peak == 4


def test_a_closed_loop_of_callers(inference, gateway):
    """The upstream says 429 to the fifth at once: nobody hears of it since there is none."""
    endpoint = inference(deployments={"blue": {"capacity": 2}}, service_ms=5)
    gate = gateway([{"path": "/score", "scoring_uri": endpoint.url(), "max_concurrent": 4}],
                   workers=2)
    crowd = Crowd(gate, 40, times=20)
    crowd.join()
    crowd.assert_all_fine()
    figures = endpoint.figures()
    assert (figures.peak, figures.too_many, figures.statuses["200"]) == (4, 0, 800)


def test_queue_full(gated):
    gate, held = gated(max_concurrent=1, max_queue=2)
    callers = fill(gate, held, 1) + send_in_order(gate, [b"a", b"b"])
    assert_problem(gate.client().post("/score", b"c"), "queue_full")
    held.let_all()
    assert [c.read_answer().body for c in callers] == [b"first-0", b"a", b"b"]
    assert gate.client().post("/score", b"c").body == b"c", "there is room again"
    assert held.peak == 1 and len(held.arrived) == 4


def test_no_queue_at_all(gated):
    gate, held = gated(max_concurrent=1, max_queue=0)
    caller, = fill(gate, held, 1)
    assert_problem(gate.client().post("/score"), "queue_full")
    held.let()
    assert caller.read_answer().status == 200


def test_queue_timeout(gated):
    gate, held = gated(max_concurrent=1, queue_timeout_ms=300)
    first, = fill(gate, held, 1)
    began = time.monotonic()
    waits = send_in_order(gate, [b"too late"])[0]
    answer = waits.read_answer()
    assert 0.3 <= time.monotonic() - began < 3
    assert_problem(answer, "queue_timeout")
    assert int(answer.headers["retry-after"]) >= 1
    assert depth(gate) == 0
    held.let_all()
    assert first.read_answer().status == 200
    assert held.bodies == [b"first-0"], "what has timed out is not sent"
    assert waits.post("/score", b"again").body == b"again", "the connection is kept"


def test_retry_after_is_what_the_queue_takes(gateway, inference):
    """Twenty wait for a service that takes a tenth of a second for each: two seconds."""
    endpoint = inference(service_ms=100)
    gate = gateway([{"path": "/score", "scoring_uri": endpoint.url(), "max_concurrent": 1,
                     "max_queue": 20}], workers=2)
    crowd = Crowd(gate, 21, times=2)
    crowd.wait(10)
    until(lambda: depth(gate) == 20, "the queue is full")
    answer = gate.client().post("/score")
    assert_problem(answer, "queue_full")
    assert 2 <= int(answer.headers["retry-after"]) <= 4
    assert all(o.status == 200 for o in crowd.join())


# Whose turn it is

def test_a_caller_with_many_does_not_starve_one_with_one(gated):
    gate, held = gated(max_concurrent=2)
    callers = fill(gate, held, 2)
    callers += send_in_order(gate, [b"many-%d" % i for i in range(30)], "greedy/1.0")
    callers += send_in_order(gate, [b"one"], "modest/1.0")
    held.let_all()
    assert all(c.read_answer().status == 200 for c in callers)
    assert held.bodies.index(b"one") <= 2 + 2, "the first that wait are one of each"


def test_turns_of_two_callers(gated):
    gate, held = gated(max_concurrent=1)
    callers = fill(gate, held, 1)
    callers += send_in_order(gate, [b"a%d" % i for i in range(6)], "a")
    callers += send_in_order(gate, [b"b%d" % i for i in range(3)], "b")
    held.let_all()
    assert all(c.read_answer().status == 200 for c in callers)
    assert held.bodies[1:] == [b"a0", b"b0", b"a1", b"b1", b"a2", b"b2", b"a3", b"a4", b"a5"]


@contextmanager
def user(uid):
    """Who a connection that is made meanwhile comes from."""
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def open_directory():
    """One that every user can look into."""
    path = Path(tempfile.mkdtemp(prefix="scoregate-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="takes root to be two users")
def test_turns_of_two_users_of_a_socket(gated, open_directory):
    path = open_directory / "score.sock"
    gate, held = gated(max_concurrent=1,
                       top={"listen": [{"unix": str(path), "mode": "0666"},
                                       {"address": "127.0.0.1", "port": 0}]})
    callers = fill(gate, held, 1)
    for uid, name in ((65534, b"nobody"), (1, b"daemon")):
        with user(uid):
            callers += [gate.client(unix=path, timeout=30.0) for _ in range(3)]
        for n, caller in enumerate(callers[-3:], 1):
            before = depth(gate)
            caller.send_request("POST", "/score", [(AGENT, "same")], b"%s-%d" % (name, n))
            until(lambda before=before: depth(gate) > before, "it waits")
    held.let_all()
    assert all(c.read_answer().status == 200 for c in callers)
    assert held.bodies[1:] == [b"nobody-1", b"daemon-1", b"nobody-2", b"daemon-2", b"nobody-3",
                               b"daemon-3"]


# What waiting costs

def send_what_is_taken(gate, body):
    """A caller that has sent of a request what the gateway and the sockets take."""
    caller = gate.client()
    caller.socket.setblocking(False)
    left = memoryview(request_bytes("POST", "/score", body=body))
    try:
        while left:
            left = left[caller.socket.send(left):]
    except BlockingIOError:
        pass
    return caller


def test_bodies_of_those_who_wait_are_not_held(gated):
    gate, held = gated(max_concurrent=1)
    first, = fill(gate, held, 1)
    before = gate.rss()
    crowd = [send_what_is_taken(gate, bytes(MIB)) for _ in range(500)]
    until(lambda: depth(gate) == 500, "all wait", 20)
    grown = gate.rss() - before
    assert grown < 64 * MIB, f"500 bodies of 1 MiB wait in {grown / MIB:.0f} MiB"
    for caller in crowd:
        caller.rst()
    until(lambda: depth(gate) == 0, "those who went wait no longer")
    held.let_all()
    assert first.read_answer().status == 200
    assert gate.client().post("/score", b"still fine").body == b"still fine"
    assert len(held.arrived) == 2


def test_a_body_that_waited_arrives_whole(gated):
    gate, held = gated(max_concurrent=1, replay_bytes=65536)
    bodies = [os.urandom(n) for n in (0, 1, 65536, 65537, 3 * MIB)]
    callers = fill(gate, held, 1) + send_in_order(gate, bodies[:4])
    with ThreadPoolExecutor() as pool:  # the last does not fit into the sockets
        last = pool.submit(gate.client(timeout=30.0).post, "/score", bodies[4])
        until(lambda: depth(gate) == 5, "all wait")
        held.let_all()
        answers = [c.read_answer() for c in callers] + [last.result()]
    assert [a.body for a in answers[1:]] == bodies
    assert held.bodies[1:] == bodies


def test_a_caller_that_goes_frees_its_place(gated):
    gate, held = gated(max_concurrent=1)
    first, = fill(gate, held, 1)
    second, = send_in_order(gate, [b"second"])
    first.rst()
    held.wait(2)
    assert held.peak == 2, "the upstream has not let the first one go yet"
    held.let_all()
    assert second.read_answer().body == b"second"


def test_a_caller_that_goes_leaves_the_queue(gated):
    gate, held = gated(max_concurrent=1, max_queue=2)
    first, = fill(gate, held, 1)
    goes, stays = send_in_order(gate, [b"goes", b"stays"])
    goes.close()
    until(lambda: depth(gate) == 1, "it waits no longer")
    last, = send_in_order(gate, [b"last"])
    held.let_all()
    assert [c.read_answer().body for c in (first, stays, last)] == [b"first-0", b"stays", b"last"]
    assert held.bodies == [b"first-0", b"stays", b"last"]


# How many there may be

def test_a_limit_that_is_learnt(inference, gateway):
    """Azure takes six and says so to the seventh; the callers are not told."""
    endpoint = inference(deployments={"blue": {"capacity": 3}}, service_ms=10)
    gate = gateway([{"path": "/score", "scoring_uri": endpoint.url(), "max_concurrent": "auto"}],
                   workers=2)
    crowd = Crowd(gate, 40)
    crowd.wait(500)
    assert 3 <= limit(gate) <= 7
    endpoint.begin()
    crowd.wait(1000)
    crowd.stop()
    crowd.assert_all_fine()
    figures = endpoint.figures()
    assert figures.too_many < figures.statuses["200"] / 10, figures
    assert figures.peak <= 6
    assert gate.metric("scoregate_retries_total", route="/score", reason="status") > 0


@pytest.fixture
def named(azure, certs, inference, gateway):
    """(gateway, Inference, the deployment "blue") of an endpoint found by name."""
    endpoint = azure.workspace("ws").endpoint("churn", auth_mode="Key")
    blue = endpoint.deployment("blue", capacity=4, max_concurrent=1)
    scores = inference(service_ms=10).follow(endpoint)
    app = azure.application(secret=SECRET)
    gate = gateway([{"path": "/score", "online_endpoint": place(endpoint.workspace, "churn"),
                     "identity": "app"}], workers=2, secrets=[SECRET],
                   identities={"app": client_secret(azure, app)}, azure=settings(azure, certs))
    until(lambda: limit(gate) == 8, "Azure's rule is known")
    return gate, scores, blue


def test_azures_own_limit_is_followed(named):
    """After a scale-in the endpoint answers 429, which has us look: ten seconds after the last look at
    the earliest. Nobody is told meanwhile."""
    gate, scores, blue = named
    crowd = Crowd(gate, 40)
    crowd.wait(300)
    figures = scores.figures()
    assert (figures.peak, figures.too_many) == (8, 0)
    blue.scale(2)
    until(lambda: "limit=4 " in gate.log(), "the change is followed", 20)
    scores.begin()
    crowd.wait(300)
    figures = scores.figures()
    assert (figures.peak, figures.too_many) == (4, 0)
    assert limit(gate) == 4
    crowd.stop()
    crowd.assert_all_fine()
