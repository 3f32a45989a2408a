# SPDX-License-Identifier: MIT
"""A gateway whose credentials come from the fake Azure of tests/azure: its configuration, the scoring
endpoints behind it, and what to look at."""

import json
import threading

from .upstream import Response
from .wait import until

SECRET = "CANARY+client/secret~=&%x9"


def settings(azure, certs):
    """The top-level group of that name."""
    return {"authority": azure.authority, "management": azure.management, "imds": azure.imds,
            "ca_file": str(certs.ca)}


def client_secret(azure, application, secret=None):
    return {"type": "client-secret", "tenant": azure.tenant, "client_id": application.client_id,
            "secret": secret or application.secret}


def place(workspace, name):
    """The names by which an endpoint or a web service is found."""
    return {"subscription": workspace.subscription, "resource_group": workspace.resource_group,
            "workspace": workspace.name, "name": name}


def scoring(azure, name, body=b"[1, 2]"):
    """The handler of an endpoint that takes what the fake issued for NAME."""
    def handler(request):
        refused = azure.check_scoring(name, request.headers.get("authorization"))
        if refused:
            return Response(refused[0], (("Content-Type", "text/plain"),), refused[1].encode())
        return Response(200, (("Content-Type", "application/json"),), body)
    return handler


class World:
    """An Azure with one application, one workspace, one endpoint called "churn" behind a scoring
    upstream, and a gateway with a route /score to it."""

    def __init__(self, azure, certs, upstream, gateway, *, auth_mode="Key", version=2, route=None,
                 secret=SECRET, identity=None, start=True, upstream_options=None, env=None, **top):
        self.azure, self.certs = azure, certs
        self.application = azure.application(secret=secret)
        self.workspace = azure.workspace("ws")
        self.upstream = upstream(handler=scoring(azure, "churn"), **(upstream_options or {}))
        if version == 2:
            self.endpoint = self.workspace.endpoint("churn", auth_mode=auth_mode,
                                                    scoring_uri=self.upstream.url("/score"))
        else:
            self.endpoint = self.workspace.service(
                "churn", auth_enabled=auth_mode == "Key", aad_auth_enabled=auth_mode == "AMLToken",
                scoring_uri=self.upstream.url("/score"))
        named = "online_endpoint" if version == 2 else "web_service"
        self.route = {"path": "/score", named: place(self.workspace, "churn"), "identity": "app",
                      **(route or {})}
        self.route = {k: v for k, v in self.route.items() if v is not None}
        identities = {"app": identity or client_secret(azure, self.application)}
        self.gateway = gateway([self.route], identities=identities,
                               azure=settings(azure, certs), secrets=[secret], start=False, env=env,
                               **top)
        if start:
            self.gateway.start()

    def start(self):
        self.gateway.start()
        return self

    def ready(self, timeout=10.0):
        until(lambda: self.gateway.admin("/readyz").status == 200, "the gateway is ready", timeout)
        return self

    def post(self, **more):
        return self.gateway.client().post("/score", **more)

    def status(self):
        return json.loads(self.gateway.admin("/status").body)

    def credential(self, name):
        """The entry of /status of that name."""
        return next(c for c in self.status()["credentials"] if c["name"] == name)

    def assert_scores(self, times=1):
        with self.gateway.client() as caller:
            for _ in range(times):
                reply = caller.post("/score")
                assert (reply.status, reply.body) == (200, b"[1, 2]"), (reply, self.gateway.log())


class Load:
    """CALLERS threads that post to /score one request after the other until stop(); what was answered
    otherwise than 200 is in .wrong, how many were fine in .fine."""

    def __init__(self, gateway, callers=16, body=b'{"data": []}', path="/score"):
        self.gateway, self.body, self.path = gateway, body, path
        self.fine, self.wrong = 0, []
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(callers)]
        for thread in self._threads:
            thread.start()

    def _run(self):
        fine = 0
        try:
            with self.gateway.client(timeout=30.0) as caller:
                while not self._stop.is_set():
                    reply = caller.post(self.path, body=self.body)
                    if reply.status == 200:
                        fine += 1
                        self.fine += 1
                    else:
                        with self._lock:
                            self.wrong.append(reply)
        except Exception as error:  # pylint: disable=broad-except
            with self._lock:
                self.wrong.append(error)

    def wait(self, n, timeout=30.0):
        """Until N more requests were fine, or one was not."""
        before = self.fine
        until(lambda: self.fine >= before + n or self.wrong, f"{n} more requests", timeout)
        return self

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(40)
        return self
