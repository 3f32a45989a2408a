# SPDX-License-Identifier: MIT
"""What an upstream can do wrong (or merely unusual), and what the caller sees of it. U1 to U34 are the
rows of the fault matrix (U5 is in test_connections.py, U27 to U31 in test_answers.py, U33 in
test_streaming.py); each fault strikes on the first connection, and unless said otherwise the
same caller must be served well right after it."""

import gzip
import os
import socket
import threading

import pytest

from lib.config import key_auth
from lib.egress import EgressProxy
from lib.gateway import private_etc_works
from lib.message import LAST_CHUNK, Closed, chunk
from lib.problem import assert_problem
from lib.upstream import BlackHole, Response, ScriptedUpstream, closed_port, response_bytes
from lib.upstream import serve as answers
from lib.wait import until

KEY = "CANARY-primary-key-5kd8Zq"
FINE = answers(lambda request: Response(200, (("Content-Type", "text/plain"),), b"fine"))
SHORT = {"response_timeout_ms": 400, "idle_timeout_ms": 400}
needs_etc = pytest.mark.skipif(not private_etc_works(), reason="no user and mount namespaces here")


def answer(data, end="hang"):
    """A script: one whole request, then DATA as the answer, then END."""
    def script(s):
        s.rxreq()
        s.tx(data)
        getattr(s, end)()
    return script


def head(*lines):
    return b"".join(line + b"\r\n" for line in lines) + b"\r\n"


def assert_fine(caller):
    reply = caller.post("/score")
    assert (reply.status, reply.body) == (200, b"fine")


def assert_cut(caller, first=b""):
    """The head passed; the body broke off behind FIRST, and the caller can tell."""
    reply = caller.read_head()
    assert reply.status == 200
    with pytest.raises(Closed) as cut:
        caller.read_body(reply)
    assert cut.value.partial.startswith(first)


def assert_cut_or_problem(caller, *reasons):
    """The fault came so early that the head may or may not have passed; a good end it has not."""
    try:
        reply = caller.read_head()
        caller.read_body(reply)
    except Closed:
        return
    assert_problem(reply, *reasons)


@pytest.fixture
def faulty(serve):
    """faulty(script, route keys…) -> (gateway, upstream): SCRIPT on the first connection, then FINE."""
    def make(script, **route):
        return serve([script, FINE], auth=key_auth(KEY), **route)
    return make


def expect_problem(gateway, up, reason):
    """One POST meets the fault; it is told so, it was sent once, its connection is given up."""
    caller = gateway.client()
    assert_problem(caller.post("/score"), reason)
    assert len(up.requests) == 1
    until(up.sessions[0].gone.is_set, "the end of the faulty connection")
    assert_fine(caller)
    assert len(up.sessions) == 2
    until(lambda: gateway.ended(reason=reason) == 1, "the log of it")


# No connection

def test_u1_connection_refused(gateway):
    with closed_port() as port:
        one = gateway([{"path": "/score", "auth": key_auth(KEY),
                        "scoring_uri": f"https://127.0.0.1:{port.getsockname()[1]}/score"}])
        caller = one.client()
        assert_problem(caller.post("/score"), "connection_refused")
        assert_problem(caller.post("/score"), "connection_refused")


@needs_etc
def test_u1_next_address_of_the_name_is_tried(gateway, upstream):
    up = upstream(FINE, host="127.0.0.3")
    hosts = "127.0.0.2 score.test\n127.0.0.3 score.test\n"
    one = gateway([{"path": "/score", "scoring_uri": up.url(host="score.test")}],
                  etc={"hosts": hosts, "nsswitch.conf": "hosts: files\n", "host.conf": "multi on\n"})
    assert_fine(one.client())


def test_u2_connect_timeout(gateway):
    hole = BlackHole()
    one = gateway([{"path": "/score", "connect_timeout_ms": 300, "auth": key_auth(KEY),
                    "scoring_uri": f"https://127.0.0.1:{hole.port}/score"}])
    assert_problem(one.client().post("/score"), "connect_timeout")
    hole.close()


