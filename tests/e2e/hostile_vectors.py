# SPDX-License-Identifier: MIT
"""Request vectors, as data: every rule of RFC 9112 and RFC 9110 on what a request looks like, broken
in as many ways as parsers are known to differ about.

A vector is (name, kind, bytes); its name says which rule. Kinds:
  HOSTILE  breaks a MUST, or is framed so that two parsers could disagree: to be refused if both nginx
           and haproxy refuse it, and never to be passed on in the form in which it came
  VALID    to be accepted if both accept it
  POLICY   valid, or widely accepted, and refused here on purpose:
           folded lines (RFC 9112 section 5.2 lets a server refuse them); absolute-form, which is for
           proxies and would give one host two names; a Host that is not ours (DNS rebinding); bytes in a
           target that RFC 3986 does not allow, which are not guessed at; methods and paths that no route
           serves, compared byte for byte"""

HOSTILE, VALID, POLICY = "hostile", "valid", "policy"

VECTORS = []


def add(name, kind, data):
    VECTORS.append((name, kind, data))


def lines(*parts, body=b""):
    return b"\r\n".join(parts) + b"\r\n\r\n" + body


def post(*fields, body=b"", first=b"POST /score HTTP/1.1", host=b"Host: localhost"):
    return lines(first, *([host] if host is not None else []), *fields, body=body)


def get(*fields, target=b"/score", method=b"GET", version=b"HTTP/1.1"):
    return lines(method + b" " + target + b" " + version, b"Host: localhost", *fields)


TE = b"Transfer-Encoding: chunked"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
CTLS = [bytes([c]) for c in (*range(0x00, 0x09), 0x0b, 0x0c, *range(0x0e, 0x20), 0x7f)]


def label(data):
    return data.hex() if len(data) <= 2 else repr(data)[2:-1]


# RFC 9112 section 6.3: message body length

for value in (b"+5", b"-5", b"5 5", b"5,5", b"5, 5", b"5;", b"0x5", b"5x", b"x5", b"5.0", b"5e0", b"5_0",
              b"", b"\x0b5", b"5\x0b", b"\xa05", b"\"5\"", b"5 x", b"-0", b"+0", b"0b101", b"0o5", b"\xef\xbc\x95",
              b"18446744073709551616", b"18446744073709551621", b"99999999999999999999999999999999",
              b"9223372036854775808", b"-1", b"-9223372036854775809", b"5\x00", b"5\r", b"NaN", b"five"):
    add("content-length " + label(value), HOSTILE, post(b"Content-Length: " + value, body=b"hello"))
for first, second in ((b"5", b"6"), (b"6", b"5"), (b"5", b"0"), (b"0", b"5"), (b"5", b"+5"), (b"5", b""),
                      (b"", b"5"), (b"5", b"05"), (b"5", b"5x")):
    add(f"two content-lengths {label(first)}/{label(second)}", HOSTILE,
        post(b"Content-Length: " + first, b"Content-Length: " + second, body=b"hello"))
for coding in (b"xchunked", b"chunkedx", b"chunked x", b"x chunked", b"identity", b"gzip, chunked",
               b"chunked, gzip", b"chunked, identity", b"identity, chunked", b"chunked, chunked", b"chunked;x=y",
               b"chunked,", b",chunked", b"", b"\x0bchunked", b"chunked\x0b", b"\xa0chunked", b"\"chunked\"",
               b"'chunked'", b"chunked\x00", b"chunk", b"c hunked", b"cow", b"gzip", b"compress", b"trailers",
               b"chunked\r", b"\x00chunked", b"\xefchunked", b"none", b"deflate, chunked", b"chunked\xff"):
    add("transfer-encoding " + label(coding), HOSTILE,
        post(b"Transfer-Encoding: " + coding, body=CHUNKS))
    add("transfer-encoding and content-length " + label(coding), HOSTILE,
        post(b"Transfer-Encoding: " + coding, b"Content-Length: 15", body=CHUNKS))
