# SPDX-License-Identifier: MIT
"""What was asked of the fake, what goes wrong on purpose, and how a request is answered."""

import fnmatch
import threading
import time
import traceback

from .faults import Faults
from .message import Answer, Refusal, arm_error, error


class Traffic:
    """A part of Azure. calls: every request, in the order in which they came. failures: what broke
    in the fake itself."""

    def __init__(self):
        self.lock = threading.RLock()
        self.stopping = threading.Event()
        self.calls, self.failures = [], []
        self._under_way = {}  # kind -> how many
        self.faults = Faults(self.lock)

    def count(self, kind="*"):
        """How many requests of KIND came; KIND may be a pattern, as "entra.*"."""
        return len(self.asked(kind))

    def asked(self, kind="*"):
        with self.lock:
            return [c for c in self.calls if fnmatch.fnmatchcase(c.kind, kind)]

    def peak(self, kind):
        """The most requests of KIND that were under way at once."""
        return max((c.concurrent for c in self.asked(kind)), default=0)

    def forget(self):
        """The calls so far."""
        with self.lock:
            self.calls.clear()

    def fault(self, kind, *arguments, **options):
        """Sets a Fault, which see: fault(kind, times=1, until=None, where=None, status=…, …)."""
        return self.faults.add(kind, *arguments, **options)

    def clear(self, kind=None):
        """Takes faults away: all, those set for KIND, or one."""
        self.faults.clear(kind)

    def failed(self):
        with self.lock:
            self.failures.append(traceback.format_exc())

    # Serving

    def serve(self, call, connection, has_length):
        """Answers CALL on CONNECTION, a server.Handler. In the connection's thread."""
        if call.path == "/_control":
            connection.send(self.commands.serve(call))
            return
        handler = self.routes.find(call, connection.server.scheme == "https")
        with self.lock:
            self.calls.append(call)
            call.concurrent = self._under_way[call.kind] = self._under_way.get(call.kind, 0) + 1
        routed = call.kind
        try:
            self._serve(call, connection, handler, has_length)
        finally:
            with self.lock:
                self._under_way[routed] -= 1
                call.ended = time.monotonic()

    def _serve(self, call, connection, handler, has_length):
        fault = self.faults.take(call)
        if fault and fault.drop in ("before", "reset"):
            self.stopping.wait(fault.delay)
            connection.end(reset=fault.drop == "reset")
            return
        if fault and fault.replaces():
            answer = fault.replacement(call, self.now())
        else:
            answer = self._ask(call, handler, has_length)
            if fault:
                answer = fault.spoil(answer)
        if fault and fault.delay:
            self.stopping.wait(fault.delay)
        if fault and fault.drop == "after" or self.stopping.is_set():
            connection.end()
            return
        call.status = answer.status
        connection.send(answer, fault and fault.chunked, half=bool(fault and fault.drop))

    def _ask(self, call, handler, has_length):
        if not has_length and call.kind.partition(".")[0] in ("arm", "mms", "entra", "vault"):
            return Answer(411, headers={"Content-Type": "text/html; charset=us-ascii"},
                          body=b"<h2>Length Required</h2>")
        if handler is None:
            return arm_error(404, "NotFound", f"There is nothing at {call.path}.")
        try:
            with self.lock:
                return handler()
        except Refusal as refusal:
            return refusal.answer
        except Exception:  # pylint: disable=broad-exception-caught
            self.failed()
            return error(call, 500, "The fake itself is broken.", self.now())
