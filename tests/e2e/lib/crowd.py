# SPDX-License-Identifier: MIT
"""Many callers on one event loop, each with a connection of its own that it keeps, each request with an
id of its own (x-ms-client-request-id), each outcome written down."""

import asyncio
import math
import threading
import time
from collections import Counter
from typing import NamedTuple

from .message import Closed, Headers, parse_fields, tokens
from .wait import until


class Outcome(NamedTuple):
    """One request. status: of its answer; None: there was none, and WHY says why. began, ended:
    time.monotonic()."""

    id: str
    status: object
    began: float
    ended: float
    headers: Headers
    body: bytes
    why: str

    @property
    def took(self):
        return self.ended - self.began


class Crowd:
    """CALLERS that send one request after the other, from now on until stop(), or TIMES each. AGENT:
    their User-Agent, a text or a function of the caller's number. UNIX: the socket to come by.
    RATE: so many requests a second of all together, while the answers keep up. IDS False: the
    gateway makes the ids. Once begun, a request has TIMEOUT seconds."""

    def __init__(self, gateway, callers, *, path="/score", method="POST", body=b"{}", agent="crowd",
                 times=None, unix=None, rate=None, ids=True, timeout=90.0):
        self.outcomes = []
        self._watch = gateway.canaries()
        self._to = {"path": unix} if unix else {"host": "127.0.0.1", "port": gateway.port}
        self._open = asyncio.open_unix_connection if unix else asyncio.open_connection
        self._method, self._path, self._body = method, path, body
        self._agent = agent if callable(agent) else lambda n: agent
        self._times, self._timeout, self._ids = times, timeout, ids
        self._interval = callers / rate if rate else 0
        self._callers, self._stop = callers, threading.Event()
        self._problem = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    # From outside

    def stop(self):
        """Each ends with the answer that it waits for."""
        self._stop.set()
        return self.join()

    def join(self, timeout=100.0):
        """Until all have sent what they had to; returns the outcomes in the order of their end."""
        self._thread.join(timeout)
        assert not self._thread.is_alive(), "the callers do not end"
        if self._problem:
            raise self._problem
        return self.outcomes

    def wait(self, n, timeout=30.0):
        """Until N requests more have ended."""
        most = len(self.outcomes) + n
        until(lambda: len(self.outcomes) >= most or self._problem, f"{n} more outcomes", timeout)

    @property
    def failed(self):
        """What did not end with 200."""
        return [o for o in self.outcomes if o.status != 200]

    def assert_all_fine(self):
        assert self.outcomes and not self.failed, (
            Counter(o.status or o.why for o in self.outcomes), self.failed[:3])

    # On the loop

    def _run(self):
        try:
            asyncio.run(self._all())
        except BaseException as problem:  # pylint: disable=broad-except
            self._problem = problem

    async def _all(self):
        async with asyncio.TaskGroup() as group:
            for n in range(self._callers):
                group.create_task(self._caller(n))

    async def _caller(self, n):
        connection, sent = None, 0
        due = time.monotonic() + self._interval * n / self._callers
        while not self._stop.is_set() and sent != self._times:
            if self._interval:
                await self._rest(due)
                due = max(due + self._interval, time.monotonic())
            outcome, connection = await self._request(n, sent, connection)
            self.outcomes.append(outcome)
            sent += 1
        if connection:
            connection[1].close()

    async def _rest(self, due):
        while not self._stop.is_set() and (left := due - time.monotonic()) > 0:
            await asyncio.sleep(min(left, 0.1))

    async def _request(self, n, sent, connection):
        """(the outcome, the connection for the next one or None)"""
        agent, began = self._agent(n), time.monotonic()
        name = f"{agent}-{n}-{sent}" if self._ids else ""
        try:
            async with asyncio.timeout(self._timeout):
                reader, writer = connection or await self._open(**self._to)
                writer.write(self._bytes(agent, name))
                status, headers, body = await self._answer(reader)
        except (OSError, EOFError, Closed) as problem:
            return Outcome(name, None, began, time.monotonic(), Headers(), b"", repr(problem)), None
        outcome = Outcome(headers.get("x-ms-client-request-id", name), status, began,
                          time.monotonic(), headers, body, "")
        assert not name or outcome.id == name, f"the answer to {name} is {outcome}"
        if "close" in tokens(headers, "connection"):
            writer.close()
            return outcome, None
        return outcome, (reader, writer)

    def _bytes(self, agent, name):
        lines = [f"{self._method} {self._path} HTTP/1.1", "Host: localhost", f"User-Agent: {agent}"]
        if name:
            lines.append(f"x-ms-client-request-id: {name}")
        if self._method == "POST":
            lines += ["Content-Type: application/json", f"Content-Length: {len(self._body)}"]
        head = "\r\n".join([*lines, "", ""]).encode()
        return head + self._body if self._method == "POST" else head

    async def _answer(self, reader):
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        headers = parse_fields(lines)
        body = await reader.readexactly(int(headers["content-length"]))
        for word in self._watch:
            assert word not in head and word not in body, "a secret reached a caller"
        return int(first.split(b" ")[1]), headers, body


def quantile(outcomes, part):
    """Of how long OUTCOMES took, in seconds."""
    took = sorted(o.took for o in outcomes)
    return took[min(int(len(took) * part), len(took) - 1)] if took else math.nan
