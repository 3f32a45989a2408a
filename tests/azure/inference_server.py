# SPDX-License-Identifier: MIT
"""The process behind Inference (inference.py), which tells what may be said to it: an online endpoint
that scores, on one event loop. `python3 inference_server.py CHAIN KEY PORT` (CHAIN "" for no TLS)
prints its port, then reads lines of JSON and answers each once it has done what it says. It ends with
its standard input."""

import asyncio
import collections
import json
import os
import random
import socket
import ssl
import struct
import sys
import time

REASON = "ms-azureml-model-error-reason"
PHRASES = {200: "OK", 401: "Unauthorized", 404: "Not Found", 424: "Failed Dependency",
           429: "Too Many Requests", 503: "Service Unavailable"}
PRESETS = {
    "unavailable": {"status": 503, "body": "no healthy upstream"},
    "not-ready": {"status": 424, "headers": {REASON: "model_not_ready"}},
    "no-deployment": {"status": 404},
    "too-many": {"status": 429, "headers": {REASON: "too_many_pending_request"}},
    "model-error": {"status": 424, "body": "the model failed",
                    "headers": {REASON: "model_error", "ms-azureml-model-error-statuscode": "500"}},
    "answer": {"status": 200}, "reset": {}, "lost": {}, "cut": {}}