for name, fields in {
    "CL then TE": [b"Content-Length: 15", TE],
    "TE then CL": [TE, b"Content-Length: 15"],
    "two TE": [TE, TE],
    "TE and identity": [TE, b"Transfer-Encoding: identity"],
    "identity and TE": [b"Transfer-Encoding: identity", TE],
    "TE and unknown": [TE, b"Transfer-Encoding: cow"],
    "unknown and TE": [b"Transfer-Encoding: cow", TE],
    "empty TE and TE": [b"Transfer-Encoding:", TE],
    "space before the colon of TE": [b"Transfer-Encoding : chunked"],
    "tab before the colon of TE": [b"Transfer-Encoding\t: chunked"],
    "space before the colon of CL": [b"Content-Length : 15"],
    "tab before the colon of CL": [b"Content-Length\t: 15"],
    "control in the name of TE": [b"Transfer\x01Encoding: chunked", TE, b"Content-Length: 15"],
    "NUL behind the name of TE": [b"Transfer-Encoding\x00: chunked"],
    "NUL behind the name of CL": [b"Content-Length\x00: 15"],
    "CR behind the name of TE": [b"Transfer-Encoding\r: chunked"],
    "vertical tab before TE": [b"\x0bTransfer-Encoding: chunked"],
    "no-break space behind the name of TE": [b"Transfer-Encoding\xa0: chunked"],
    "TE behind a bare CR": [b"X: y\rTransfer-Encoding: chunked"],
    "CL behind a bare CR": [b"X: y\rContent-Length: 15"],
    "TE behind a NUL": [b"X: y\x00Transfer-Encoding: chunked"],
    "TE folded": [b"Transfer-Encoding:", b" chunked"],
    "TE folded behind another": [b"X: y", b" Transfer-Encoding: chunked", b"Content-Length: 15"],
    "CL folded": [b"Content-Length:", b" 15"],
    "CL folded in two": [b"Content-Length: 1", b" 5"],
    "CL and folded CL": [b"Content-Length: 15", b" Content-Length: 0"],
}.items():
    add(name, HOSTILE, post(*fields, body=CHUNKS))
add("TE on HTTP/1.0", HOSTILE, post(TE, first=b"POST /score HTTP/1.0", body=CHUNKS))
add("TE and CL on HTTP/1.0", HOSTILE,
    post(TE, b"Content-Length: 15", first=b"POST /score HTTP/1.0", body=CHUNKS))

# RFC 9112 section 7.1: chunks

