# SPDX-License-Identifier: MIT
"""Bodies on their way, in both directions: as they come, bounded in memory, byte for byte, and what
becomes of them when somebody leaves early."""

import hashlib
import os
import random
import signal
import threading
import time

import pytest

from lib.message import LAST_CHUNK, Closed, chunk
from lib.problem import assert_problem
from lib.upstream import Response
from lib.upstream import serve as answers
from lib.wait import until

MIB = 1 << 20
LARGE = 64 * MIB
# What the kernel's buffers may take on the way, and what the gateway may grow by meanwhile.
IN_KERNEL = 40 * MIB
GROWTH = 8 * MIB
FINE = answers(lambda request: Response(200, (), b"fine"))
ECHO = answers(lambda request: Response(200, (("Content-Type", "application/octet-stream"),),
                                        request.body))
CHUNKED = (("Transfer-Encoding", "chunked"),)


def assert_fine(caller):
    reply = caller.post("/score")
    assert (reply.status, reply.body) == (200, b"fine")


def pattern(seed):
    """1 MiB that is not the same for two seeds."""
    return random.Random(seed).randbytes(MIB)


def body_reader(caller, reply):
    """A function that returns the next bytes of the body, b"" at its end, whatever the framing."""
    if "transfer-encoding" in reply.headers:
        def read():
            data = caller.reader.chunk()
            if not data:
                caller.reader.trailers()
            return data
        return read
    left = [int(reply.headers.get("content-length", 1 << 62))]

    def read():
        if not left[0]:
            return b""
        data = caller.reader.some(min(left[0], 65536))
        left[0] -= len(data)
        return data
    return read


def chunked(body, size):
    return b"".join(chunk(body[i:i + size]) for i in range(0, len(body), size)) + LAST_CHUNK


def stalled(counter, seconds=0.5):
    """A condition: COUNTER() has not moved for SECONDS."""
    seen = [counter(), time.monotonic()]

    def condition():
        now = counter()
        if now != seen[0]:
            seen[:] = [now, time.monotonic()]
        return time.monotonic() - seen[1] > seconds
    return condition


# As it comes

