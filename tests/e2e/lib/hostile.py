# SPDX-License-Identifier: MIT
"""Requests that no client library would send: bytes at a server, and what came of them."""

import re
import socket
from contextlib import contextmanager

from .client import Client
from .config import key_auth
from .gateway import Gateway
from .message import Reader
from .problem import assert_problem
from .upstream import Response, ScriptedUpstream

KEY = "hostileKeyCANARY2b7f"


class Outcome:
    """raw: all that came. status: of the first final answer, None without one. ended: the server
    closed the connection (False: it was still open when the deadline passed)."""

    def __init__(self, raw, ended):
        self.raw = raw
        self.ended = ended
        final = [int(s) for s in re.findall(rb"^HTTP/1\.[01] (\d{3})", raw, re.MULTILINE)
                 if not s.startswith(b"1")]
        self.status = final[0] if final else None
        self.count = len(final)

    def __repr__(self):
        return f"<{self.status}{' ended' if self.ended else ' still open'} {self.raw[:400]!r}>"

    @property
    def accepted(self):
        return self.status is not None and self.status < 300

    @property
    def rejected(self):
        """By an answer, or by the end of the connection; not by a failure behind the server."""
        if self.status is None:
            return self.ended
        return self.status >= 400 and self.status not in (502, 503, 504)

    def answer(self, method="POST"):
        """The one answer that RAW must be."""
        pieces = [self.raw]
        client = object.__new__(Client)
        client.reader = Reader(lambda n: pieces.pop() if pieces else b"")
        answer = client.read_answer(method)
        assert not client.reader.buffer, f"more than one answer: {self.raw!r}"
        return answer

    @property
    def is_problem(self):
        return b"application/problem+json" in self.raw


def first_answer_is_complete(raw, method=b"POST"):
    """Lenient, for the answers of any server."""
    while True:
        head, end, rest = raw.partition(b"\r\n\r\n")
        if not end:
            return False
        if not re.match(rb"HTTP/1\.\d 1\d\d", head):
            break
        raw = rest
    if re.match(rb"HTTP/1\.\d (204|304)", head) or method == b"HEAD":
        return True
    if re.search(rb"\ntransfer-encoding: *chunked", head, re.IGNORECASE):
        return rest.endswith(b"0\r\n\r\n")
    length = re.search(rb"\ncontent-length: *(\d+)", head, re.IGNORECASE)
    return bool(length) and len(rest) >= int(length[1])


def shoot(port, data, deadline=5.0, host="127.0.0.1"):
    """Sends DATA on a new connection. After the first answer, if that leaves the connection open,
    nothing more is said, so that a server ends it. Nothing that comes is lost."""
    raw = bytearray()
    with socket.create_connection((host, port), timeout=deadline) as sock:
        try:
            sock.sendall(data)
        except OSError:
            pass  # it has closed already; its answer may be there
        said_goodbye = False
        while True:
            try:
                more = sock.recv(65536)
            except TimeoutError:
                return Outcome(bytes(raw), False)
            except ConnectionError:
                more = b""
            if not more:
                return Outcome(bytes(raw), True)
            raw += more
            if not said_goodbye and first_answer_is_complete(bytes(raw), data.partition(b" ")[0]):
                said_goodbye = True
                if not re.search(rb"\nconnection: *close", raw, re.IGNORECASE):
                    sock.shutdown(socket.SHUT_WR)


class Scene:
    """A gateway for many vectors, with one route /score, and an upstream that records."""

    def __init__(self, gate, upstream):
        self.gate = gate
        self.upstream = upstream
        self._probes = 0

    def shoot(self, data, **more):
        outcome = shoot(self.gate.port, data, **more)
        for form in self.gate.canaries():
            assert form not in outcome.raw, "a secret reached a caller"
        return outcome

    def reached(self):
        """The requests of which anything reached the upstream since the last call, found out with a
        good request behind them, which must succeed: the gateway is alive and well."""
        self._probes += 1
        probe = f"/score?probe={self._probes}"
        with Client(port=self.gate.port) as client:
            answer = client.get(probe)
        assert answer.status == 200 and answer.body == b"upstream"
        with self.upstream.lock:
            seen = [h for h in self.upstream.heads if h.target != probe]
            assert len(seen) == len(self.upstream.heads) - 1
            self.upstream.heads.clear()
            self.upstream.requests.clear()
        return seen

    def refused(self, data, *reasons):
        """DATA is answered once, by scoregate itself, for one of REASONS, and the connection ends;
        nothing of it reaches the upstream. Returns the answer."""
        outcome = self.shoot(data)
        assert outcome.ended, outcome
        answer = outcome.answer(data.partition(b" ")[0].decode("latin-1"))
        if answer.ended != "none":
            assert_problem(answer, *reasons)
        assert self.reached() == []
        return answer

    def refused_somehow(self, data, *statuses):
        """As refused(), but libmicrohttpd may be the one that says so, and say it twice."""
        outcome = self.shoot(data)
        assert outcome.ended, outcome
        assert outcome.status in statuses, outcome
        if outcome.is_problem:
            assert outcome.count == 1
        assert outcome.count <= 2
        assert self.reached() == []
        return outcome


@contextmanager
def scene(directory, certs, **top):
    """A Scene whose waits are short, so that nothing hangs for long."""
    def handler(_request):
        return Response(200, (("Content-Type", "text/plain"),), b"upstream")

    top.setdefault("limits", {"client_header_timeout_ms": 700, "client_idle_timeout_ms": 2000})
    with ScriptedUpstream(handler=handler, tls=certs.good) as upstream:
        route = {"path": "/score", "scoring_uri": upstream.url("/score"), "auth": key_auth(KEY),
                 "idle_timeout_ms": 700}
        with Gateway(directory, [route], ca=certs.ca, **top) as gate:
            yield Scene(gate, upstream)