for name, body in {
    "size not hexadecimal": b"z\r\nhello\r\n0\r\n\r\n",
    "size with 0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "size with 0X": b"0X5\r\nhello\r\n0\r\n\r\n",
    "size with plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "size with minus": b"-5\r\nhello\r\n0\r\n\r\n",
    "size with underscore": b"0_5\r\nhello\r\n0\r\n\r\n",
    "size behind a space": b" 5\r\nhello\r\n0\r\n\r\n",
    "size behind a tab": b"\t5\r\nhello\r\n0\r\n\r\n",
    "size behind a vertical tab": b"\x0b5\r\nhello\r\n0\r\n\r\n",
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "only an extension": b";a=b\r\nhello\r\n0\r\n\r\n",
    "size of 17 digits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "size of all ones": b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "size of 40 digits": b"f" * 40 + b"\r\nhello\r\n0\r\n\r\n",
    "size of 2^63": b"8000000000000000\r\nhello\r\n0\r\n\r\n",
    "size wraps in 32 bits": b"100000005\r\nhello\r\n0\r\n\r\n",
    "two sizes": b"5 5\r\nhello\r\n0\r\n\r\n",
    "size and letters": b"5g\r\nhello\r\n0\r\n\r\n",
    "size and a NUL": b"5\x00\r\nhello\r\n0\r\n\r\n",
    "size in quotes": b"\"5\"\r\nhello\r\n0\r\n\r\n",
    "size with a point": b"5.0\r\nhello\r\n0\r\n\r\n",
    "size with a comma": b"5,\r\nhello\r\n0\r\n\r\n",
    "size ends with CR alone": b"5\rhello\r\n0\r\n\r\n",
    "size ends with CR CR LF": b"5\r\r\nhello\r\n0\r\n\r\n",
    "data too long": b"5\r\nhello!\r\n0\r\n\r\n",
    "data too long by a line": b"5\r\nhello\r\n\r\n0\r\n\r\n",
    "data without an end": b"5\r\nhello0\r\n\r\n",
    "data ends with other bytes": b"5\r\nhelloXX0\r\n\r\n",
    "data ends with CR alone": b"5\r\nhello\r0\r\n\r\n",
    "data ends with LF CR": b"5\r\nhello\n\r0\r\n\r\n",
    "data too short": b"6\r\nhello\r\n0\r\n\r\n",
    "CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "NUL in an extension": b"5;a\x00b\r\nhello\r\n0\r\n\r\n",
    "last chunk with a sign": b"5\r\nhello\r\n-0\r\n\r\n",
    "last chunk with 0x": b"5\r\nhello\r\n0x0\r\n\r\n",
    "trailer without a colon": b"5\r\nhello\r\n0\r\nnocolon\r\n\r\n",
    "trailer without a name": b"5\r\nhello\r\n0\r\n: x\r\n\r\n",
    "trailer with a space in the name": b"5\r\nhello\r\n0\r\na b: c\r\n\r\n",
    "trailer with a NUL": b"5\r\nhello\r\n0\r\na\x00: c\r\n\r\n",
    "trailer folded": b"5\r\nhello\r\n0\r\na: b\r\n c\r\n\r\n",
    "garbage for a body": b"\x00\x01\x02\x03\r\n\r\n",
    "a request for a body": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}.items():
    add("chunk: " + name, HOSTILE, post(TE, body=body))

# RFC 9112 section 5, RFC 9110 sections 5.1 and 5.5: field lines

for c in CTLS:
    add("control in a field name " + label(c), HOSTILE, get(b"X" + c + b"Y: z"))
    if c not in (b"\x09",):
        add("control in a field value " + label(c), HOSTILE, get(b"X: y" + c + b"z", b"A: b"))
for c in b' "(),/;<=>?@[\\]{}\x80\xa0\xff':
    add("delimiter in a field name " + label(bytes([c])), HOSTILE, get(b"X" + bytes([c]) + b"Y: z"))
for name, fields in {
    "no colon": [b"nocolon"],
    "no colon, with a space": [b"no colon"],
    "no name": [b": value"],
    "only a colon": [b":"],
    "space for a name": [b" : value"],
    "space before the colon": [b"X : y"],
    "tab before the colon": [b"X\t: y"],
    "space before the first field": [b" X: y"],
    "bare CR as a line": [b"\rX: y"],
    "bare CR ends a field": [b"X: y\rZ: w"],
    "CR CR LF": [b"X: y\r"],
    "authorization behind a bare CR": [b"X: y\rAuthorization: Bearer evil"],
    "authorization behind a NUL": [b"X: y\x00Authorization: Bearer evil", b"A: b"],
    "UTF-8 byte order mark": [b"\xef\xbb\xbfX: y"],
    "full-width colon": [b"X\xef\xbc\x9a y"],
    "a status line": [b"HTTP/1.1 200 OK"],
    "a request line": [b"GET /other HTTP/1.1"],
}.items():
    add("field: " + name, HOSTILE, get(*fields))
add("the first field line is folded", HOSTILE, b"GET /score HTTP/1.1\r\n Host: localhost\r\n\r\n")
add("the first field line begins with a tab", HOSTILE, b"GET /score HTTP/1.1\r\n\tX: y\r\nHost: localhost\r\n\r\n")
add("header of 40 KiB", HOSTILE, get(b"X: " + b"y" * 40960))
add("header name of 40 KiB", HOSTILE, get(b"X" * 40960 + b": y"))
add("2000 fields", HOSTILE, get(*[b"X-Field-%d: value" % i for i in range(2000)]))
add("folded line", POLICY, get(b"X: y", b" z"))
add("folded line with a tab", POLICY, get(b"X: y", b"\tz"))

