# SPDX-License-Identifier: MIT
"""What the soaks of serving share: an endpoint that is found by name and scales, load without ids, and
the accounts of a request's three sides."""

import json
import os
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from .cloud import SECRET, client_secret, place, settings
from .soak import read_samples
from .wait import until

QUIET = {"level": "info", "format": "text", "access": False}


class Scaled:
    """A gateway with two workers and a route /score to an endpoint found by name, whose deployment
    "blue" works on one request per instance: two per instance are let in, by Azure's rule."""

    def __init__(self, azure, certs, gateway, inference, *, instances, service_ms, **route):
        endpoint = azure.workspace("ws").endpoint("churn", auth_mode="Key")
        self.blue = endpoint.deployment("blue", capacity=instances)
        self.scores = inference(service_ms=service_ms).follow(endpoint)
        self.gateway = gateway(
            [{"path": "/score", "online_endpoint": place(endpoint.workspace, "churn"),
              "identity": "app", **route}], workers=2, secrets=[SECRET], log=QUIET,
            identities={"app": client_secret(azure, azure.application(secret=SECRET))},
            azure=settings(azure, certs))
        self.followed(2 * instances)

    @property
    def limit(self):
        return self.gateway.metric("scoregate_concurrency_limit", route="/score")

    def followed(self, limit, timeout=90.0):
        """Until the gate has it; returns how long that took."""
        began = time.monotonic()
        until(lambda: self.limit == limit, f"a limit of {limit}", timeout)
        return time.monotonic() - began


class Load:
    """tests/bench/load.c while it runs. said: its summary; samples: each request."""

    def __init__(self, program, directory, gateway, path, callers, seconds, rate=None):
        body = directory / "body.json"
        body.write_text('{"data": [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]}')
        self._file, self.said, self._samples = directory / f"load-{callers}", None, None
        paced = ["-r", str(rate)] if rate else []
        self._process = subprocess.Popen(
            [program, "-c", str(callers), "-d", str(seconds), "-t", str(seconds + 60), *paced, "-b",
             body, "-o", self._file, str(gateway.port), path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    @property
    def running(self):
        return self._process.poll() is None

    def join(self):
        out, err = self._process.communicate()
        assert self._process.returncode == 0, err
        self.said = json.loads(out)
        return self

    @property
    def samples(self):
        if self._samples is None:
            self._samples = read_samples(self._file)
        return self._samples

    @property
    def failed(self):
        return [s for s in self.samples if s.status != 200]

    def figure(self):
        s = self.said
        return (f"{s['requests']} requests, {len(self.failed)} failed, "
                f"{s['requests'] / s['seconds']:.0f}/s, p50 {s['p50_us'] / 1000:.1f} ms, "
                f"p99 {s['p99_us'] / 1000:.1f} ms")


@contextmanager
def load(*arguments, **options):
    one = Load(*arguments, **options)
    try:
        yield one
        one.join()
    finally:
        one._process.kill()  # pylint: disable=protected-access


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.pid}/fd"))


def access_log(gateway):
    """{id: [(status, attempts, reason)]} of every request that has ended."""
    seen = {}
    with open(Path(gateway.tmp) / "stderr", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if " request " in line:
                said = dict(word.split("=", 1) for word in line.split() if "=" in word)
                seen.setdefault(said["request_id"], []).append(
                    (int(said["status"]), int(said["attempts"]), said["reason"]))
    return seen