@needs_etc
def test_u3_unknown_name(gateway):
    one = gateway([{"path": "/score", "scoring_uri": "https://nowhere.test/score",
                    "auth": key_auth(KEY)}], hosts={"localhost": "127.0.0.1"})
    caller = one.client()
    assert_problem(caller.post("/score"), "dns_error")
    assert_problem(caller.post("/score"), "dns_error")


@needs_etc
def test_u3_silent_name_server_holds_up_nobody_else(gateway, upstream):
    up = upstream(FINE)
    names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    names.settimeout(10)
    try:
        names.bind(("127.0.0.77", 53))
    except OSError as error:
        pytest.skip(f"no name server can be had: {error}")
    one = gateway([{"path": "/score", "scoring_uri": up.url()},
                   {"path": "/slow", "scoring_uri": "https://slow.test/score",
                    "connect_timeout_ms": 2500}],
                  etc={"nsswitch.conf": "hosts: files dns\n",
                       "resolv.conf": "nameserver 127.0.0.77\n"})
    slow, quick = one.client(), one.client()
    slow.send_request("POST", "/slow", body=b"{}")
    names.recv(512)
    assert_fine(quick)
    assert slow.silent(0.01)
    slow.socket.settimeout(10)
    assert_problem(slow.read_answer(), "connect_timeout")
    names.close()


# No answer

@pytest.mark.parametrize("end", ["close", "fin", "rst"])
def test_u4_ends_a_new_connection_without_a_byte(faulty, end):
    expect_problem(*faulty(answer(b"", end)), "connection_closed")


@pytest.mark.parametrize("end", ["close", "fin", "rst"])
def test_u4_ends_a_new_connection_without_reading(faulty, end):
    """Nothing of the answer, and nothing of the request read either: it may look like a connection
    that was never made. It is told, not tried for ever."""
    one, up = faulty(lambda s: getattr(s, end)())
    caller = one.client()
    reply = caller.post("/score")
    if reply.status == 200:  # sending it again is right too, if nothing had been sent yet
        assert len(up.requests) == 1
    else:
        assert_problem(reply, "connection_closed", "connection_failed")
    assert_fine(caller)