def answer_bytes(status, body=b"", headers=(), kind="text/plain"):
    lines = [f"HTTP/1.1 {status} {PHRASES.get(status, 'Status')}", f"Content-Type: {kind}",
             f"Content-Length: {len(body)}", *(f"{n}: {v}" for n, v in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Fault:
    """For the next TIMES requests, for so many SECONDS, or until it is cleared."""

    def __init__(self, kind, times=None, seconds=None, delay_ms=0, **other):
        self.kind, self.times, self.delay = kind, times, delay_ms / 1000
        self._seconds, self.end = seconds, None
        preset = PRESETS[kind]
        self.status = other.get("status", preset.get("status"))
        self.body = other.get("body", preset.get("body", "")).encode()
        self.headers = {**preset.get("headers", {}), **other.get("headers", {})}

    def begin(self, now):
        if self._seconds is not None:
            self.end = now + self._seconds

    def spent(self, now):
        return self.times == 0 or self.end is not None and now >= self.end


class Deployment:
    """What is in flight in it. Of that, so many as its instances work on are worked on; with queueing
    the others wait for one of these to end."""

    def __init__(self, name):
        self.name, self.capacity, self.max_concurrent = name, 1, 1
        self.in_flight, self.working = 0, 0
        self.waiting = collections.deque()

    @property
    def limit(self):
        return 2 * self.max_concurrent * self.capacity


class Figures:
    """Since they were begun."""

    def __init__(self, in_flight=0):
        self.since = self._seen = time.monotonic()
        self.peak, self.abandoned, self.connections = in_flight, 0, 0
        self.statuses = collections.Counter()
        self.full_s, self.at_s = 0.0, collections.Counter()
        self.requests = []  # [id, target, deployment, status, arrived, ended], as they came

    def pass_time(self, in_flight, limit):
        """So many have been in flight until now."""
        now = time.monotonic()
        self.at_s[in_flight] += now - self._seen
        if 0 < limit <= in_flight:
            self.full_s += now - self._seen
        self._seen = now


class Endpoint:
    def __init__(self):
        self.service_ms, self.queueing, self.enforce = 0, False, None
        self.credentials, self.body = None, "[1, 2]"
        self.deployments, self.traffic = {}, {}
        self.faults, self.figures = [], Figures()
        self._random = random.Random(1)

    # What it is told

    def set(self, deployments=None, **attributes):
        self._tick()
        for name, value in attributes.items():
            if name not in ("service_ms", "queueing", "enforce", "credentials", "body", "traffic"):
                raise ValueError(f"no attribute is called {name!r}")
            setattr(self, name, value)
        if deployments is not None:
            self.deployments = {n: self.deployments.get(n) or Deployment(n) for n in deployments}
            for name, options in deployments.items():
                self.deployments[name].capacity = options.get("capacity", 1)
                self.deployments[name].max_concurrent = options.get("max_concurrent", 1)
        for deployment in self.deployments.values():
            self._work(deployment)

    @property
    def in_flight(self):
        return sum(d.in_flight for d in self.deployments.values())

    @property
    def limit(self):
        return sum(d.limit for n, d in self.deployments.items() if self.traffic.get(n, 0) > 0)

    def _tick(self):
        self.figures.pass_time(self.in_flight, self.limit)

    def begin(self):
        self.figures = Figures(self.in_flight)

    def report(self):
        self._tick()
        f = self.figures
        return {"elapsed_s": time.monotonic() - f.since, "in_flight": self.in_flight,
                "peak": f.peak, "limit": self.limit, "full_s": f.full_s, "at_s": f.at_s,
                "statuses": f.statuses, "abandoned": f.abandoned, "connections": f.connections}

    # Requests

    def add_fault(self, fault):
        if not self.faults:
            fault.begin(time.monotonic())
        self.faults.append(fault)

    def fault(self):
        """The one that the next request meets, or None. Each begins at the end of the one before."""
        now = time.monotonic()
        while self.faults and self.faults[0].spent(now):
            end = self.faults.pop(0).end or now
            if self.faults:
                self.faults[0].begin(end)
        if not self.faults:
            return None
        if self.faults[0].times:
            self.faults[0].times -= 1
        return self.faults[0]

    def deployment_for(self, wanted):
        """By the header, else by chance, as the traffic is split; None: none takes any."""
        if wanted:
            return self.deployments.get(wanted)
        names = [n for n in self.deployments if self.traffic.get(n, 0) > 0]
        if not names:
            return None
        return self.deployments[self._random.choices(names, [self.traffic[n] for n in names])[0]]

    def is_full(self, deployment):
        if self.enforce == "endpoint":
            return self.in_flight >= self.limit
        return self.enforce == "deployment" and deployment.in_flight >= deployment.limit

    def take(self, deployment, begin):
        """A place; BEGIN() is called when it is worked on."""
        self._tick()
        deployment.in_flight += 1
        self.figures.peak = max(self.figures.peak, self.in_flight)
        deployment.waiting.append(begin)
        self._work(deployment)

    def leave(self, deployment, begin, working):
        self._tick()
        deployment.in_flight -= 1
        if working:
            deployment.working -= 1
        else:
            deployment.waiting.remove(begin)
        self._work(deployment)

    def _work(self, deployment):
        hands = deployment.max_concurrent * deployment.capacity
        while deployment.waiting and (not self.queueing or deployment.working < hands):
            deployment.working += 1
            deployment.waiting.popleft()()

    def service_time(self):
        ms = self.service_ms
        return (self._random.uniform(*ms) if isinstance(ms, list) else ms) / 1000


class Connection(asyncio.Protocol):
    """One request at a time, each to its end."""

    def __init__(self, endpoint, connections):
        self._endpoint, self._connections = endpoint, connections
        self._data, self._row = b"", None
        self._place = self._timer = None  # (deployment, begin); the end of the work, if it began

    def connection_made(self, transport):
        self._transport = transport
        self._connections.add(self)
        self._endpoint.figures.connections += 1

    def connection_lost(self, _):
        self._connections.discard(self)
        if self._timer:
            self._timer.cancel()
        if self._row:
            self._endpoint.figures.abandoned += 1
            self._leave()

    def data_received(self, data):
        self._data += data
        self._go_on()

    def _go_on(self):
        while self._row is None and not self._transport.is_closing():
            request = self._take_request()
            if request is None:
                return
            self._serve(*request)

    def _take_request(self):
        """(target, fields), or None while it is not whole."""
        head, found, rest = self._data.partition(b"\r\n\r\n")
        if not found:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines)}
        if "transfer-encoding" in fields:
            end = (b"\r\n" + rest).find(b"\r\n0\r\n\r\n")  # no body of a test holds that
            length = end + 5 if end >= 0 else None
        else:
            length = int(fields.get("content-length", 0))
        if length is None or len(rest) < length:
            return None
        self._data = rest[length:]
        return first.split(" ")[1], fields

    # Serving

    def _serve(self, target, fields):
        endpoint = self._endpoint
        self._row = [fields.get("x-ms-client-request-id"), target, None, None, time.monotonic(),
                     None]
        endpoint.figures.requests.append(self._row)
        fault = endpoint.fault()
        if fault and fault.kind not in ("lost", "cut"):
            self._later(fault.delay, lambda: self._fail(fault))
            return
        if endpoint.credentials is not None:
            scheme, _, value = fields.get("authorization", "").partition(" ")
            if scheme != "Bearer" or value not in endpoint.credentials:
                self._end(401, b"key_auth_access_denied")
                return
        deployment = endpoint.deployment_for(fields.get("azureml-model-deployment"))
        if deployment is None:
            self._end(404)
        elif endpoint.is_full(deployment):
            self._end(429, headers=PRESETS["too-many"]["headers"].items())
        else:
            self._score(deployment, fault)

    def _score(self, deployment, fault):
        def begin():
            delay = self._endpoint.service_time() + (fault.delay if fault else 0)
            self._later(delay, lambda: self._scored(deployment, fault))
        self._row[2] = deployment.name
        self._place = (deployment, begin)
        self._endpoint.take(deployment, begin)

    def _later(self, delay, do):
        self._timer = asyncio.get_running_loop().call_later(delay, do)

    def _scored(self, deployment, fault):
        body = self._endpoint.body.encode()
        headers = (("azureml-model-deployment", deployment.name),)
        if fault:
            whole = answer_bytes(200, body, headers, "application/json")
            self._transport.write(whole[:len(whole) - len(body) // 2 - 1]
                                  if fault.kind == "cut" else b"")
            self._transport.close()
            self._over(fault.kind)
        else:
            self._end(200, body, headers, "application/json")

    def _fail(self, fault):
        if fault.kind == "reset":
            self.reset()
            self._over("reset")
        else:
            self._end(fault.status, fault.body, fault.headers.items())

    def _end(self, status, body=b"", headers=(), kind="text/plain"):
        self._transport.write(answer_bytes(status, body, headers, kind))
        self._over(status)
        asyncio.get_running_loop().call_soon(self._go_on)

    def _over(self, status):
        """The request has ended: with a status, or as a fault says."""
        self._row[3], self._row[5] = status, time.monotonic()
        self._endpoint.figures.statuses[str(status)] += 1
        self._leave()

    def _leave(self):
        place, timer = self._place, self._timer
        self._row = self._place = self._timer = None
        if place:
            self._endpoint.leave(*place, working=timer is not None)

    def reset(self):
        """Ends the connection with RST."""
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()


class Process:
    def __init__(self, chain, key, port):
        self._endpoint, self._connections = Endpoint(), set()
        self._tls, self._server, self._reopening = None, None, None
        if chain:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(chain, key)
        self.port = port

    async def listen(self, yes=True):
        """Listens, or refuses connections and resets those that there are."""
        if self._reopening:
            self._reopening.cancel()
            self._reopening = None
        if yes and not self._server:
            self._server = await asyncio.get_running_loop().create_server(
                lambda: Connection(self._endpoint, self._connections), "127.0.0.1", self.port,
                ssl=self._tls, backlog=512)
            self.port = self._server.sockets[0].getsockname()[1]
        if not yes and self._server:
            self._server.close()
            self._server = None
            self.drop()

    async def refuse(self, seconds):
        async def reopen():
            await asyncio.sleep(seconds)
            self._reopening = None
            await self.listen()
        await self.listen(False)
        self._reopening = asyncio.ensure_future(reopen())

    def drop(self):
        for connection in list(self._connections):
            connection.reset()

    async def obey(self, what):
        endpoint, said = self._endpoint, {}
        if "set" in what:
            endpoint.set(**what["set"])
        if what.get("begin"):
            endpoint.begin()
        if what.get("clear"):
            endpoint.faults.clear()
        for fault in what.get("faults", ()):
            endpoint.add_fault(Fault(**fault))
        if what.get("drop"):
            self.drop()
        if "listen" in what:
            await self.listen(what["listen"])
        if "refuse" in what:
            await self.refuse(what["refuse"])
        if what.get("figures"):
            said["figures"] = endpoint.report()
        if what.get("requests"):
            said["requests"] = endpoint.figures.requests
        return said


async def serve(chain, key, port):
    process, said = Process(chain, key, int(port)), b""
    await process.listen()
    print(process.port, flush=True)
    lines = asyncio.Queue()

    def read():
        nonlocal said
        data = os.read(0, 65536)
        if not data:
            asyncio.get_running_loop().remove_reader(0)
            lines.put_nowait(None)
        *whole, said = (said + data).split(b"\n")
        for line in whole:
            lines.put_nowait(line)

    asyncio.get_running_loop().add_reader(0, read)
    while (line := await lines.get()) is not None:
        try:
            answer = await process.obey(json.loads(line))
        except (ValueError, TypeError, KeyError, OSError) as problem:
            answer = {"problem": repr(problem)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
