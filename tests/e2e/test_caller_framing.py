# SPDX-License-Identifier: MIT
"""Requests that two parsers could read in two ways, and bytes that have no place in a request: each
is refused, by an answer of one piece or by the end of the connection, before anything of it reaches
the upstream."""

import struct

import pytest
from lib.hostile import scene
from lib.message import LAST_CHUNK, chunk

# Of the answers, only those to what libmicrohttpd's own parser refuses may be without a problem document:
# values of Content-Length, chunk sizes, heads beyond its memory, HTTP versions. They say refused_somehow.


@pytest.fixture(scope="module")
def stage(tmp_path_factory, certs):
    with scene(tmp_path_factory.mktemp("framing"), certs) as one:
        yield one


def post(*lines, body=b"", target=b"/score", version=b"HTTP/1.1", host=b"Host: localhost"):
    """A POST with LINES as they stand."""
    head = [b"POST " + target + b" " + version, *([host] if host else []), *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def get(target, *lines, method=b"GET"):
    return b"\r\n".join([method + b" " + target + b" HTTP/1.1", b"Host: localhost", *lines, b"", b""])


CHUNKED = b"Transfer-Encoding: chunked"
BODY = chunk(b"hello") + LAST_CHUNK
SMUGGLED = b"GET /score?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


# Content-Length and Transfer-Encoding

@pytest.mark.parametrize("lines, body", [
    ([b"Content-Length: 5", CHUNKED], BODY),
    ([CHUNKED, b"Content-Length: 5"], BODY),
    ([CHUNKED, b"content-length: 0"], BODY + SMUGGLED),
    ([b"Content-Length: 5", b"transfer-encoding: CHUNKED"], BODY),
    ([b"Content-Length: 5", b"Content-Length: 6"], b"hello" + SMUGGLED),
    ([b"Content-Length: 5", b"Content-Length: 5"], b"hello"),
    ([b"Content-Length: 5", b"X: y", b"CONTENT-LENGTH: 5"], b"hello"),
    ([CHUNKED, CHUNKED], BODY),
    ([CHUNKED, b"Transfer-Encoding: identity"], BODY),
    ([b"Transfer-Encoding: identity", CHUNKED], BODY),
    ([b"Transfer-Encoding: gzip", CHUNKED], BODY),
], ids=["CL-TE", "TE-CL", "TE-CL0", "CL-TE-case", "CL-CL", "CL-CL-equal", "CL-X-CL", "TE-TE",
        "TE-identity", "identity-TE", "gzip-TE"])
def test_C1_C2_C3_C8_ambiguous_framing(stage, lines, body):
    answer = stage.refused(post(*lines, body=body), "ambiguous_framing")
    assert answer.status == 400


@pytest.mark.parametrize("name", [b"Content-Length ", b"Content-Length\t", b"Transfer-Encoding ",
                                  b"Content-Length\x0b", b"Transfer-Encoding\xa0"])
def test_C4_whitespace_before_the_colon(stage, name):
    value = b"5" if name.startswith(b"Content") else b"chunked"
    body = b"hello" if name.startswith(b"Content") else BODY
    assert stage.refused(post(name + b": " + value, body=body + SMUGGLED),
                         "malformed_header").status == 400


@pytest.mark.parametrize("value", [b"+2", b"-2", b"0x2", b"2 2", b"2x", b"", b"2, 2", b"2;q=1", b"two",
                                   b"1e1", b"2.0", b"\xb2", b"'2'"])
def test_C5_malformed_content_length(stage, value):
    stage.refused_somehow(post(b"Content-Length: " + value, body=b"{}" + SMUGGLED), 400)


@pytest.mark.parametrize("value", [2**64, 2**64 - 1, 2**64 - 2, 2**63, 2**63 - 1, 10 << 30,
                                   99999999999999999999999999])
def test_C6_content_length_beyond_the_limit(stage, value):
    """Answered at once: the body is not waited for."""
    stage.refused_somehow(post(b"Content-Length: %d" % value, body=b"{}"), 400, 413)


def test_C6_one_byte_beyond_the_limit_is_ours_to_say(stage):
    stage.refused(post(b"Content-Length: %d" % ((100 << 20) + 1)), "body_too_large")


@pytest.mark.parametrize("value", [b"xchunked", b"gzip, chunked", b"identity", b",chunked", b"",
                                   b"\xa0chunked", b"chunked, identity", b"chunked;q=1", b"gzip",
                                   b"chunked,", b"chunkedx", b"chunked, chunked", b"\"chunked\""])
def test_C7_unknown_transfer_coding(stage, value):
    stage.refused(post(b"Transfer-Encoding: " + value, body=BODY + SMUGGLED), "transfer_coding",
                  "ambiguous_framing", "malformed_header")


def test_C9_transfer_encoding_on_http_1_0(stage):
    stage.refused(post(CHUNKED, body=BODY, version=b"HTTP/1.0"), "ambiguous_framing")


# Chunks. The request has begun when a chunk turns out to be malformed: it must not be completed.

@pytest.mark.parametrize("body", [
    b"zz\r\nhello\r\n", b"0x5\r\nhello\r\n", b"+5\r\nhello\r\n", b"-5\r\nhello\r\n",
    b" 5\r\nhello\r\n", b"\r\nhello\r\n", b"5g\r\nhello\r\n", b"5 5\r\nhello\r\n",
    b"10000000000000005\r\nhello\r\n", b"ffffffffffffffff\r\nhello\r\n",
    b"7fffffffffffffff\r\nhello\r\n", b"100000000000000000000000000000005\r\nhello\r\n",
    b"5\r\nhelloXX0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"5\r\nhello!\r\n0\r\n\r\n",
], ids=repr)
def test_C10_C11_malformed_chunk(stage, body):
    outcome = stage.shoot(post(CHUNKED, body=body + SMUGGLED))
    assert outcome.ended and outcome.status in (None, 400, 413, 408), outcome
    assert outcome.count <= 2
    begun = stage.reached()
    assert all(not r.complete and "smuggled" not in r.target for r in begun)


def test_C10_malformed_chunk_behind_a_good_one_aborts_the_upload(stage):
    data = post(CHUNKED, body=chunk(b"x" * 70000) + b"zz\r\n")
    outcome = stage.shoot(data)
    assert outcome.ended and not outcome.accepted, outcome
    assert all(not r.complete for r in stage.reached())


@pytest.mark.parametrize("body", [
    b"5;a\rb\r\nhello\r\n0\r\n\r\n", b"5\nhello\n0\n\n", b"5;ext=1\nhello\r\n0\r\n\r\n",
    b"5;\r\nhello\r\n0\r\n\r\n", b"5 ;a\r\nhello\r\n0\r\n\r\n",
], ids=repr)
def test_C11_odd_chunk_lines_are_refused_or_framed_anew(stage, body):
    """What is accepted goes up as if it had come in good form."""
    stage.upstream.requests.clear()
    outcome = stage.shoot(post(CHUNKED, b"Connection: close", body=body))
    assert outcome.ended and outcome.status in (None, 200, 400), outcome
    with stage.upstream.lock:
        complete = list(stage.upstream.requests)
    if outcome.status == 200:
        assert [r.body for r in complete] == [b"hello"]
    else:
        assert complete == []
    stage.reached()


@pytest.mark.parametrize("size", [b"5", b"05", b"00000005", b"5;ext", b"5;a=b;c=\"d\""])
def test_good_chunk_lines(stage, size):
    outcome = stage.shoot(post(CHUNKED, body=size + b"\r\nhello\r\n0\r\n\r\n"))
    assert outcome.status == 200, outcome
    (request,) = stage.reached()
    assert request.body == b"hello"


# Header lines

@pytest.mark.parametrize("lines", [
    [b"A: v", b" uthorization: Bearer evil"], [b"A: v", b"\tuthorization: Bearer evil"],
    [b"X-Long: one", b"  two"], [b"Content-Length: 5", b" x"], [b"Content-Length:", b" 5"],
    [b"Transfer-Encoding:", b" chunked"], [b"Transfer-Encoding: x", b" chunked"],
    [b"X: y", b" "], [b"X: y", b"\t"], [b"X:", b" y"],
], ids=repr)
def test_C14_folded_line(stage, lines):
    stage.refused(post(*lines, body=b"hello"), "malformed_header", "ambiguous_framing", "transfer_coding")


def test_C14_fold_in_the_host_and_on_the_first_line(stage):
    stage.refused(post(b"Host: localhost\r\n .evil.example", host=None), "malformed_header", "bad_host",
                  "host_not_ours")
    outcome = stage.shoot(b"GET /score HTTP/1.1\r\n Host: localhost\r\n\r\n")
    assert outcome.ended and not outcome.accepted, outcome
    assert stage.reached() == []


@pytest.mark.parametrize("name", [b"a b", b"a\x01", b"a;b", b"a/b", b"a\x80", b"a\xc3\xa9", b"a(b)",
                                  b"a,b", b"a@b", b"a[b]", b"a{b}", b"a\"b", b"a\\b", b"a=b", b"a?b",
                                  b"a\x7f", b"<a>", b"a\tb", b"a "])
def test_C15_field_name_that_is_no_token(stage, name):
    stage.refused(post(name + b": x", b"Content-Length: 0"), "malformed_header")


@pytest.mark.parametrize("line", [b": x", b" : x", b":", b"nocolon", b"no colon"])
def test_C15_line_without_a_name(stage, line):
    outcome = stage.refused_somehow(post(b"A: b", line, b"Content-Length: 0"), 400)
    assert outcome.count == 1


@pytest.mark.parametrize("lines", [
    [b"X: a\x00b", b"Content-Length: 0", b"Y: z"], [b"X: a\x00", b"Y: z"], [b"X: \x00a", b"Y: z"],
    [b"X: a\x00b"], [b"X: a\x00"], [b"X: \x00"], [b"Content-Length: 0\x00"],
    [b"Transfer-Encoding: chunked\x00"], [b"X: a\x00\x00\x00"],
], ids=repr)
def test_C16_nul_in_a_value(stage, lines):
    """Also in the last one, behind which nothing comes that could show a gap."""
    outcome = stage.refused_somehow(post(*lines, body=LAST_CHUNK), 400, 501)
    assert outcome.count == 1


def test_C16_nul_in_a_name(stage):
    stage.refused_somehow(post(b"X\x00Y: a", b"Content-Length: 0"), 400)


@pytest.mark.parametrize("data", [
    b"GET\x00 /score HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /score\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /score\x00x HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /score?\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /score?a\x00b HTTP/1.1\r\nHost: localhost\r\n\r\n", b"G\x00ET /score HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET /score HTTP/1.1\x00\r\nHost: localhost\r\n\r\n",
], ids=repr)
def test_C16_nul_in_the_request_line(stage, data):
    stage.refused_somehow(data, 400, 404, 505)


@pytest.mark.parametrize("value", [b"a\rb", b"a\rAuthorization: Bearer evil", b"a\x07b", b"a\x7fb",
                                   b"a\x01", b"a\x1bb", b"a\x0bb", b"a\x0cb", b"\x08"])
def test_C17_control_in_a_value(stage, value):
    stage.refused(post(b"X: " + value, b"Content-Length: 0"), "malformed_header")


@pytest.mark.parametrize("data", [
    b"GET /score HTTP/1.1\nHost: localhost\nX: y\n\n", b"GET /score HTTP/1.1\r\nHost: localhost\n\r\n",
    b"GET /score HTTP/1.1\nHost: localhost\r\n\r\n", b"GET /score HTTP/1.1\r\nHost: localhost\r\n\n",
    b"GET /score HTTP/1.1\r\nX: y\nHost: localhost\r\n\r\n",
], ids=repr)
def test_C18_bare_line_feeds_are_served_or_refused(stage, data):
    outcome = stage.shoot(data)
    assert outcome.ended and outcome.count == 1 and outcome.status in (200, 400), outcome
    assert len(stage.reached()) == (1 if outcome.status == 200 else 0)


# Host

def test_C19_no_host(stage):
    stage.refused(post(b"Content-Length: 0", host=None), "bad_host")


@pytest.mark.parametrize("value", [b"", b"a b", b"a/b", b"a, b", b"a\x01", b"a@b", b"localhost:",
                                   b"localhost:x", b"localhost:99999", b"[::1", b"::1", b"a\"b",
                                   b"localhost#", b"localhost?x", b"[localhost]", b"\xe9"], ids=repr)
def test_C20_malformed_host(stage, value):
    reasons = ["bad_host", "malformed_header"]
    if value == b"localhost:":
        reasons = None  # an empty port is valid (RFC 3986 section 3.2.3): served, or refused as malformed
    data = post(b"Content-Length: 0", host=b"Host: " + value)
    if reasons:
        stage.refused(data, *reasons)
    else:
        outcome = stage.shoot(data)
        assert outcome.status in (200, 400)
        assert len(stage.reached()) == (outcome.status == 200)


def test_C20_two_hosts(stage):
    for second in (b"Host: localhost", b"host: other.example", b"HOST:"):
        stage.refused(post(second, b"Content-Length: 0"), "bad_host")


@pytest.mark.parametrize("value", [b"evil.example", b"127.0.0.1.nip.io", b"localhost.",
                                   b"localhost.evil.example", b"evil.example:8080", b"xlocalhost",
                                   b"score.test", b"0.0.0.0", b"128.0.0.1", b"[::2]", b"127.1",
                                   b"127.0.0.1.", b"2130706433", b"0x7f000001"])
def test_C21_host_that_is_not_ours(stage, value):
    """DNS rebinding: a page's name leads to our address."""
    data = post(b"Content-Length: 0", b"Connection: close", host=b"Host: " + value)
    assert stage.refused(data, "host_not_ours").status == 421


@pytest.mark.parametrize("value", [b"localhost", b"LocalHost", b"localhost:1", b"127.0.0.1",
                                   b"127.0.0.1:65535", b"127.5.6.7", b"[::1]", b"[::1]:80"])
def test_C21_hosts_that_are_ours(stage, value):
    """The port is not compared."""
    assert stage.shoot(post(b"Content-Length: 0", host=b"Host: " + value)).status == 200
    assert len(stage.reached()) == 1


# The request line

@pytest.mark.parametrize("target", [
    b"http://localhost/score", b"http://evil.example/score", b"HTTP://localhost/score",
    b"http://localhost@evil.example/score", b"https://localhost/score", b"localhost:80",
    b"evil.example:443", b"*", b"score", b"foo/bar", b"?a=b", b"/score#fragment", b"/sc\x01re",
    b"/score\x7f", b"/score?\xe9", b"/sc\xc3\xb6re", b"/score\\x", b"/score%00", b"/score?a=%00",
    b"/score%0d%0aX:%20y", b"/score?%00", b"/score%zz", b"/score%", b"/score%4", b"%2fscore",
    b"\\score", b"/score%%30",
], ids=repr)
def test_C22_C23_C24_C25_C27_malformed_target(stage, target):
    assert stage.refused(get(target, b"Connection: close"), "malformed_target",
                         "malformed_request").status == 400


@pytest.mark.parametrize("target", [b"/score x", b"/score /x", b"/sc\x00re", b"/score\t"])
def test_C25_blank_or_nul_in_the_target(stage, target):
    """The request line falls apart: whoever sees it first may say so."""
    outcome = stage.shoot(get(target))
    assert outcome.ended and outcome.status in (None, 400, 404, 505), outcome
    assert stage.reached() == []


@pytest.mark.parametrize("target", [
    b"/../../etc/passwd", b"/%2e%2e/score", b"/score/%2e%2e/score", b"/score%2f..%2fadmin",
    b"/score/../score", b"/./score", b"/score/.", b"//score", b"/score/", b"/score//", b"/score%2f",
    b"/score%5c", b"/%5cscore", b"/score/%c0%ae%c0%ae/", b"/%252e%252e/score", b"/Score", b"/scor",
    b"/scorex", b"/score;x", b"/%73core", b"/score%20", b"/", b"/score/x", b"/%2e/score",
    b"/score/..;/x", b"/score%c0%af",
], ids=repr)
def test_C26_paths_that_are_no_route(stage, target):
    """Routes are matched on the raw bytes; nothing is decoded or cleaned up."""
    assert stage.refused(get(target, b"Connection: close"), "no_route").status == 404


@pytest.mark.parametrize("method", [b"get", b"Get", b"FOO", b"PROPFIND", b"TRACE", b"PRI", b"DELETE",
                                    b"PUT", b"M-SEARCH", b"GETX", b"GE", b"!#$%&'*+-.^_`|~"])
def test_C30_method_not_served(stage, method):
    answer = stage.refused(get(b"/score", b"X-Echo: never", b"Connection: close", method=method),
                           "method_not_allowed", "method_unknown")
    assert answer.status in (405, 501)
    if answer.status == 405:
        assert {m.strip() for m in answer.headers["allow"].split(",")} == {
            "GET", "HEAD", "OPTIONS", "POST"}
    assert b"never" not in answer.body


@pytest.mark.parametrize("method", [b"GET/x", b"G\rX", b"G\x01", b"G[", b"\xc7ET", b"GET,", b"G:T",
                                    b"\"GET\"", b"(GET)"], ids=repr)
def test_C30_malformed_method(stage, method):
    assert stage.refused(get(b"/score", method=method), "malformed_request").status == 400


def test_C23_connect_opens_no_tunnel(stage):
    for target in (b"127.0.0.1:%d" % stage.upstream.port, b"/score", b"localhost:80"):
        answer = stage.refused(get(target, method=b"CONNECT"), "method_unknown", "method_not_allowed",
                               "malformed_target")
        assert answer.status in (400, 405, 501)


def test_C24_options_of_the_server(stage):
    outcome = stage.shoot(get(b"*", method=b"OPTIONS"))
    assert outcome.status == 204
    assert stage.reached() == []


@pytest.mark.parametrize("first_line", [
    b"GET /score", b"GET /score HTTP/0.9", b"GET /score HTTP/2.0", b"GET /score HTTP/3",
    b"GET /score http/1.1", b"GET /score HTTP/1", b"GET /score HTTP/11", b"GET /score HTTP/1.x",
    b"GET /score HTP/1.1", b"GET /score HTTPS/1.1", b"GET /score HTTP/9.9", b"GET /score HTTP/ 1.1",
    b"GET /score HTTP/1.1 x", b"GET /score ICY/1.1", b"PRI * HTTP/2.0", b"GET", b"\x00", b"GET /score \x01",
    b"GET /score HTTP/1,1", b"GET /score HTTP/01.1", b"GET /score HTTP/-1.1", b"GET /score HTTP/+1.1",
    b"GET /score HTTP/1.32", b"GET /score HTTP/0.1",
], ids=repr)
def test_C31_other_versions(stage, first_line):
    outcome = stage.shoot(first_line + b"\r\nHost: localhost\r\n\r\n")
    assert outcome.ended, outcome
    assert outcome.status in (None, 400, 404, 405, 501, 505), outcome
    assert stage.reached() == []


def test_C31_http2_preface_and_tls_hello(stage):
    hello = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + b"\x00\x00"
    handshake = b"\x01" + struct.pack(">I", len(hello))[1:] + hello
    for data in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
                 b"\x16\x03\x01" + struct.pack(">H", len(handshake)) + handshake,
                 b"\x16\x03\x01\x00\x05\r\n\r\n\r\n", bytes(range(256)) + b"\r\n\r\n", b"\r\n" * 200):
        outcome = stage.shoot(data)
        assert outcome.ended and not outcome.accepted, outcome
        assert stage.reached() == []


