# SPDX-License-Identifier: MIT
"""A caller that sends exactly the bytes it is told to, over TCP or a unix socket, and reads exactly
one answer at a time. Raises Closed where the connection was cut, TimeoutError where nothing came."""

import json
import socket
import struct

from .message import Closed, Headers, Reader, tokens


class Answer:
    """One final answer. ended: "length", "chunked", "close" or "none" (no body by definition)."""

    def __init__(self, raw_head, first_line, headers):
        parts = first_line.decode("latin-1").split(" ", 2)
        self.raw_head = raw_head
        self.version = parts[0]
        self.status = int(parts[1])
        self.phrase = parts[2] if len(parts) > 2 else ""
        self.headers = headers
        self.trailers = Headers()
        self.interim = []  # the 1xx answers before it
        self.body = b""
        self.ended = None

    def __repr__(self):
        return f"<Answer {self.status} {list(self.headers)} {self.body[:300]!r}>"

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    @property
    def will_close(self):
        connection = tokens(self.headers, "connection")
        return "close" in connection or (self.version == "HTTP/1.0" and "keep-alive" not in connection)


def request_bytes(method, target, headers=(), body=None, version="HTTP/1.1", host="localhost"):
    """A request head and body. Host and Content-Length are added unless HEADERS has them; BODY None
    adds no Content-Length; HOST None adds no Host."""
    if isinstance(headers, dict):
        headers = list(headers.items())
    names = {n.lower() for n, _ in headers}
    lines = [f"{method} {target} {version}"]
    if host is not None and "host" not in names:
        lines.append(f"Host: {host}")
    lines += [f"{n}: {v}" for n, v in headers]
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


class Client:
    """WATCH: byte strings that must never be received (secrets). RECEIVE_BUFFER: SO_RCVBUF, set
    before connecting, for callers that shall be slow."""

    def __init__(self, port=None, host="127.0.0.1", unix=None, timeout=10.0, watch=(),
                 receive_buffer=None):
        family = socket.AF_UNIX if unix else socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(str(unix) if unix else (host, port))
        if not unix:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = Reader(self._recv)
        self._watch = [w for w in watch if w]
        self._tail = b""
        self._keep = max([len(w) for w in self._watch], default=1) - 1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _recv(self, n):
        data = self.socket.recv(n)
        if self._watch:
            seen = self._tail + data
            for word in self._watch:
                assert word not in seen, "a secret reached a caller"
            self._tail = seen[len(seen) - self._keep:] if self._keep else b""
        return data

    def send(self, data):
        """All of DATA; ConnectionError if the peer is gone."""
        self.socket.sendall(data)

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def rst(self):
        """Ends the connection with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def send_request(self, method, target, headers=(), body=None, **more):
        self.send(request_bytes(method, target, headers, body, **more))

    def read_head(self):
        """The head of the final answer, its body not yet read; interim answers are in .interim."""
        interim = []
        while True:
            answer = Answer(*self.reader.head())
            if answer.status >= 200:
                answer.interim = interim
                return answer
            interim.append(answer)

    def read_interim(self):
        """Exactly one head, also of a 1xx."""
        return Answer(*self.reader.head())

    def read_body(self, answer, method="POST"):
        """Reads the rest of ANSWER into it. Closed (with .partial) if it was cut off."""
        headers = answer.headers
        if method == "HEAD" or answer.status in (204, 304):
            answer.ended = "none"
        elif "transfer-encoding" in headers:
            assert "content-length" not in headers, "Content-Length besides Transfer-Encoding"
            assert headers.get("transfer-encoding").lower() == "chunked"
            answer.body, answer.trailers = self.reader.chunked()
            answer.ended = "chunked"
        elif "content-length" in headers:
            answer.body = self.reader.exactly(int(headers["content-length"]))
            answer.ended = "length"
        else:
            answer.body = self.reader.to_end()
            answer.ended = "close"
        return answer

    def read_answer(self, method="POST"):
        return self.read_body(self.read_head(), method)

    def request(self, method, target, headers=(), body=None, **more):
        """Sends a whole request and reads its answer."""
        self.send_request(method, target, headers, body, **more)
        return self.read_answer(method)

    def get(self, target, headers=(), **more):
        return self.request("GET", target, headers, **more)

    def post(self, target, body=b"{}", headers=(("Content-Type", "application/json"),), **more):
        return self.request("POST", target, headers, body, **more)

    def closed(self, timeout=10.0):
        """Whether the peer ends the connection, with nothing more sent, before TIMEOUT."""
        before = self.socket.gettimeout()
        self.socket.settimeout(timeout)
        try:
            self.reader.some()
        except Closed:
            return True
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(before)
        raise AssertionError(f"more bytes came: {bytes(self.reader.buffer[:200])!r}")

    def silent(self, seconds=0.2):
        """Whether nothing comes and the connection stays open for SECONDS."""
        return not self.closed(seconds)