@pytest.mark.parametrize("framing", ["chunked", "length", "until-close"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_events_arrive_one_by_one(serve, framing, version):
    """The upstream sends the next event only when the caller has had the last one."""
    events = [b"data: event %d\n\n" % i for i in range(6)]
    had = [threading.Event() for _ in range(len(events) + 1)]  # the head, then each event

    def script(s):
        s.rxreq()
        fields = b"Content-Type: text/event-stream\r\n"
        if framing == "chunked":
            fields += b"Transfer-Encoding: chunked\r\n"
        elif framing == "length":
            fields += b"Content-Length: %d\r\n" % (sum(map(len, events)) + 100_000)
        s.tx(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n")
        for event, before in zip(events, had):
            assert before.wait(10), "the caller has not had what was sent before"
            s.tx(chunk(event) if framing == "chunked" else event)
        assert had[-1].wait(10)
        s.tx(LAST_CHUNK if framing == "chunked" else b"x" * 100_000 if framing == "length" else b"")

    one, _ = serve(script)
    caller = one.client()
    caller.send_request("POST", "/score", headers={"Accept": "text/event-stream"}, body=b"{}",
                        version=version)
    reply = caller.read_head()
    assert reply.headers["content-type"] == "text/event-stream"
    had[0].set()
    read = body_reader(caller, reply)
    for event, after in zip(events, had[1:]):
        got = b""
        while len(got) < len(event):
            got += read()
        assert got == event
        after.set()
    if framing == "chunked" and version == "HTTP/1.1":
        assert read() == b""


def test_an_upload_arrives_piece_by_piece(serve):
    """The caller sends the next piece only when the upstream has had the last one."""
    pieces = [b"piece %d" % i for i in range(6)]
    had = [threading.Event() for _ in pieces]

    def script(s):
        request = s.rxhead()
        assert request.headers.get("transfer-encoding") == "chunked"
        for piece, event in zip(pieces, had):
            got = b""
            while len(got) < len(piece):
                got += s.reader.chunk()
            assert got == piece
            event.set()
        assert s.reader.chunk() == b""
        s.reader.trailers()
        s.txresp(200, body=b"fine")

    one, _ = serve(script)
    caller = one.client()
    caller.send_request("POST", "/score", headers=CHUNKED)
    for piece, event in zip(pieces, had):
        caller.send(chunk(piece))
        assert event.wait(10), "the upstream has not had it"
    caller.send(LAST_CHUNK)
    assert caller.read_answer().body == b"fine"


def test_an_upload_with_a_length_does_not_wait_for_its_end(serve):
    had = threading.Event()

    def script(s):
        s.rxhead()
        s.rx(300_000)
        had.set()
        s.rx(300_000)
        s.txresp(200, body=b"fine")

    one, _ = serve(script)
    caller = one.client()
    caller.send_request("POST", "/score", headers={"Content-Length": "600000"})
    caller.send(b"x" * 300_000)
    assert had.wait(10), "the upstream has not had the first half"
    caller.send(b"x" * 300_000)
    assert caller.read_answer().body == b"fine"


# Back-pressure

@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_download_to_a_slow_reader(serve, framing):
    sent, piece = [0], pattern(1)

    def script(s):
        s.rxreq()
        last = LAST_CHUNK if framing == "chunked" else b""
        fields = (b"Transfer-Encoding: chunked" if framing == "chunked"
                  else b"Content-Length: %d" % LARGE)
        s.tx(b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n\r\n")
        for _ in range(LARGE // MIB):
            s.tx(chunk(piece) if framing == "chunked" else piece)
            sent[0] += MIB
        s.tx(last)

    one, _ = serve(script)
    caller = one.client(receive_buffer=65536)
    before = one.rss()
    caller.send_request("POST", "/score", body=b"{}")
    reply = caller.read_head()
    until(stalled(lambda: sent[0]), "the standstill of the upstream")
    assert sent[0] < IN_KERNEL, "the gateway reads what its caller does not take"
    assert one.rss() - before < GROWTH
    read, digest, length, largest = body_reader(caller, reply), hashlib.sha256(), 0, 0
    while data := read():
        digest.update(data)
        length += len(data)
        if length % (4 * MIB) < len(data):
            largest = max(largest, one.rss())
    assert length == LARGE
    assert digest.digest() == hashlib.sha256(piece * (LARGE // MIB)).digest()
    assert largest - before < GROWTH


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_upload_to_a_slow_upstream(serve, framing):
    sent, piece = [0], pattern(2)
    go, begun = threading.Event(), threading.Event()
    digests = []

    def script(s):
        request = s.rxhead()
        begun.set()
        assert go.wait(60)
        digests.append(hashlib.sha256(s.rxbody(request).body).digest())
        s.txresp(200, body=b"fine")

    one, _ = serve(script, upstream_options={"receive_buffer": 65536})
    caller = one.client(timeout=60)
    before = one.rss()

    def upload():
        fields = CHUNKED if framing == "chunked" else {"Content-Length": str(LARGE)}
        caller.send_request("POST", "/score", headers=fields)
        for _ in range(LARGE // MIB):
            caller.send(chunk(piece) if framing == "chunked" else piece)
            sent[0] += MIB
        if framing == "chunked":
            caller.send(LAST_CHUNK)

    sender = threading.Thread(target=upload)
    sender.start()
    assert begun.wait(10)
    until(stalled(lambda: sent[0]), "the standstill of the caller")
    assert sent[0] < IN_KERNEL, "the gateway reads what the upstream does not take"
    assert one.rss() - before < GROWTH
    go.set()
    sender.join(60)
    assert caller.read_answer().body == b"fine"
    assert digests == [hashlib.sha256(piece * (LARGE // MIB)).digest()]
    assert one.rss() - before < GROWTH


def test_a_slow_reader_holds_up_nobody_else(serve):
    def script(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        for _ in range(LARGE // MIB):
            s.tx(bytes(MIB))

    one, _ = serve([script, FINE])
    slow = one.client(receive_buffer=65536)
    slow.send_request("POST", "/score", body=b"{}")
    assert slow.read_head().status == 200
    for _ in range(20):
        assert_fine(one.client())


# Answers before the request is complete

@pytest.mark.parametrize("status", [400, 401, 413, 429, 503])
@pytest.mark.parametrize("end", ["close", "hang"])
def test_early_answer_to_a_caller_who_has_paused(serve, status, end):
    """A part of the body is sent, and no more until the answer is there."""
    def script(s):
        s.rxhead()
        s.rx(100_000)
        s.txresp(status, (("X-Early", "yes"),), b"enough")
        getattr(s, end)()

    one, up = serve([script, FINE])
    caller = one.client()
    caller.send_request("POST", "/score", headers={"Content-Length": str(8 * MIB)})
    caller.send(b"x" * 200_000)
    reply = caller.read_answer()
    assert (reply.status, reply.body, reply.headers["x-early"]) == (status, b"enough", "yes")
    until(up.sessions[0].gone.is_set, "the end of a connection with half a request on it")
    assert_fine(one.client())


def test_early_answer_to_a_caller_who_sends_without_end(serve):
    """It need not be heard out: it has its answer, and at last its connection ends."""
    def script(s):
        s.rxhead()
        s.rx(10_000)
        s.txresp(413, (("Connection", "close"),), b"enough")
        s.close()

    one, _ = serve([script, FINE])
    caller = one.client()
    caller.send_request("POST", "/score", headers=CHUNKED)
    stop = threading.Event()

    def upload():
        try:
            while not stop.is_set():
                caller.send(chunk(bytes(10_000)))
        except OSError:
            pass

    sender = threading.Thread(target=upload)
    sender.start()
    reply = caller.read_answer()
    assert (reply.status, reply.body) == (413, b"enough")
    assert reply.will_close
    stop.set()
    sender.join(10)
    caller.half_close()
    assert caller.closed()
    assert_fine(one.client())


def test_early_answer_keeps_the_caller_if_little_is_left(serve):
    def script(s):
        s.rxhead()
        s.rx(1000)
        s.txresp(413, (("Connection", "close"),), b"enough")
        s.close()

    one, _ = serve([script, FINE])
    caller = one.client()
    reply = caller.post("/score", body=b"x" * 100_000)
    assert (reply.status, reply.body) == (413, b"enough")
    if reply.will_close:
        assert caller.closed()
    else:
        assert_fine(caller)


def test_early_success_lets_the_upload_go_on(serve):
    def script(s):
        request = s.rxhead()
        s.rx(1000)
        s.tx(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        rest = int(request.headers["content-length"]) - 1000
        s.rx(rest)
        whole.set()
        s.tx(b"fine")
        FINE(s)

    whole = threading.Event()
    one, _ = serve(script)
    caller = one.client()
    reply = caller.post("/score", body=b"x" * (4 * MIB))
    assert (reply.status, reply.body) == (200, b"fine")
    assert whole.is_set()
    assert_fine(caller)


# The caller vanishes

def leave(caller, how):
    if how == "rst":
        caller.rst()
    else:
        caller.close()


def assert_over(one, up):
    """The exchange upstream is ended soon, long before any time-out, and the gateway is well."""
    until(up.sessions[0].gone.is_set, "the end of the exchange upstream", 5)
    until(lambda: one.ended(reason="caller_gone") == 1,
          "the log of it", 5)
    assert_fine(one.client())


@pytest.mark.parametrize("how", ["close", "rst"])
@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_caller_leaves_within_the_upload(serve, framing, how):
    one, up = serve([FINE, FINE])
    caller = one.client()
    fields = CHUNKED if framing == "chunked" else {"Content-Length": str(4 * MIB)}
    caller.send_request("POST", "/score", headers=fields)
    caller.send(chunk(bytes(MIB)) if framing == "chunked" else bytes(MIB))
    until(lambda: up.heads, "the head upstream")
    leave(caller, how)
    until(up.sessions[0].over.is_set, "the end of the exchange upstream", 5)
    assert up.requests == [], "an upload that broke off was completed"
    assert_over(one, up)


@pytest.mark.parametrize("how", ["close", "rst"])
def test_caller_leaves_while_it_waits(serve, how):
    one, up = serve([lambda s: (s.rxreq(), s.hang()), FINE])
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    up.wait_requests(1)
    leave(caller, how)
    assert_over(one, up)


@pytest.mark.parametrize("how", ["close", "rst"])
@pytest.mark.parametrize("busy", [True, False], ids=["busy", "quiet"])
def test_caller_leaves_within_the_download(serve, busy, how):
    """Whether the upstream goes on sending or has fallen silent."""
    def script(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"first"))
        while busy:
            s.tx(chunk(bytes(10_000)))
        s.hang()

    one, up = serve([script, FINE])
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    caller.read_head()
    assert caller.reader.chunk()
    leave(caller, how)
    assert_over(one, up)


def test_caller_leaves_while_the_connection_is_made(gateway, upstream):
    up = upstream(lambda s: s.hang(), raw=True)
    one = gateway([{"path": "/score", "scoring_uri": up.url()}])
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    up.wait_session()
    caller.close()
    until(lambda: one.ended(reason="caller_gone") == 1, "the log of it", 5)


def test_many_callers_leave(serve):
    """Nothing is left behind: no connection, no request in flight."""
    one, up = serve([lambda s: (s.rxreq(), s.hang())] * 30 + [FINE])
    callers = [one.client() for _ in range(30)]
    for caller in callers:
        caller.send_request("POST", "/score", body=b"{}")
    up.wait_requests(30)
    for caller in callers:
        caller.close()
    until(lambda: all(s.gone.is_set() for s in up.sessions[:30]), "the end of all exchanges", 5)
    until(lambda: one.ended(reason="caller_gone") == 30, "the end of all requests", 5)
    assert_fine(one.client())


# Messages

def test_keep_alive(serve):
    one, _ = serve(ECHO)
    caller = one.client()
    for i in range(30):
        if i % 3 == 0:
            reply = caller.request("POST", "/score", CHUNKED, chunked(b"number %d" % i, 4))
        elif i % 3 == 1:
            reply = caller.post("/score", body=b"number %d" % i)
        else:
            reply = caller.get("/score")
        assert reply.status == 200 and not reply.will_close
        assert reply.body == (b"" if i % 3 == 2 else b"number %d" % i)


def test_pipelined_requests_are_answered_in_order(serve):
    one, _ = serve(ECHO)
    caller = one.client()
    caller.send(b"".join(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n%02d" % i
                         for i in range(10)))
    assert [caller.read_answer().body for _ in range(10)] == [b"%02d" % i for i in range(10)]


def test_head(serve):
    def script(s):
        for _ in range(3):
            request = s.rxreq()
            if request.method == "HEAD":
                s.tx(b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nX-A: b\r\n\r\n")
            else:
                s.txresp(200, body=b"fine")

    one, up = serve(script)
    caller = one.client()
    reply = caller.request("HEAD", "/score")
    assert (reply.status, reply.body, reply.headers["x-a"]) == (200, b"", "b")
    assert reply.headers["content-length"] == "12345"
    assert_fine(caller)
    assert caller.request("HEAD", "/score").headers["content-length"] == "12345"
    assert [(r.method, r.connection) for r in up.requests] == [("HEAD", 0), ("POST", 0), ("HEAD", 0)]


@pytest.mark.parametrize("framing", [b"Transfer-Encoding: chunked\r\n", b""],
                         ids=["chunked", "until-close"])
def test_head_of_an_answer_without_a_length(serve, framing):
    """Nothing follows the head that could be taken for the next answer; the connection ends."""
    def script(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\nX-A: b\r\n" + framing + b"\r\n")
        if framing:
            FINE(s)

    one, _ = serve([script, FINE])
    caller = one.client()
    reply = caller.request("HEAD", "/score")
    assert (reply.status, reply.headers["x-a"]) == (200, "b")
    assert not {"content-length", "transfer-encoding"} & {n.lower() for n, _ in reply.headers}
    assert reply.will_close
    with pytest.raises(Closed) as ended:
        caller.read_answer()
    assert ended.value.partial == b""
    assert_fine(one.client())


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_every_size_both_ways(serve, framing):
    sizes = [0, 1, 2, 4095, 4096, 16383, 16384, 16385, 32767, 32768, 32769, 65535, 65536, 65537,
             262_143, 262_145, MIB - 1, MIB, MIB + 1, 5 * MIB + 7]

    def script(s):
        while True:
            body = s.rxreq().body
            if framing == "chunked":
                s.tx(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(body, 10_007))
            else:
                s.txresp(200, body=body)

    one, up = serve(script)
    caller = one.client()
    for size in sizes:
        body = random.Random(size).randbytes(size)
        if framing == "chunked":
            reply = caller.request("POST", "/score", CHUNKED, chunked(body, 9_973))
        else:
            reply = caller.post("/score", body=body)
        assert reply.status == 200
        assert reply.body == body, f"{size} bytes were altered"
        assert up.requests[-1].body == body
    assert len(up.sessions) == 1


def test_many_callers_are_not_mixed_up(serve):
    one, _ = serve(ECHO, top={"workers": 2})
    wrong = []

    def call(number):
        caller = one.client()
        for i in range(15):
            body = b"%d/%d:" % (number, i) + bytes([number]) * (number * 997 + i)
            if caller.post("/score", body=body).body != body:
                wrong.append((number, i))

    threads = [threading.Thread(target=call, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert wrong == []


@pytest.mark.parametrize("data", [
    b"5;name=value\r\nhello\r\n0\r\n\r\n", b"00005\r\nhello\r\n000\r\n\r\n",
    b"1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
    b"5\r\nhello\r\n0\r\nX-Trailer: yes\r\nX-Other: 1\r\n\r\n"],
    ids=["extension", "zeros", "single-bytes", "trailers"])
def test_chunks_of_every_kind(serve, data):
    def script(s):
        request = s.rxreq()
        bodies.append(request.body)
        s.tx(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + data)
        FINE(s)

    bodies = []
    one, _ = serve(script)
    caller = one.client()
    reply = caller.request("POST", "/score", CHUNKED, data)
    assert (reply.status, reply.body) == (200, b"hello")
    assert bodies == [b"hello"]
    assert_fine(caller)


def test_trailers_become_no_fields(serve):
    """Not of the request, and not of the answer."""
    def script(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n"
             b"Set-Cookie: a=b\r\nAccess-Control-Allow-Origin: *\r\n\r\n")
        FINE(s)

    one, up = serve(script)
    caller = one.client()
    reply = caller.request("POST", "/score", CHUNKED,
                           b"5\r\nhello\r\n0\r\nAuthorization: evil\r\nHost: evil\r\n"
                           b"Content-Length: 3\r\n\r\n")
    assert reply.body == b"hello"
    for name in ("set-cookie", "access-control-allow-origin"):
        assert name not in reply.headers and name not in reply.trailers
    request = up.requests[0]
    assert request.body == b"hello"
    assert "evil" not in str(request.headers) + str(request.trailers)
    assert_fine(caller)


def test_chunked_answer_to_an_http_1_0_caller(serve):
    body = os.urandom(100_000)
    one, _ = serve(lambda s: (s.rxreq(), s.tx(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                              + chunked(body, 7777)), FINE(s)))
    caller = one.client()
    reply = caller.post("/score", body=b"{}", version="HTTP/1.0", host=None)
    assert (reply.status, reply.body) == (200, body)
    assert "transfer-encoding" not in reply.headers
    assert reply.ended == "close" or caller.closed()


@pytest.mark.parametrize("framing", ["chunked", "length"])
def test_expect_100_continue(serve, framing):
    one, up = serve(ECHO)
    caller = one.client()
    fields = CHUNKED if framing == "chunked" else (("Content-Length", "5"),)
    caller.send_request("POST", "/score", headers=(*fields, ("Expect", "100-continue")))
    assert caller.read_interim().status == 100
    caller.send(chunk(b"hello") + LAST_CHUNK if framing == "chunked" else b"hello")
    reply = caller.read_answer()
    assert (reply.status, reply.body, reply.interim) == (200, b"hello", [])
    assert "expect" not in up.requests[0].headers
    assert caller.get("/score").status == 200


def test_expect_100_continue_without_waiting(serve):
    one, _ = serve(ECHO)
    caller = one.client()
    reply = caller.post("/score", body=b"hello", headers={"Expect": "100-continue"})
    assert (reply.status, reply.body) == (200, b"hello")
    assert [i.status for i in reply.interim] in ([], [100])
    assert caller.get("/score").status == 200


# Time

def test_caller_stops_within_the_upload(serve):
    one, up = serve([FINE, FINE], idle_timeout_ms=400, top={
        "limits": {"client_idle_timeout_ms": 400}})
    caller = one.client()
    caller.send_request("POST", "/score", headers={"Content-Length": "1000"})
    caller.send(b"half")
    try:
        assert_problem(caller.read_answer(), "caller_timeout")
    except Closed:
        pass  # as good
    until(lambda: not up.sessions or up.sessions[0].gone.is_set(), "the end upstream")
    assert up.requests == []
    assert_fine(one.client())


def test_a_stop_lets_the_answer_end(serve):
    """SIGTERM in the middle of a download: the caller gets all of it, then the program ends well."""
    had = threading.Event()

    def script(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"first"))
        assert had.wait(10)
        s.tx(chunk(b"last") + LAST_CHUNK)

    one, _ = serve(script, top={"drain_timeout_ms": 10_000})
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    reply = caller.read_head()
    assert caller.reader.chunk() == b"first"
    one.send_signal(signal.SIGTERM)
    until(lambda: " stopping" in one.log(), "the beginning of the end")
    had.set()
    assert caller.read_body(reply).body == b"last"
    assert one.wait() == 0