# RFC 9112 section 3.2, RFC 9110 section 7.2: Host

add("no Host", HOSTILE, b"GET /score HTTP/1.1\r\n\r\n")
add("no Host but other fields", HOSTILE, b"GET /score HTTP/1.1\r\nX: y\r\nAccept: */*\r\n\r\n")
for value in (b"", b"a b", b"a/b", b"a, b", b"a\x01b", b"a\x00b", b"localhost:x", b"localhost:99999999", b"localhost:-1",
              b"[::1", b"::1]", b"[::1]x", b"[localhost]", b"localhost#a", b"localhost?a", b"localhost\\", b"a\"b",
              b"<a>", b"user@localhost", b"localhost:80:80", b"http://localhost", b"localhost/", b"{a}", b"a|b",
              b"a^b", b"a\x7fb", b"[]", b"[::g]", b"localhost:8 0", b".", b"..", b"localhost,localhost", b"%zz"):
    add("host " + label(value), HOSTILE, lines(b"GET /score HTTP/1.1", b"Host: " + value))
for second in (b"localhost", b"other.example", b""):
    add("two hosts " + label(second), HOSTILE, get(b"Host: " + second))
add("two hosts, other case", HOSTILE, get(b"hOST: localhost"))
add("host with a space before the colon", HOSTILE, lines(b"GET /score HTTP/1.1", b"Host : localhost"))
add("host folded", HOSTILE, lines(b"GET /score HTTP/1.1", b"Host:", b" localhost"))
add("host in two lines", HOSTILE, lines(b"GET /score HTTP/1.1", b"Host: local", b" host"))
add("host of another name", POLICY, lines(b"GET /score HTTP/1.1", b"Host: evil.example"))

# RFC 9112 sections 2.3, 3: request line

for method in (b"", b"G T", b"GET\x00", b"G\x01T", b"G\x7fT", b"GET,", b"(GET)", b"GET/", b"GET\\", b"G\"T", b"G<T",
               b"G=T", b"G?T", b"G@T", b"G[T", b"G{T", b"\xe9ET", b"GET:", b"GET;", b" GET", b"\tGET", b"G\tT", b"\x00GET",
               b"\x80", b"G\rT"):
    add("method " + label(method), HOSTILE, lines(method + b" /score HTTP/1.1", b"Host: localhost"))
for version in (b"HTTP/0.9", b"HTTP/2.0", b"HTTP/2", b"HTTP/3.0", b"HTTP/1", b"HTTP/1.", b"HTTP/.1", b"HTTP/1.1.1",
                b"HTTP/01.1", b"HTTP/1.01", b"HTTP/11.1", b"HTTP/1.x", b"HTTP/x.1", b"HTTP/+1.1", b"HTTP/-1.1", b"HTTP/1,1",
                b"HTTP/1.1x", b"HTTP/1.1 ", b"HTTP/1.1 x", b"HTTP /1.1", b"HTTP/ 1.1", b"http/1.1", b"Http/1.1", b"HTTPS/1.1",
                b"HTP/1.1", b"HTTP1.1", b"HTTP-1.1", b"HTTP\\1.1", b"ICY/1.1", b"RTSP/1.0", b"SIP/2.0", b"HTTP/1.1\x00",
                b"HTTP/1.1\t", b"HTTP/1.1\x0b", b"\xffHTTP/1.1", b"HTTP/9.9", b"HTTP/0.0", b"HTTP/4294967297.1",
                b"HTTP/1.4294967297", b"HTTP/1.32", b"HTTP/1.1\r"):
    add("version " + label(version), HOSTILE, lines(b"GET /score " + version, b"Host: localhost"))