@pytest.mark.parametrize("end", ["close", "fin", "rst"])
@pytest.mark.parametrize("part", [b"H", b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\nContent-Le",
                                  b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"],
                         ids=["one-byte", "status-line", "field-name", "empty-line"])
def test_u6_ends_within_the_head(faulty, part, end):
    def script(s):
        s.rxreq()
        s.tx(part)
        getattr(s, end)()
    one, up = faulty(script)
    caller = one.client()
    # A reset may overtake the bytes before it; then it looks as if nothing had been answered.
    reasons = ("answer_incomplete", "connection_closed") if end == "rst" else ("answer_incomplete",)
    assert_problem(caller.post("/score"), *reasons)
    assert len(up.requests) == 1
    assert_fine(caller)


@pytest.mark.parametrize("end", ["close", "fin", "rst"])
def test_u7_ends_within_the_body(faulty, end):
    had = threading.Event()

    def script(s):
        s.rxreq()
        s.tx(head(b"HTTP/1.1 200 OK", b"Content-Length: 100000") + b"first")
        assert had.wait(10)
        getattr(s, end)()

    one, _ = faulty(script)
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    reply = caller.read_head()
    assert caller.reader.exactly(5) == b"first"
    had.set()
    with pytest.raises(Closed):
        caller.read_body(reply)
    until(lambda: one.ended(reason="answer_cut") == 1, "the log of it")
    assert_fine(one.client())


@pytest.mark.parametrize("end", ["close", "fin", "rst"])
def test_u8_ends_within_a_body_that_may_still_be_here(faulty, end):
    one, _ = faulty(answer(head(b"HTTP/1.1 200 OK", b"Content-Length: 10") + b"first", end))
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    assert_cut_or_problem(caller, "answer_incomplete", "connection_closed")
    assert_fine(one.client())


@pytest.mark.parametrize("part", [b"", b"HTTP/1.1 200 OK\r\nContent-", b"HTTP/1.1 100 Continue\r\n\r\n"],
                         ids=["no-byte", "within-the-head", "after-an-interim"])
def test_u9_never_answers(faulty, part):
    expect_problem(*faulty(answer(part), **SHORT), "response_timeout")


def test_u9_total_timeout(faulty):
    expect_problem(*faulty(answer(b""), total_timeout_ms=400), "total_timeout")


def test_u10_hangs_within_the_body(faulty):
    one, up = faulty(answer(head(b"HTTP/1.1 200 OK", b"Content-Length: 100000") + b"first"), **SHORT)
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    assert_cut(caller, b"first")
    until(up.sessions[0].gone.is_set, "the end of the connection upstream")
    until(lambda: one.ended(reason="idle_timeout") == 1, "the log of it")
    assert_fine(one.client())


def test_u11_drips_within_the_deadlines(faulty):
    body = bytes(range(33, 73))
    data = response_bytes(200, (("X-Slow", "yes"),), body)
    one, _ = faulty(lambda s: (s.rxreq(), s.drip(data, 0.01), FINE(s)), idle_timeout_ms=5000)
    reply = one.client().post("/score")
    assert (reply.status, reply.body, reply.headers["x-slow"]) == (200, body, "yes")


def test_u11_drips_past_the_total_deadline(faulty):
    def script(s):
        s.rxreq()
        s.tx(head(b"HTTP/1.1 200 OK", b"Content-Length: 100000"))
        s.drip(b"x" * 100000)

    one, up = faulty(script, total_timeout_ms=600)
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    assert_cut(caller, b"x")
    until(up.sessions[0].gone.is_set, "the end of the connection upstream")


def test_u11_drips_a_head_past_the_response_deadline(faulty):
    """A byte now and then does not hold the head open for ever."""
    one, up = faulty(lambda s: (s.rxreq(), s.drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2000)),
                     response_timeout_ms=600, total_timeout_ms=3000)
    assert_problem(one.client().post("/score"), "response_timeout", "total_timeout")
    until(up.sessions[0].gone.is_set, "the end of the connection upstream")


# Framing

def test_u12_extra_bytes_behind_the_answer(faulty):
    evil = response_bytes(200, (), b"evil!")
    one, up = faulty(answer(response_bytes(200, (), b"hello") + evil))
    caller = one.client()
    assert caller.post("/score").body == b"hello"
    assert_fine(caller)
    assert [r.connection for r in up.requests] == [0, 1]


def test_u12_an_answer_that_nobody_asked_for(faulty):
    had, sent = threading.Event(), threading.Event()

    def script(s):
        s.rxreq()
        s.txresp(200, body=b"hello")
        assert had.wait(10)
        s.txresp(200, body=b"evil!")
        sent.set()
        s.hang()

    one, up = faulty(script)
    caller = one.client()
    assert caller.post("/score").body == b"hello"
    had.set()
    assert sent.wait(10)
    until(up.sessions[0].gone.is_set, "the end of a connection that cannot be trusted")
    assert_fine(caller)
    assert [r.connection for r in up.requests] == [0, 1]


@pytest.mark.parametrize("lengths", [
    [b"-5"], [b"5x"], [b"+5"], [b"0x5"], [b"5 5"], [b"99999999999999999999"],
    [b"18446744073709551616"], [b"5", b"6"], [b"5, 6"]],
    ids=["negative", "5x", "plus", "hex", "two-words", "1e20", "2^64", "two", "list-of-two"])
def test_u13_content_length(faulty, lengths):
    fields = [b"Content-Length: " + n for n in lengths]
    expect_problem(*faulty(answer(head(b"HTTP/1.1 200 OK", *fields) + b"hello")), "malformed_answer")


