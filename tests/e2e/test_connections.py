# SPDX-License-Identifier: MIT
"""Connections to the upstream: kept warm and used again, given up in time, and never the reason for an
error or for a request that is acted on twice."""

import signal
import threading
import time

import pytest

from lib.config import key_auth
from lib.problem import assert_problem
from lib.upstream import Response, response_bytes
from lib.upstream import serve as answers
from lib.wait import until

FINE = answers(lambda request: Response(200, (), b"fine"))
ENDS = ["close", "fin", "rst"]


def assert_fine(reply):
    assert (reply.status, reply.body) == (200, b"fine")


def once_then(action):
    """A script: one request is answered well, then ACTION(session)."""
    def script(s):
        s.rxreq()
        s.txresp(200, body=b"fine")
        action(s)
    return script


# Reuse

def test_one_caller_needs_one_connection(serve):
    one, up = serve(FINE)
    caller = one.client()
    for _ in range(20):
        assert_fine(caller.post("/score"))
    assert [r.connection for r in up.requests] == [0] * 20


def test_callers_share_connections_in_turn(serve):
    one, up = serve(FINE)
    for _ in range(10):
        with one.client() as caller:
            assert_fine(caller.post("/score", headers={"Connection": "close"}))
    assert len(up.sessions) == 1
    assert {r.headers.get("connection", "keep-alive").lower() for r in up.requests} == {"keep-alive"}


def test_as_many_connections_as_requests_at_once(serve):
    together = threading.Barrier(5)

    def script(s):
        s.rxreq()
        together.wait(10)
        s.txresp(200, body=b"fine")
        FINE(s)

    one, up = serve(script)
    callers = [one.client() for _ in range(5)]
    for caller in callers:
        caller.send_request("POST", "/score", body=b"{}")
    for caller in callers:
        assert_fine(caller.read_answer())
    for caller in callers:
        assert_fine(caller.post("/score"))
    assert len(up.sessions) == 5


@pytest.mark.parametrize("data", [
    response_bytes(200, (("Connection", "close"),), b"fine"),
    response_bytes(200, (("Connection", "X, Close"),), b"fine"),
    response_bytes(200, (), b"fine").replace(b"HTTP/1.1", b"HTTP/1.0")],
    ids=["close", "close-in-a-list", "http-1.0"])
def test_the_upstream_says_that_it_will_close(serve, data):
    """It is believed, though it leaves the connection open."""
    one, up = serve(lambda s: (s.rxreq(), s.tx(data), s.hang()))
    caller = one.client()
    assert_fine(caller.post("/score"))
    until(up.sessions[0].gone.is_set, "the end of the connection")
    assert_fine(caller.post("/score"))
    assert [r.connection for r in up.requests] == [0, 1]


def test_routes_with_different_keys_share_nothing(gateway, upstream):
    up = upstream(FINE)
    keys = ["CANARY-first-key-81hs", "CANARY-other-key-q0d3"]
    one = gateway([{"path": f"/{i}", "scoring_uri": up.url(), "auth": key_auth(key)}
                   for i, key in enumerate(keys)])
    caller = one.client()
    for i in (0, 1, 1, 0, 1, 0):
        assert_fine(caller.post(f"/{i}"))
    sent = {(r.connection, r.headers["authorization"]) for r in up.requests}
    assert len(up.sessions) == len(sent) == 2


# The upstream closes what is idle

@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_u5a_idle_connection_closed(serve, end, method):
    """Again and again: the close is always there before the request, and never the caller's concern."""
    go, done = threading.Semaphore(0), threading.Semaphore(0)

    def strike(s):
        assert go.acquire(timeout=10)
        getattr(s, end)()
        done.release()

    one, up = serve(once_then(strike))
    caller = one.client()
    for _ in range(10):
        assert_fine(caller.request(method, "/score", body=b"{}" if method == "POST" else None))
        go.release()
        # fin() waits for the gateway to end its side too, so the close has been seen.
        assert done.acquire(timeout=10)
    assert len(up.requests) == 10