for name, first in {
    "no version": b"GET /score", "no target": b"GET HTTP/1.1", "only a method": b"GET", "only a space": b" ",
    "two spaces for the target": b"GET  HTTP/1.1", "two targets": b"GET /score /score HTTP/1.1",
    "tabs for spaces": b"GET\t/score\tHTTP/1.1", "vertical tabs for spaces": b"GET\x0b/score\x0bHTTP/1.1",
    "form feeds for spaces": b"GET\x0c/score\x0cHTTP/1.1", "CRs for spaces": b"GET\r/score\rHTTP/1.1",
    "no-break spaces for spaces": b"GET\xa0/score\xa0HTTP/1.1", "no space before the version": b"GET /scoreHTTP/1.1",
    "no space before the target": b"GET/score HTTP/1.1", "field before the request line": b"X: y",
    "a status line": b"HTTP/1.1 200 OK", "a NUL": b"\x00", "quoted": b"\"GET /score HTTP/1.1\"",
}.items():
    add("request line: " + name, HOSTILE, lines(first, b"Host: localhost"))
for target in (b"score", b"foo/bar", b"?a=b", b"*", b"localhost:80", b"evil.example:443", b"//", b"\\score", b"@/score",
               b"/score#f", b"/sc\x00re", b"/sc\x01re", b"/sc\x7fre", b"/score?a=\x00", b"/score?\x1b", b"/score\x0b",
               b"/score\r", b"http://", b"http:///score", b"http:/score", b"http://local host/score",
               b"http://localhost:x/score", b"://localhost/score", b"/score%00", b"/score%0d%0aX:%20y", b"/score%zz",
               b"/score%", b"%2fscore", b"/../../../etc/passwd", b"/score/../../../etc/passwd", b"/..%2f..%2fetc/passwd",
               b"/%2e%2e/%2e%2e/etc/passwd", b"/..;/score", b"/score/..;/..;/x", b"/%c0%ae%c0%ae/etc/passwd",
               b"/score\\..\\..\\etc", b"/%252e%252e/x", b"javascript:alert(1)", b"file:///etc/passwd", b"<script>", b"{}"):
    add("target " + label(target), HOSTILE, get(target=target))
add("target of 40 KiB", HOSTILE, get(target=b"/score?" + b"a" * 40960))
for target in (b"localhost:80", b"localhost", b"/score", b"*", b"http://localhost/", b"localhost:x", b"127.0.0.1:1"):
    add("CONNECT " + label(target), HOSTILE, get(target=target, method=b"CONNECT"))
add("absolute-form", POLICY, get(target=b"http://localhost/score"))
add("absolute-form of another host", POLICY, get(target=b"http://evil.example/score"))
add("raw bytes in the target", POLICY, get(target=b"/score?\xc3\xa9"))
add("space in the query", HOSTILE, get(target=b"/score?a b"))
add("method in lower case", POLICY, get(method=b"get"))
add("unknown method", POLICY, get(method=b"FROB"))
add("TRACE", POLICY, get(method=b"TRACE"))
add("path that is no route", POLICY, get(target=b"/other"))

# Other protocols, junk