@pytest.mark.parametrize("fields", [
    [b"Content-Length: 5", b"Transfer-Encoding: chunked"],
    [b"Transfer-Encoding: chunked", b"Content-Length: 5"],
    [b"Transfer-Encoding: xchunked"],
    [b"Transfer-Encoding: identity"],
    [b"Transfer-Encoding: gzip, chunked"],
    [b"Transfer-Encoding: chunked, gzip"],
    [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"]],
    ids=["u14-length-first", "u14-length-last", "u15-xchunked", "u15-identity", "u15-gzip-chunked",
         "u15-chunked-gzip", "u15-chunked-twice"])
def test_u14_u15_transfer_encoding(faulty, fields):
    data = head(b"HTTP/1.1 200 OK", *fields) + chunk(b"hello") + LAST_CHUNK
    expect_problem(*faulty(answer(data)), "malformed_answer")


BAD_CHUNKS = {
    "letters": b"zz\r\nhello\r\n", "hex-prefix": b"0x5\r\nhello\r\n", "plus": b"+5\r\nhello\r\n",
    "minus": b"-5\r\nhello\r\n", "empty": b"\r\nhello\r\n", "overflow": b"f" * 17 + b"\r\nhello\r\n",
    "no-crlf": b"5\r\nhello0\r\n\r\n", "too-long": b"4\r\nhello\r\n",
}


@pytest.mark.parametrize("bad", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_u16_bad_chunk(faulty, bad):
    one, up = faulty(answer(head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked") + bad))
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    assert_cut_or_problem(caller, "malformed_answer")
    until(up.sessions[0].gone.is_set, "the end of the faulty connection")
    assert_fine(one.client())


@pytest.mark.parametrize("bad", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_u16_bad_chunk_behind_a_good_one(faulty, bad):
    had = threading.Event()

    def script(s):
        s.rxreq()
        s.tx(head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked") + chunk(b"first"))
        assert had.wait(10)
        s.tx(bad)
        s.hang()

    one, up = faulty(script)
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    reply = caller.read_head()
    assert caller.reader.chunk() == b"first"
    had.set()
    with pytest.raises(Closed):
        caller.read_body(reply)
    until(up.sessions[0].gone.is_set, "the end of the faulty connection")
    assert_fine(one.client())


@pytest.mark.parametrize("end", ["close", "fin", "rst"])
@pytest.mark.parametrize("part", [b"", b"5\r\nhel", b"5\r\nhello\r\n", b"5\r\nhello\r\n0\r\n"],
                         ids=["nothing", "within-a-chunk", "no-last-chunk", "no-empty-line"])
def test_u17_chunked_body_cut(faulty, part, end):
    had = threading.Event()

    def script(s):
        s.rxreq()
        s.tx(head(b"HTTP/1.1 200 OK", b"Transfer-Encoding: chunked") + chunk(b"first"))
        assert had.wait(10)
        s.tx(part)
        getattr(s, end)()

    one, _ = faulty(script)
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}")
    reply = caller.read_head()
    assert caller.reader.chunk() == b"first"
    had.set()
    with pytest.raises(Closed):
        caller.read_body(reply)
    assert_fine(one.client())


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_u18_body_that_ends_with_the_connection(faulty, version):
    body = os.urandom(100_000)
    one, up = faulty(answer(head(b"HTTP/1.1 200 OK", b"X-A: b") + body, "close"))
    reply = one.client().post("/score", version=version)
    assert (reply.status, reply.body) == (200, body)
    assert_fine(one.client())
    assert [r.connection for r in up.requests] == [0, 1]


@pytest.mark.parametrize("end", ["fin", "rst"])
@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
def test_u18_body_that_ends_without_close_notify(faulty, version, end):
    """It cannot be told from one that an attacker cut off, so the caller's connection is cut."""
    had = threading.Event()

    def script(s):
        s.rxreq()
        s.tx(head(b"HTTP/1.1 200 OK", b"X-A: b") + b"first")
        assert had.wait(10)
        getattr(s, end)()

    one, _ = faulty(script)
    caller = one.client()
    caller.send_request("POST", "/score", body=b"{}", version=version)
    reply = caller.read_head()
    if "transfer-encoding" in reply.headers:
        assert caller.reader.chunk() == b"first"
    else:
        assert caller.reader.exactly(5) == b"first"
    had.set()
    with pytest.raises(Closed):
        caller.read_body(reply)
    assert_fine(one.client())


# Heads

@pytest.mark.parametrize("data", [
    b"<html><body>it works</body></html>\r\n\r\n",
    b"\x16\x03\x01\x00\xa5\x01\x00\r\n\r\n",
    head(b"HTTP/1.1 abc OK", b"Content-Length: 0"),
    head(b"HTTP/1.1 20 OK", b"Content-Length: 0"),
    head(b"HTTP/1.1 099 Low", b"Content-Length: 0"),
    head(b"HTTP/1.1 1000 High", b"Content-Length: 0"),
    head(b"HTTP/1.1  200 OK", b"Content-Length: 0"),
    head(b"HTTP/2 200 OK", b"Content-Length: 0"),
    head(b"HTTP/2.0 200 OK", b"Content-Length: 0"),
    head(b"HTTP/1.2 200 OK", b"Content-Length: 0"),
    head(b"http/1.1 200 OK", b"Content-Length: 0"),
    head(b"ICY 200 OK", b"Content-Length: 0"),
    b"\r\n" + head(b"HTTP/1.1 200 OK", b"Content-Length: 0"),
    head(b"HTTP/1.1 600 Beyond", b"Content-Length: 0"),
    head(b"HTTP/1.1 999 Far beyond", b"Content-Length: 0"),
    head(b"HTTP/1.1 101 Switching Protocols", b"Upgrade: x", b"Connection: upgrade"),
    head(b"HTTP/1.1 200 OK", b"X-A: a\0b", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b"X-A: a\rb", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b"X-A: a", b" folded", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b"X-A: a", b"\tfolded", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b" X-A: a", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b"no colon", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b"X-A : a", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b"X A: a", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b": nameless", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b"X-\x01: a", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b"X-A: \x07bell", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 OK", b"X-A: a\rInjected: yes", b"Content-Length: 0"),
    head(b"HTTP/1.1 200 O\rInjected: yes", b"Content-Length: 0"),
], ids=["u19-html", "u19-tls", "u19-letters", "u19-two-digits", "u19-099", "u19-1000",
        "u19-two-blanks", "u19-HTTP/2", "u19-HTTP/2.0", "u19-HTTP/1.2", "u19-lower-case", "u19-icy",
        "u19-leading-crlf", "u20-600", "u20-999", "u21-101", "u24-nul", "u24-cr", "u24-fold",
        "u24-fold-tab", "u24-fold-first", "u24-no-colon", "u24-blank-before-colon",
        "u24-blank-in-name", "u24-no-name", "u24-control-in-name", "u24-control", "u25-injected",
        "u25-injected-phrase"])
def test_malformed_heads(faulty, data):
    expect_problem(*faulty(answer(data)), "malformed_answer")


@pytest.mark.parametrize("data", [b"junk that is no HTTP", b"HTTP/0.9 is not spoken\n"])
def test_u19_junk_then_close(faulty, data):
    one, _ = faulty(answer(data, "close"))
    caller = one.client()
    assert_problem(caller.post("/score"), "malformed_answer", "answer_incomplete")
    assert_fine(caller)


@pytest.mark.parametrize("fields", [[b"Content-Length: 5"],
                                    [b"Content-Length: 5", b"Connection: keep-alive"], []],
                         ids=["length", "keep-alive", "until-close"])
def test_u19_http_1_0_is_fine(faulty, fields):
    one, up = faulty(answer(head(b"HTTP/1.0 200 OK", *fields) + b"hello", "close"))
    caller = one.client()
    reply = caller.post("/score")
    assert (reply.version, reply.status, reply.body) == ("HTTP/1.1", 200, b"hello")
    # Who promises to keep a connection and closes it all the same can get a POST in between.
    until(up.sessions[0].gone.is_set, "the end of the connection")
    assert_fine(one.client())


def test_u21_interim_answers_are_swallowed(faulty):
    interim = (head(b"HTTP/1.1 100 Continue")
               + head(b"HTTP/1.1 103 Early Hints", b"Link: </a>; rel=preload")
               + head(b"HTTP/1.1 102 Processing"))
    one, up = faulty(lambda s: (s.rxreq(), s.tx(interim), s.txresp(200, (("X-Last", "1"),), b"hello"),
                                FINE(s)))
    caller = one.client()
    reply = caller.post("/score")
    assert (reply.status, reply.body, reply.interim) == (200, b"hello", [])
    assert "link" not in reply.headers and reply.headers["x-last"] == "1"
    assert_fine(caller)
    assert [r.connection for r in up.requests] == [0, 0]


def test_u21_flood_of_interim_answers(faulty):
    expect_problem(*faulty(answer(head(b"HTTP/1.1 102 Processing") * 200)), "malformed_answer")


@pytest.mark.parametrize("status", [204, 304, 205])
def test_u22_no_body_where_none_may_be(faulty, status):
    data = head(b"HTTP/1.1 %d X" % status, b"Content-Length: 5", b'ETag: "a"') + b"hello"
    one, up = faulty(answer(data))
    caller = one.client()
    reply = caller.post("/score")
    assert (reply.status, reply.headers["etag"]) == (status, '"a"')
    assert reply.body == b""
    assert_fine(caller)
    assert [r.connection for r in up.requests] == [0, 1]


@pytest.mark.parametrize("status", [204, 304])
def test_u22_no_body_leaves_the_connection_usable(faulty, status):
    one, up = faulty(lambda s: (s.rxreq(), s.tx(head(b"HTTP/1.1 %d X" % status)), FINE(s)))
    caller = one.client()
    assert caller.post("/score").status == status
    assert_fine(caller)
    assert [r.connection for r in up.requests] == [0, 0]


@pytest.mark.parametrize("body", [gzip.compress(b"x" * 5000), gzip.compress(b"x" * 5000)[:20],
                                  b"no gzip at all"], ids=["whole", "truncated", "garbage"])
def test_u23_content_encoding_is_left_alone(faulty, body):
    one, up = faulty(lambda s: (s.rxreq(), s.txresp(200, (("Content-Encoding", "gzip"),), body),
                                FINE(s)))
    caller = one.client()
    reply = caller.post("/score")
    assert (reply.body, reply.headers["content-encoding"]) == (body, "gzip")
    assert "accept-encoding" not in up.requests[0].headers
    caller.post("/score", headers={"Accept-Encoding": "br;q=1, gzip"})
    assert up.requests[1].headers["accept-encoding"] == "br;q=1, gzip"


def test_u26_a_head_of_4_kib_passes(faulty):
    one, _ = faulty(lambda s: (s.rxreq(), s.txresp(200, (("X-Large", "v" * 4096),), b"hello")))
    reply = one.client().post("/score")
    assert (reply.headers["x-large"], reply.body) == ("v" * 4096, b"hello")


@pytest.mark.parametrize("size", [8_000, 12_000, 16_000])
def test_u26_a_head_near_the_limit_passes_or_is_told(faulty, size):
    """libmicrohttpd closes without a word where its pool is too small for the head."""
    one, _ = faulty(lambda s: (s.rxreq(), s.txresp(200, (("X-Large", "v" * size),), b"hello")))
    reply = one.client().post("/score")
    if reply.status == 200:
        assert (reply.headers["x-large"], reply.body) == ("v" * size, b"hello")
    else:
        assert_problem(reply, "answer_head_too_large")


@pytest.mark.parametrize("fields", [
    [b"X-Large: " + b"v" * 102_400], [b"X-%d: v" % i for i in range(1000)],
    [b"X-%d: " % i + b"v" * 1000 for i in range(64)]], ids=["100-kib", "1000", "64-of-1-kib"])
def test_u26_a_head_too_large(faulty, fields):
    expect_problem(*faulty(answer(head(b"HTTP/1.1 200 OK", *fields, b"Content-Length: 0"))),
                   "answer_head_too_large")


def test_u26_a_head_without_end(faulty):
    def script(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\n")
        while True:
            s.tx(b"X-A: " + b"v" * 500 + b"\r\n")

    expect_problem(*faulty(script), "answer_head_too_large")


# Answers before the request is complete

@pytest.mark.parametrize("status", [401, 413])
@pytest.mark.parametrize("end", ["close", "fin", "rst"])
def test_u32_answer_while_the_request_is_still_being_sent(faulty, status, end):
    """The endpoint reads a little of 8 MiB, answers and closes; the caller is an ordinary one, which
    sends everything before it reads."""
    def script(s):
        s.rxhead()
        s.rx(10_000)
        s.txresp(status, (("Connection", "close"), ("X-Early", "yes")), b"enough")
        if end == "rst":
            s.hang(0.2)  # a reset at once would take the answer with it
        getattr(s, end)()

    one, _ = faulty(script)
    reply = one.client().post("/score", body=b"x" * (8 << 20))
    if status == 401:
        assert_problem(reply, "credential_refused")
    else:
        assert (reply.status, reply.body, reply.headers["x-early"]) == (413, b"enough", "yes")
    assert_fine(one.client())


def test_u32_without_a_credential_an_early_401_passes(serve):
    def script(s):
        s.rxhead()
        s.txresp(401, (("Connection", "close"),), b"who are you")
        s.close()

    one, _ = serve(script)
    reply = one.client().post("/score", body=b"x" * (8 << 20))
    assert (reply.status, reply.body) == (401, b"who are you")


@needs_etc
@pytest.mark.slow  # a name may be remembered for a minute
def test_u34_new_address_of_the_name_is_used(gateway, certs):
    def place(address, port=0):
        return ScriptedUpstream(FINE, tls=certs.good, host=address, port=port)

    with place("127.0.0.2") as first:
        one = gateway([{"path": "/score", "scoring_uri": first.url(host="score.test")}],
                      hosts={"score.test": "127.0.0.2"})
        assert_fine(one.client())
    with place("127.0.0.3", first.port) as second:
        one.set_etc("hosts", "127.0.0.3 score.test\n")
        caller = one.client()
        until(lambda: caller.post("/score").status == 200, "the new address", 65)
        assert len(second.requests) == 1


# The egress proxy is part of the way to the upstream.

def through_proxy(gateway, proxy, **route):
    return gateway([{"path": "/score", "scoring_uri": "https://score.test/score",
                     "auth": key_auth(KEY), **route}], proxy=f"http://127.0.0.1:{proxy.port}")


def test_proxy_carries_the_request(gateway, upstream):
    up = upstream(FINE)
    with EgressProxy({"score.test:443": ("127.0.0.1", up.port)}) as proxy:
        one = through_proxy(gateway, proxy)
        assert_fine(one.client())
        one.finish()
    assert "authorization" not in proxy.heads[0].headers
    assert KEY.encode() not in b"".join(h.head for h in proxy.heads)


@pytest.mark.parametrize("refusal", [
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n"
    b"Content-Length: 0\r\n\r\n",
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"], ids=["403", "407", "502"])
def test_proxy_refuses(gateway, refusal):
    with EgressProxy({}, refusal) as proxy:
        one = through_proxy(gateway, proxy)
        assert_problem(one.client().post("/score"), "proxy_refused")
        one.finish()


def test_proxy_is_down(gateway):
    with closed_port() as port:
        one = gateway([{"path": "/score", "scoring_uri": "https://score.test/score"}],
                      proxy=f"http://127.0.0.1:{port.getsockname()[1]}")
        assert_problem(one.client().post("/score"), "connection_refused", "proxy_refused",
                       "connection_failed")


def test_proxy_hangs(gateway, upstream):
    silent = upstream(lambda s: s.hang(), tls=None)
    one = through_proxy(gateway, silent, connect_timeout_ms=400)
    assert_problem(one.client().post("/score"), "connect_timeout")
