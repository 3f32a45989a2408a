# SPDX-License-Identifier: MIT
"""An upstream's handler that keeps each request until it is let go, so that a test decides what is in
flight."""

import threading

from .upstream import Response
from .wait import until


class Held:
    """arrived: every request, in the order in which they came; peak: the most that were here at
    once."""

    def __init__(self):
        self.arrived, self.peak = [], 0
        self._here, self._lock = 0, threading.Lock()
        self._let, self._all = threading.Semaphore(0), threading.Event()

    def __call__(self, request):
        with self._lock:
            self.arrived.append(request)
            self._here += 1
            self.peak = max(self.peak, self._here)
        while not self._all.is_set() and not self._let.acquire(timeout=0.05):
            pass
        with self._lock:
            self._here -= 1
        return Response(200, body=request.body)

    @property
    def bodies(self):
        """Of those that arrived."""
        return [request.body for request in self.arrived]

    def wait(self, n):
        """Until N have come in all."""
        until(lambda: len(self.arrived) >= n, f"{n} requests are held")

    def let(self, n=1):
        """N of those that are here, or come, are answered."""
        self._let.release(n)

    def let_all(self):
        """Nothing is held any longer."""
        self._all.set()
