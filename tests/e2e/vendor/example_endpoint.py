# SPDX-License-Identifier: MIT
"""What stands where the examples say NAME.REGION.inference.ml.azure.com: the diabetes model, for
who shows the key."""

import json
import threading

from lib.upstream import Response
from servers import DATA

MODEL = json.loads((DATA / "diabetes-model.json").read_bytes())


class Endpoint:
    """A handler of a ScriptedUpstream. KEY: the one that it takes now. status: what it answers to
    those who have it, if not 200. at_once: the most requests that it ever had at the same time."""

    def __init__(self, key):
        self.key, self.status = key, 200
        self.asked = self.refused = self.at_once = self._busy = 0
        self._lock = threading.Lock()
        self.gate = threading.Event()  # nobody is answered while it is not set
        self.gate.set()

    def __call__(self, request):
        with self._lock:
            self.asked += 1
            self._busy += 1
            self.at_once = max(self.at_once, self._busy)
        try:
            assert self.gate.wait(20)
            return self._answer(request)
        finally:
            with self._lock:
                self._busy -= 1

    def _answer(self, request):
        if request.headers.all("authorization") != [f"Bearer {self.key}"]:
            self.refused += 1
            return Response(401, (), b"key_auth_access_denied")
        if self.status != 200:
            return Response(self.status, (), b"the model is away")
        assert request.target == "/score"
        assert request.headers["content-type"] == "application/json"
        answer = [MODEL["intercept"] + sum(c * x for c, x in zip(MODEL["coef"], row, strict=True))
                  for row in json.loads(request.body)["data"]]
        return Response(200, (("Content-Type", "application/json"),), json.dumps(answer).encode())
