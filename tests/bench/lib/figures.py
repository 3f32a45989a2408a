# SPDX-License-Identifier: MIT
"""The figures: what each one is called, what it should be, and how one sample of it is taken."""

import json
import re
import signal
import subprocess
import time
from typing import Callable, NamedTuple, Optional

from .files import HUGE, LARGE, MIB
from .process import Failure, wait_until
from .upstream import program

IDLE_CALLERS = 1000


class Figure(NamedTuple):
    """goal: the most that it should be: so many times nginx's figure, or so many units. compared:
    whether a ratio says anything; of nearly nothing it does not."""

    title: str
    unit: str
    goal: Optional[float] = None
    times_nginx: bool = False
    compared: bool = True


class Group(NamedTuple):
    """Figures that one sample yields together. sample(bench, gateway) returns {key: value}.
    fresh: the gateway is started anew for every sample; else all run side by side and are warm."""

    figures: dict
    sample: Callable
    rounds: int
    fresh: bool = False
    ca: str = "ca"


class Bench:
    """What a sample needs: the files, the upstream, the cores, and how much to do."""

    def __init__(self, made, upstream, core, quick):
        self.made, self.upstream, self.core, self.quick = made, upstream, core, quick

    def start(self, gateway, ca):
        gateway.start(self.made, self.upstream, self.core, getattr(self.made, ca))

    def count(self, full):
        return max(full // 5, 1) if self.quick else full

    def command(self, gateway, path, *options):
        return [str(word) for word in (self.made.load, *options, gateway.port, path)]

    def load(self, gateway, path, callers, requests, *options):
        """What the load generator says after REQUESTS requests."""
        command = self.command(gateway, path, "-c", callers, "-n", requests, *options)
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"{path}: {done.stderr.strip() or 'took too long'}")
        return json.loads(done.stdout)

    def score(self, gateway, callers, requests, path="/score"):
        return self.load(gateway, path, callers, requests, "-b", self.made.request)

    def warm(self, gateway):
        self.score(gateway, 32, self.count(5000))


def _with_cpu(gateway, action):
    """What ACTION returns, and the nanoseconds of processor time that the gateway spent."""
    before = gateway.process.cpu_ns()
    result = action()
    return result, gateway.process.cpu_ns() - before


def _scoring(bench, gateway):
    values = {}
    for callers, requests in ((32, bench.count(40000)), (1, bench.count(8000))):
        done, cpu = _with_cpu(gateway, lambda: bench.score(gateway, callers, requests))
        values.update({f"cpu_{callers}": cpu / requests / 1e3,
                       f"rate_{callers}": requests / done["seconds"],
                       f"p50_{callers}": done["p50_us"], f"p99_{callers}": done["p99_us"]})
    return values


def _count_calls(gateway, action):
    """How many system calls all the gateway's threads made during ACTION. The counts by name stay
    in the gateway's directory."""
    pids = gateway.process.pids()
    summary, log = gateway.directory / "strace", gateway.directory / "strace.log"
    with open(log, "w") as out:
        tracer = subprocess.Popen(
            [program("strace"), "-c", "-f", "-U", "calls,name", "-o", summary,
             *(f"-p{pid}" for pid in pids)], stderr=out)
    try:
        def attached():
            if tracer.poll() is not None:
                raise Failure(f"strace: {log.read_text()}")
            return len(re.findall(" attached", log.read_text())) >= len(pids)

        wait_until(attached, "strace")
        action()
    finally:
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        tracer.wait()
    rows = re.findall(r"^\s*(\d+)\s+(\w+)\s*$", summary.read_text(), re.M)
    return sum(int(calls) for calls, name in rows if name != "total")


def _calls_per_request(bench, gateway, callers, requests, path="/score"):
    bench.score(gateway, callers, callers, path)
    return _count_calls(
        gateway, lambda: bench.score(gateway, callers, requests, path)) / requests


def _calls(bench, gateway):
    return {"calls_1": _calls_per_request(bench, gateway, 1, 500),
            "calls_32": _calls_per_request(bench, gateway, 32, 3200)}


def _start(bench, gateway):
    """Once it grows no more: who listens may still be starting its workers."""
    resident, stable = 0, 0
    deadline = time.monotonic() + 10
    while stable < 20 and time.monotonic() < deadline:
        before, resident = resident, gateway.process.resident()
        stable = stable + 1 if resident == before else 0
        time.sleep(0.01)
    return {"resident": resident / MIB}