# Sizes

def test_C28_long_targets(stage):
    fits = stage.shoot(get(b"/score?" + b"a" * 6000))
    assert fits.status == 200, fits
    assert len(stage.reached()[0].target) == 6007
    stage.refused_somehow(get(b"/score?" + b"a" * 8300), 414, 431)
    stage.refused_somehow(get(b"/score?" + b"a" * 40000), 414, 431)


def test_C29_large_heads(stage):
    fits = stage.shoot(get(b"/score", b"X: " + b"a" * 6000))
    assert fits.status == 200, fits
    assert stage.reached()[0].headers["x"] == "a" * 6000
    stage.refused_somehow(get(b"/score", b"X: " + b"a" * 8300), 431)
    stage.refused_somehow(get(b"/score", b"X: " + b"a" * 40000), 431)
    stage.refused_somehow(get(b"/score", *[b"X%d: y" % i for i in range(1000)]), 431)
    stage.refused_somehow(get(b"/score", b"a" * 9000), 400, 431)


def test_C29_a_head_beyond_the_limit_that_the_parser_still_holds_is_ours_to_refuse(stage):
    """header_bytes counts, not what libmicrohttpd's memory happens to hold."""
    outcome = stage.shoot(get(b"/score", *[b"X-%d: " % i + b"a" * 80 for i in range(100)]))
    assert outcome.ended and outcome.status == 431, outcome
    assert stage.reached() == []