add("HTTP/2 preface", HOSTILE, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
add("TLS hello", HOSTILE, bytes.fromhex("160301002f0100002b0303") + bytes(32) + bytes.fromhex("000002130101000000")
    + b"\r\n\r\n")
add("SOCKS5", HOSTILE, b"\x05\x01\x00\r\n\r\n")
add("PROXY protocol", HOSTILE, b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + get())
add("SMTP", HOSTILE, b"EHLO localhost\r\n\r\n")
add("a blank line too many with a space", HOSTILE, b" \r\n" + get())
add("every byte", HOSTILE, bytes(range(256)) + b"\r\n\r\n")
add("CR only", HOSTILE, b"GET /score HTTP/1.1\rHost: localhost\r\r\n\r\n")
add("LF CR", HOSTILE, b"GET /score HTTP/1.1\n\rHost: localhost\n\r\n\r\r\n\r\n")
add("request without an end", HOSTILE, b"GET /score HTTP/1.1\r\nHost: localhost\r\n")
add("request line without an end", HOSTILE, b"GET /score HTTP/1.1")
add("body without an end", HOSTILE, post(b"Content-Length: 10", body=b"hello"))
add("chunks without an end", HOSTILE, post(TE, body=b"5\r\nhello\r\n"))
add("chunk without an end", HOSTILE, post(TE, body=b"5\r\nhel"))

# What must get through

for name, data in {
    "GET": get(),
    "GET with a query": get(target=b"/score?a=b&c=%2F%20d%0D%0Ae&&=;~!$'()*+,:@/?"),
    "HEAD": get(method=b"HEAD"),
    "POST with a body": post(b"Content-Length: 5", body=b"hello"),
    "POST with an empty body": post(b"Content-Length: 0"),
    "POST without a body": post(),
    "POST in chunks": post(TE, body=CHUNKS),
    "POST in many chunks": post(TE, body=b"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n"),
    "no data in chunks": post(TE, body=b"0\r\n\r\n"),
    "chunk size in upper case": post(TE, body=b"A\r\n0123456789\r\n0\r\n\r\n"),
    "chunk size with zeroes": post(TE, body=b"0005\r\nhello\r\n000\r\n\r\n"),
    "chunk extension": post(TE, body=b"5;a=b\r\nhello\r\n0;c=\"d\"\r\n\r\n"),
    "trailers": post(TE, body=b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"),
    "CL with zeroes": post(b"Content-Length: 0000000005", body=b"hello"),
    "names in any case": lines(b"POST /score HTTP/1.1", b"hOsT: localhost", b"cONTENT-lENGTH: 5", body=b"hello"),
    "coding in any case": post(b"TRANSFER-ENCODING: CHUNKED", body=CHUNKS),
    "no blank behind the colon": lines(b"POST /score HTTP/1.1", b"Host:localhost", b"Content-Length:5", body=b"hello"),
    "blanks around a value": get(b"X: \t y \t "),
    "empty value": get(b"X:"),
    "the same field twice": get(b"X: y", b"X: z"),
    "all token characters in a name": get(b"!#$%&'*+-.^`|~09AZaz: y"),
    "obs-text in a value": get(b"X: \xe9\xff"),
    "tab in a value": get(b"X: y\tz"),
    "colons in a value": get(b"X: :y:z::"),
    "quotes and commas in a value": get(b"X: \"a, b\\\"c\", d"),
    "empty line before the request": b"\r\n" + get(),
    "HTTP/1.0": get(version=b"HTTP/1.0"),
    "HTTP/1.0 without a Host": b"GET /score HTTP/1.0\r\n\r\n",
    "HTTP/1.0 with a body": lines(b"POST /score HTTP/1.0", b"Content-Length: 5", body=b"hello"),
    "host with a port": lines(b"GET /score HTTP/1.1", b"Host: localhost:8080"),
    "host in capitals": lines(b"GET /score HTTP/1.1", b"Host: LOCALHOST"),
    "host as an address": lines(b"GET /score HTTP/1.1", b"Host: 127.0.0.1:80"),
    "host as an IPv6 address": lines(b"GET /score HTTP/1.1", b"Host: [::1]:80"),
    "connection close": get(b"Connection: close"),
    "connection of several options": get(b"Connection: keep-alive, X-Hop", b"X-Hop: 1"),
    "upgrade that is not wanted": get(b"Connection: Upgrade", b"Upgrade: foo/1"),
    "TE that allows trailers": get(b"TE: trailers", b"Connection: TE"),
    "expect with its body": post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
    "range": get(b"Range: bytes=0-1"),
    "conditional": get(b"If-None-Match: \"x\"", b"If-Modified-Since: Mon, 02 Nov 2026 00:00:00 GMT"),
    "accept of all kinds": get(b"Accept: text/event-stream;q=0.5, */*;q=0.1", b"Accept-Encoding: gzip, br"),
    "long but fair field": get(b"X: " + b"y" * 3000),
    "long but fair query": get(target=b"/score?" + b"q" * 3000),
    "fifty fields": get(*[b"X-%d: y" % i for i in range(50)]),
    "GET with a body": lines(b"GET /score HTTP/1.1", b"Host: localhost", b"Content-Length: 5", body=b"hello"),
}.items():
    add("valid: " + name, VALID, data)
