# SPDX-License-Identifier: MIT
"""An online endpoint that scores, as a process of its own: it keeps to Azure's rule of requests at
once, counts, and goes wrong on purpose."""

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple


class Request(NamedTuple):
    """One that came whole. status: that of the answer; "reset", "lost" or "cut" of one that met such a
    fault; None: under way, or its caller went. arrived, ended: time.monotonic()."""

    id: str             # x-ms-client-request-id
    target: str
    deployment: str     # None: it took no place
    status: object
    arrived: float
    ended: float


class Figures:
    """Since Inference.begin(), or the start of the process: elapsed_s; in_flight (now) and peak;
    limit (now); full_s, for how long all places of the limit of that time were taken; at_s {n: for how
    long N were in flight}; statuses {status or fault: how many}, the keys being texts; abandoned, by
    callers that went before their answer; connections that were made."""

    def __init__(self, said):
        self.__dict__.update(said)
        self.at_s = {int(n): seconds for n, seconds in self.at_s.items()}

    @property
    def busy(self):
        """The part of the time in which all places were taken."""
        return self.full_s / self.elapsed_s

    @property
    def too_many(self):
        return self.statuses.get("429", 0)

    def __repr__(self):
        shown = {name: value for name, value in self.__dict__.items() if name != "at_s"}
        return f"<{shown}, busy {self.busy:.3f}>"


class Inference:
    """TLS: a Cert, None for plain HTTP. PORT 0: of the kernel's choice. SETTINGS, which set() changes:

    deployments   {name: {"capacity": instances, "max_concurrent": of each}}
    traffic       {name: percent}: how requests are dealt out that do not name a deployment
                  (azureml-model-deployment); 404 where there is none to take them
    enforce       "endpoint": more than 2 x max_concurrent x capacity at once, summed over those with
                  traffic, are answered 429; "deployment": each has its own limit; None: no limit
    service_ms    how long a request is worked on, a number or [from, to]
    queueing      only max_concurrent x capacity are worked on at once, the others wait in line;
                  without it all that are let in are worked on
    credentials   the keys that are accepted; None: anything
    body          of the answer

    One deployment "blue" takes everything unless SETTINGS say otherwise."""

    def __init__(self, tls=None, port=0, **settings):
        self._tls, self.port = tls, port
        self._settings = {"deployments": {"blue": {}}, "traffic": {"blue": 100}, **settings}
        self._lock = threading.Lock()
        self._process = None
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def url(self, path="/score"):
        return f"{'https' if self._tls else 'http'}://localhost:{self.port}{path}"

    # Life

    def start(self):
        """Begins again after kill(), on the same port and with what was set last; figures and faults
        are gone."""
        chain, key = (self._tls.chain, self._tls.key) if self._tls else ("", "")
        self._process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("inference_server.py"), chain, key,
             str(self.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        said = self._process.stdout.readline()
        if not said:
            raise RuntimeError(f"the endpoint ended with {self._process.wait()}")
        self.port = int(said)
        self._tell(set=self._settings, begin=True)

    def kill(self):
        """As a machine that loses power: no connection is ended in good order."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        self._process.stdin.close()
        self._process.stdout.close()

    def stop(self):
        if self._process.poll() is None:
            self._process.stdin.close()
            self._process.wait(10)
            self._process.stdout.close()

    def listen(self, yes=True):
        """Listens, or refuses connections and resets those that there are."""
        self._tell(listen=yes)

    def refuse(self, seconds):
        """Refuses connections for so long, and resets those that there are."""
        self._tell(refuse=seconds)

    def drop(self):
        """Resets every connection."""
        self._tell(drop=True)

    # What it does

    def set(self, **settings):
        self._settings.update(settings)
        self._tell(set=settings)

    def follow(self, endpoint):
        """Is what ENDPOINT (of a Workspace) describes, from now on: its scoring_uri, its deployments
        and traffic, its keys; also when Deployment.scale() or Endpoint.shift() changes them."""
        endpoint.scoring_uri = self.url()
        endpoint.swagger_uri = self.url("/swagger.json")
        endpoint.follow(lambda: self.set(
            deployments={d.name: {"capacity": d.capacity, "max_concurrent": d.max_concurrent}
                         for d in endpoint.deployments.values()},
            traffic=dict(endpoint.traffic),
            credentials=list(endpoint.keys.current()) if endpoint.auth_mode == "Key" else None))
        return self

    def fault(self, kind, **options):
        """For the next TIMES requests, for so many SECONDS, or until clear(); one that is set later
        begins when those before it are over. delay_ms: that much later. KIND:

        unavailable     503
        not-ready       424, model_not_ready
        no-deployment   404
        too-many        429, whatever is in flight
        model-error     424, model_error, of a model that said 500
        answer          any other
        reset           RST in place of an answer; nothing is done
        lost            it is done, and the connection ends without an answer
        cut             it is done, and the connection ends amid the answer

        status, headers, body: instead of those of the kinds that answer."""
        self._tell(faults=[{"kind": kind, **options}])

    def clear(self):
        """Takes all faults away."""
        self._tell(clear=True)

    # What it saw

    def begin(self):
        """Counts from now on; the requests so far are forgotten."""
        self._tell(begin=True)

    def figures(self):
        return Figures(self._tell(figures=True)["figures"])

    def requests(self):
        """Every Request, in the order in which they came."""
        return [Request(*row) for row in self._tell(requests=True)["requests"]]

    def _tell(self, **what):
        with self._lock:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()
            said = self._process.stdout.readline()
        if not said:
            raise RuntimeError("the endpoint is gone")
        said = json.loads(said)
        if "problem" in said:
            raise ValueError(said["problem"])
        return said