def established(port):
    """How many connections of the local PORT have been ended by neither side, as the kernel sees it."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return sum(int(row[1].split(":")[1], 16) == port and row[3] == "01" for row in rows)


@pytest.mark.parametrize("end", ENDS)
def test_u5a_close_and_request_arrive_together(serve, end):
    """Both are there before the gateway looks: it must see the close first."""
    go = threading.Event()

    def strike(s):
        assert go.wait(10)
        getattr(s, end)()

    one, up = serve([once_then(strike), FINE])
    caller = one.client()
    assert_fine(caller.post("/score"))
    assert established(up.port) == 1
    one.send_signal(signal.SIGSTOP)
    try:
        go.set()
        until(lambda: established(up.port) == 0, "the close")
        caller.send_request("POST", "/score", body=b'{"n": 2}')
    finally:
        one.send_signal(signal.SIGCONT)
    assert_fine(caller.read_answer())
    assert [r.connection for r in up.requests] == [0, 1]


@pytest.mark.parametrize("end", ENDS)
def test_u5a_closed_in_the_middle_of_a_large_request(serve, end):
    """More than the kernel can buffer, so the upstream cannot have had all of it."""
    def strike(s):
        s.rxhead()
        s.rx(100_000)
        getattr(s, end)()

    one, up = serve([once_then(strike), FINE], replay_bytes=32 << 20)
    caller = one.client()
    assert_fine(caller.post("/score"))
    body = b"0123456789abcdef" * (1 << 20)
    assert_fine(caller.post("/score", body=body))
    assert [(r.connection, r.body == body) for r in up.requests] == [(0, False), (1, True)]
    assert [h.connection for h in up.heads] == [0, 0, 1]


def test_u5a_a_large_request_that_is_not_kept_is_not_sent_again(serve):
    def strike(s):
        s.rxhead()
        s.rx(100_000)
        s.rst()

    one, up = serve([once_then(strike), FINE])
    caller = one.client()
    assert_fine(caller.post("/score"))
    assert_problem(caller.post("/score", body=b"x" * (16 << 20)), "connection_closed")
    assert len(up.heads) == 2
    assert_fine(one.client().post("/score"))


def test_u5a_tail_is_held_on_a_connection_long_idle(gateway, upstream):
    """A connection idle for more than a second dies under the request: the last byte was still here,
    so the POST goes out again. Whether the reset wins against the last byte is a matter of a
    millisecond, so there are several tries; that no POST is acted on twice holds for each."""
    def strike(s):
        s.rx(1)
        s.rst()

    tries = 8
    up = upstream([once_then(strike)] * tries + [FINE])
    one = gateway([{"path": f"/{i}", "scoring_uri": up.url()} for i in range(tries)])
    caller = one.client()
    for i in range(tries):
        assert_fine(caller.post(f"/{i}"))
    time.sleep(1.2)  # the age of the connections is what is tested
    replies = [caller.post(f"/{i}", body=b"second %d" % i) for i in range(tries)]
    for i, reply in enumerate(replies):
        acted = [r for r in up.requests if r.body == b"second %d" % i]
        if reply.status == 200:
            assert len(acted) == 1 and acted[0].connection >= tries
        else:
            assert_problem(reply, "connection_closed")
            assert not acted
    assert any(reply.status == 200 for reply in replies), "no tail was held"


def test_long_idle_connection_that_lives_is_used(serve):
    """Holding the tail back costs no connection and no byte."""
    one, up = serve(FINE)
    caller = one.client()
    assert_fine(caller.post("/score"))
    time.sleep(1.2)  # the age of the connection is what is tested
    for body in (b"after a pause", b"", b"x"):
        assert_fine(caller.post("/score", body=body))
    assert [(r.connection, r.body) for r in up.requests[1:]] == [
        (0, b"after a pause"), (0, b""), (0, b"x")]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("method, idempotent, replayed", [
    ("GET", False, True), ("HEAD", False, True), ("POST", True, True), ("POST", False, False),
    ("PUT", False, False)])
def test_u5b_closed_when_all_of_the_request_was_read(serve, end, method, idempotent, replayed):
    def strike(s):
        s.rxreq()
        getattr(s, end)()

    one, up = serve([once_then(strike), FINE], idempotent=idempotent,
                    methods=["POST", "GET", "PUT"])
    caller = one.client()
    assert_fine(caller.post("/score"))
    body = None if method in ("GET", "HEAD") else b'{"n": 2}'
    reply = caller.request(method, "/score", body=body)
    if replayed:
        assert reply.status == 200
        assert [r.connection for r in up.requests] == [0, 0, 1]
        assert up.requests[1].body == up.requests[2].body == (body or b"")
        until(lambda: one.ended(attempts=2) == 1, "the log of the replay")
    else:
        assert_problem(reply, "connection_closed")
        assert [r.connection for r in up.requests] == [0, 0]
    assert_fine(caller.post("/score"))


def test_u5b_not_again_once_the_answer_began(serve):
    def strike(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\nContent-")
        s.close()

    one, up = serve([once_then(strike), FINE], idempotent=True)
    caller = one.client()
    assert_fine(caller.post("/score"))
    assert_problem(caller.post("/score"), "answer_incomplete")
    assert len(up.requests) == 2


def test_u5b_not_for_ever(serve):
    """An upstream that always ends reused connections is tried a few times at most."""
    def strike(s):
        s.rxreq()
        s.close()

    one, up = serve(once_then(strike), idempotent=True)
    caller = one.client()
    for _ in range(5):
        before = len(up.requests)
        caller.post("/score")
        assert len(up.requests) - before <= 3


def test_idle_close_is_learnt(serve):
    """The first connection is closed by the upstream after a while of idleness; the gateway gives up
    the second one before it would come to that again."""
    closed = threading.Event()

    def tire(s):
        s.hang(0.6)
        s.close()
        closed.set()

    one, up = serve([once_then(tire), once_then(lambda s: s.hang()), FINE])
    caller = one.client()
    assert_fine(caller.post("/score"))
    assert closed.wait(10)
    assert_fine(caller.post("/score"))
    until(up.sessions[1].gone.is_set, "the gateway's own close", 10)
    assert_fine(caller.post("/score"))
    assert [r.connection for r in up.requests] == [0, 1, 2]


def test_no_post_is_acted_on_twice(serve):
    """An upstream that closes without a word after every third answer, at the worst of times, under
    several callers: each POST is acted on once or, told as 502, at most once."""
    def script(s):
        for _ in range(3):
            s.rxreq()
            s.txresp(200, body=b"fine")
        s.close()

    one, up = serve(script)
    statuses, lock = {}, threading.Lock()

    def call(number):
        caller = one.client()
        for i in range(40):
            body = b"%d.%d" % (number, i)
            reply = caller.post("/score", body=body)
            with lock:
                statuses[body] = reply.status

    threads = [threading.Thread(target=call, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    acted = [r.body for r in up.requests]
    assert len(statuses) == 160 and set(statuses.values()) <= {200, 502}
    assert len(acted) == len(set(acted)), "a POST was acted on twice"
    assert {body for body, status in statuses.items() if status == 200} <= set(acted)
    assert list(statuses.values()).count(200) > 100