def _idle(bench, gateway):
    bench.score(gateway, 1, 500)
    before = gateway.process.resident()
    command = bench.command(gateway, "/score", "-b", bench.made.request, "-k", "-a", 1,
                            "-c", IDLE_CALLERS, "-n", IDLE_CALLERS)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        if not holder.stdout.readline():
            raise Failure("the idle callers could not make their requests")
        after = gateway.process.resident()
        holder.stdin.close()
    return {"per_idle": (after - before) / IDLE_CALLERS / 1024}


def _transfer(bench, gateway, direction, path, size, requests=1):
    """REQUESTS bodies of SIZE bytes, one after the other."""
    options = ("-u", size) if direction == "up" else ()
    done = bench.load(gateway, path, 1, requests, *options)
    if direction == "down" and done["received"] < size * requests:
        raise Failure(f"{path}: {done['received']} bytes came")
    return done


def _body(bench, gateway):
    values, requests = {}, bench.count(5)
    for direction, path in (("up", "/up"), ("down", "/large")):
        done, cpu = _with_cpu(
            gateway, lambda: _transfer(bench, gateway, direction, path, LARGE, requests))
        values[f"speed_{direction}"] = LARGE * requests / MIB / done["seconds"]
        values[f"cost_{direction}"] = cpu / 1e6 / requests
    return values


def _growth(direction, path):
    def sample(bench, gateway):
        bench.warm(gateway)
        before, peak_before = gateway.process.resident(), gateway.process.resident_peak()
        _transfer(bench, gateway, direction, path, HUGE)
        peak = gateway.process.resident_peak()
        # Where the peak of all time did not move, what is resident now is the better estimate.
        after = peak if peak > peak_before else gateway.process.resident()
        return {f"growth_{direction}": (after - before) / MIB}

    return sample


def _connections(bench, gateway):
    values, requests = {}, bench.count(250)
    for path, key in (("/new", "new"), ("/resumed", "resumed")):
        bench.score(gateway, 1, 5, path)
        done, cpu = _with_cpu(gateway, lambda: bench.score(gateway, 1, requests, path))
        values[f"cpu_{key}"] = cpu / 1e6 / requests
        values[f"p50_{key}"] = done["p50_us"] / 1e3
    return values


def _connection_calls(bench, gateway):
    return {"calls_new": _calls_per_request(bench, gateway, 1, 50, "/new")}


GROUPS = {
    "memory": Group({
        "resident": Figure("resident at the start, small CA file", "MiB", 12),
    }, _start, 1, fresh=True),
    "idle": Group({
        "per_idle": Figure(f"resident per idle caller (of {IDLE_CALLERS})", "KiB", 20),
    }, _idle, 1, fresh=True),
    "score": Group({
        "cpu_32": Figure("processor per request, 32 callers", "µs", 1.2, True),
        "rate_32": Figure("requests per second, 32 callers", "1/s"),
        "p50_32": Figure("latency p50, 32 callers", "µs"),
        "p99_32": Figure("latency p99, 32 callers", "µs"),
        "cpu_1": Figure("processor per request, 1 caller", "µs"),
        "rate_1": Figure("requests per second, 1 caller", "1/s"),
        "p50_1": Figure("latency p50, 1 caller", "µs", 1.05, True),
        "p99_1": Figure("latency p99, 1 caller", "µs"),
    }, _scoring, 9),
    "calls": Group({
        "calls_1": Figure("system calls per request, 1 caller", ""),
        "calls_32": Figure("system calls per request, 32 callers", ""),
    }, _calls, 1),
    "body": Group({
        "speed_up": Figure("64 MiB up", "MiB/s"),
        "cost_up": Figure("64 MiB up, processor", "ms"),
        "speed_down": Figure("64 MiB down", "MiB/s"),
        "cost_down": Figure("64 MiB down, processor", "ms"),
    }, _body, 5),
    "growth-up": Group({
        "growth_up": Figure("1 GiB up, more resident", "MiB", 4, compared=False),
    }, _growth("up", "/up"), 1, fresh=True),
    "growth-down": Group({
        "growth_down": Figure("1 GiB down, more resident", "MiB", 4, compared=False),
    }, _growth("down", "/huge"), 1, fresh=True),
    "connect": Group({
        "cpu_new": Figure("new TLS connection, processor, Debian's CAs", "ms", 2),
        "p50_new": Figure("request over a new connection, p50", "ms"),
        "cpu_resumed": Figure("resumed TLS connection, processor", "ms"),
        "p50_resumed": Figure("request over a resumed connection, p50", "ms"),
    }, _connections, 5, ca="bundle"),
    "connect-calls": Group({
        "calls_new": Figure("system calls per request, new connection", ""),
    }, _connection_calls, 1, ca="bundle"),
}