# What is ignored

@pytest.mark.parametrize("lines", [
    [b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"],
    [b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
     b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="],
    [b"Upgrade: TLS/1.2", b"Connection: upgrade"],
])
def test_C32_upgrade_is_ignored(stage, lines):
    outcome = stage.shoot(get(b"/score", *lines))
    assert outcome.status == 200, outcome
    assert outcome.answer("GET").interim == []
    (request,) = stage.reached()
    for name in ("upgrade", "http2-settings"):
        assert name not in request.headers
    assert "upgrade" not in (request.headers.get("connection") or "").lower()


def test_C33_expect_100_continue(stage):
    with stage.gate.client() as client:
        client.send(post(b"Expect: 100-continue", b"Content-Length: 5"))
        assert client.read_interim().status == 100
        client.send(b"hello")
        answer = client.read_answer()
        assert answer.status == 200 and answer.interim == []
    (request,) = stage.reached()
    assert request.body == b"hello"
    assert "expect" not in request.headers


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
def test_C33_expect_with_a_body_that_is_already_here(stage, version):
    outcome = stage.shoot(post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello",
                               version=version))
    answer = outcome.answer()
    assert answer.status == 200
    assert [i.status for i in answer.interim] in ([], [100])
    if version == b"HTTP/1.0":
        assert answer.interim == []  # RFC 9110 section 10.1.1
    assert stage.reached()[0].body == b"hello"


@pytest.mark.parametrize("data, reason", [
    (post(b"Expect: 100-continue", b"Content-Length: 1073741824"), "body_too_large"),
    (post(b"Expect: 100-continue", b"Content-Length: 5", target=b"/nowhere"), "no_route"),
    (post(b"Expect: 100-continue", b"Content-Length: 5", host=b"Host: evil.example"), "host_not_ours"),
    (post(b"Expect: 100-continue", b"Content-Length: 5", b"Origin: https://evil.example"),
     "origin_not_allowed"),
])
def test_C33_refused_instead_of_100(stage, data, reason):
    answer = stage.refused(data, reason)
    assert answer.interim == []


def test_C37_trailers_are_discarded(stage):
    trailers = (b"0\r\nAuthorization: Bearer evil\r\nContent-Length: 99\r\nHost: evil.example\r\n"
                b"X-Trailer: t\r\n\r\n")
    data = post(CHUNKED, b"Trailer: Authorization", body=chunk(b"hello") + trailers)
    assert stage.shoot(data).status == 200
    (request,) = stage.reached()
    assert request.body == b"hello"
    assert request.trailers == []
    assert b"evil" not in request.head and "trailer" not in request.headers


@pytest.mark.parametrize("trailer", [b"A: b\r\n Authorization: evil\r\n", b"nocolon\r\n", b": x\r\n",
                                     b"A\x00: b\r\n", b"a b: c\r\n"], ids=repr)
def test_C37_malformed_trailers_do_no_harm(stage, trailer):
    outcome = stage.shoot(post(CHUNKED, b"Connection: close",
                               body=chunk(b"hello") + b"0\r\n" + trailer + b"\r\n"))
    assert outcome.ended and outcome.status in (None, 200, 400), outcome
    for request in stage.reached():
        assert request.trailers == [] and request.body in (b"", b"hello")
        assert b"evil" not in request.head


# What must work all the same

@pytest.mark.parametrize("data, body", [
    (post(b"Content-Length: 5", body=b"hello"), b"hello"),
    (post(b"Content-Length:5", body=b"hello"), b"hello"),
    (post(b"Content-Length: \t 5", body=b"hello"), b"hello"),
    (post(b"Content-Length: 0005", body=b"hello"), b"hello"),
    (post(b"content-length: 0"), b""),
    (post(), b""),
    (post(CHUNKED, body=BODY), b"hello"),
    (post(b"transfer-encoding: Chunked", body=BODY), b"hello"),
    (post(CHUNKED, body=LAST_CHUNK), b""),
    (post(b"X-Empty:", b"Content-Length: 5", body=b"hello"), b"hello"),
    (post(b"X: \xe9\x80 latin", b"Content-Length: 5", body=b"hello"), b"hello"),
    (b"\r\n" + post(b"Content-Length: 5", body=b"hello"), b"hello"),
    (post(b"Content-Length: 5", body=b"hello", target=b"/score?a=%2F&b=[]{}|^\"<>'"), b"hello"),
    (get(b"/score?"), b""),
    (get(b"/score", b"Content-Length: 0"), b""),
], ids=repr)
def test_good_requests_are_served(stage, data, body):
    outcome = stage.shoot(data)
    assert outcome.status == 200, outcome
    (request,) = stage.reached()
    assert request.body == body


def test_the_answer_to_a_smuggler_is_the_last_on_the_connection(stage):
    with stage.gate.client() as client:
        assert client.get("/score").status == 200
        client.send(post(b"Content-Length: 5", CHUNKED, body=BODY) + SMUGGLED * 3)
        assert client.read_answer().status == 400
        assert client.closed()
    assert [r.target for r in stage.reached()] == ["/score"]
