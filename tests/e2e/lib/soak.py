# SPDX-License-Identifier: MIT
"""A gateway under load for minutes whose tokens live for seconds. The load (tests/bench/load.c) and the
scoring service (scorer.py) are processes of their own, so that nothing but the fake of Azure needs
this one."""

import subprocess
import time
from bisect import bisect_left
from collections import Counter
from contextlib import contextmanager
from typing import NamedTuple

from azure.clouds import resource_of
from azure.keys import new_key
from azure.tokens import parse

from .cloud import SECRET, client_secret, place, settings
from .gateway import ROOT
from .wait import until

LIFETIME, REFRESH = 4, 2  # of every token, in seconds
AFTER = 0.05              # a renewal is felt for so long after the token has come
NAMES = ("ml", "arm", "endpoint")  # the tokens: for scoring with Entra, for ARM, and ARM's own


class Size(NamedTuple):
    seconds: int
    callers: int


class Sample(NamedTuple):
    """One request: when it began and ended (monotonic), and the status of its answer or 0."""

    began: float
    ended: float
    status: int


def compile_load(directory):
    program = directory / "load"
    subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-o", program,
                    ROOT / "tests" / "bench" / "load.c"], check=True)
    return program


class Soak:
    """ROUTES: some of /entra (an Entra token), /token (an online endpoint's token) and /keys (its
    keys), each with its share of the callers. .issued: {name: [when each token ends, monotonic]}."""

    def __init__(self, azure, certs, gateway, scorer, *, routes=("/entra", "/token"), env=None):
        self.azure, self.scorer, self.paths = azure, scorer, routes
        azure.token_lifetime, azure.refresh_in = LIFETIME, REFRESH
        azure.operation_polls = 0
        azure.endpoint_lifetime, azure.endpoint_refresh_after = LIFETIME, REFRESH
        self.workspace = azure.workspace("ws")
        self.issued = {name: [] for name in NAMES}
        self._asked = dict.fromkeys(NAMES, 0)
        self.gateway = gateway(
            [self._route(path) for path in routes], workers=2, env=env, secrets=[SECRET],
            identities={"app": client_secret(azure, azure.application(secret=SECRET))},
            azure=settings(azure, certs),
            log={"level": "info", "format": "text", "access": False}, start=False)
        scorer.tell(jwks=azure.issuer.jwks())

    def _route(self, path):
        uri, identity = self.scorer.url(path), {"path": path, "identity": "app"}
        if path == "/entra":
            self.scorer.tell(endpoints={path: {"audiences": self.azure.resources["ml"]}})
            return {**identity, "scoring_uri": uri, "auth": {"type": "entra"}}
        mode = {"/token": "AMLToken", "/keys": "Key"}[path]
        endpoint = self.workspace.endpoint(path[1:], auth_mode=mode, scoring_uri=uri)
        self.scorer.tell(endpoints={path: {"audiences": [endpoint.id]} if path == "/token" else
                                    {"keys": sorted(endpoint.keys.current())}})
        return {**identity, "online_endpoint": place(self.workspace, endpoint.name)}

    def start(self):
        """After the faults are set: the first that matches a request counts."""
        for kind in ("entra.token", "arm.token"):
            self.azure.fault(kind, times=None, corrupt=self._note)
        self.gateway.start()
        until(lambda: self.gateway.admin("/readyz").status == 200, "the gateway is ready")
        return self

    def regenerate(self, which):
        """WHICH key of /keys, as Azure does it: the old one is good until the new one is."""
        keys, new = self.azure.find("keys").keys, new_key()
        self.scorer.tell(endpoints={"/keys": {"keys": [*keys.current(), new]}})
        keys.regenerate(which, new)
        self.scorer.tell(endpoints={"/keys": {"keys": sorted(keys.current())}})

    # What went on at Azure

    def _note(self, answer):
        if answer.status != 200:
            return
        document = answer.document
        claims = parse(document.get("access_token") or document["accessToken"])[1]
        name = next((n for n in ("ml", "arm") if claims["aud"] in self.azure.resources[n]),
                    "endpoint")
        self.issued[name].append(claims["exp"] - time.time() + time.monotonic())

    def name(self, call):
        """What CALL asked for."""
        if call.kind != "entra.token":
            return "keys" if call.kind == "arm.listKeys" else "endpoint"
        return next(n for n in ("ml", "arm")
                    if resource_of(call.form["scope"]) in self.azure.resources[n])

    def calls(self, name):
        """Those for the token NAME, or for the keys, that had their end before the load had its."""
        kind = {"endpoint": "arm.token", "keys": "arm.listKeys"}.get(name, "entra.token")
        return [c for c in self.azure.asked(kind)
                if self.name(c) == name and c.ended and c.ended <= self.over]

    def left(self, call):
        """How long the token that CALL is to replace still lives; 0 if there was none."""
        ends = self.issued[self.name(call)]
        return max(ends[-1] - call.started, 0) if ends else 0

    def every_other(self, call):
        """False and true in turn, for each token, false at first."""
        self._asked[self.name(call)] += 1
        return self._asked[self.name(call)] % 2 == 0

    # Load

    @contextmanager
    def load(self, program, size, directory):
        """SIZE.callers for SIZE.seconds; entered when they have begun, left when all is answered.
        What was answered is in .samples: {path: [Sample]}, in the order of their end."""
        files = {path: directory / path[1:] for path in self.paths}
        body = directory / "body.json"
        body.write_text('{"data": [[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]]}')
        began = time.monotonic()
        running = {path: subprocess.Popen(
            [program, "-c", str(size.callers // len(self.paths)), "-d", str(size.seconds), "-t",
             str(size.seconds + 60), "-b", body, "-o", file, str(self.gateway.port), path],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for path, file in files.items()}
        try:
            yield began
            said = {path: one.communicate() for path, one in running.items()}
            self.over, self.told = time.monotonic(), self.scorer.tell()
            assert all(one.returncode == 0 for one in running.values()), said
            assert self.over >= began + size.seconds, said
        finally:
            for one in running.values():
                one.kill()
        self.samples = {path: read_samples(file) for path, file in files.items()}

    def failed(self):
        return {path: [s for s in samples if s.status != 200]
                for path, samples in self.samples.items()
                if any(s.status != 200 for s in samples)}

    def assert_all_fine(self):
        failed = self.failed()
        log = self.gateway.log().splitlines()
        reasons = Counter(w for line in log if " request failed " in line
                          for w in line.split() if w.startswith("reason="))
        assert not failed, "\n".join([
            *(f"{path}: {len(f)} failed, the first {f[0]}, the last {f[-1]}"
              for path, f in failed.items()), f"{reasons} {self.told['refused']}",
            *(line for line in log if " request failed " not in line)][:400])
        assert all(len(samples) > 1 for samples in self.samples.values())


def read_samples(file):
    samples = []
    with open(file, encoding="ascii") as lines:
        for line in lines:
            began, took, status = map(int, line.split())
            samples.append(Sample(began / 1e9, (began + took) / 1e9, status))
    return samples


def quantile(values, part):
    values = sorted(values)
    return values[min(int(len(values) * part), len(values) - 1)] if values else float("nan")


def latencies(samples, calls):
    """(of those that overlap one of CALLS or the moment after it, of the rest), in seconds."""
    spans = sorted((c.started, (c.ended or c.started) + AFTER) for c in calls)
    starts, ends = [s for s, _ in spans], []
    for _, end in spans:
        ends.append(max(end, ends[-1]) if ends else end)
    during, rest = [], []
    for s in samples:
        before = bisect_left(starts, s.ended)  # so many had begun when it ended
        overlaps = before > 0 and ends[before - 1] >= s.began
        (during if overlaps else rest).append(s.ended - s.began)
    return during, rest


def figure(what, samples, calls):
    """One line for people."""
    during, rest = latencies(samples, calls)
    ms = [1000 * quantile(v, p) for v in (during, rest) for p in (0.5, 0.999)]
    return (f"{what}: {len(samples)} requests, {len(calls)} calls for it; during renewals "
            f"p50 {ms[0]:.1f} ms, p99.9 {ms[1]:.1f} ms ({len(during)} requests); "
            f"otherwise p50 {ms[2]:.1f} ms, p99.9 {ms[3]:.1f} ms")
