# SPDX-License-Identifier: MIT
"""What must hold after every test of what happens when something runs out: the same process, no
descriptor and no memory lost, and the next request is served at once."""

import os
import time
from pathlib import Path

from .client import Client
from .gateway import EVERYTHING_UNDER
from .wait import until

SERVED_WITHIN = 20.0 if EVERYTHING_UNDER else 1.0  # seconds
DESCRIPTORS = 8


class Baseline:
    """GATEWAY as it is now; PATH is a route of it that answers 200 to a POST."""

    def __init__(self, gateway, path="/score"):
        self.gateway, self.path, self.pid = gateway, path, gateway.pid
        self.descriptors, self.rss = descriptors(gateway), gateway.rss()

    def assert_alive(self):
        assert self.gateway.pid == self.pid and self.gateway.process.poll() is None, \
            f"exit status {self.gateway.process.poll()}:\n{self.gateway.log()[-3000:]}"

    def assert_serves(self, within=SERVED_WITHIN):
        """A new caller is served WITHIN so many seconds from now, by the same process."""
        began = time.monotonic()
        until(self._served, f"a request is served: {self.gateway.log()[-3000:]}", within)
        self.assert_alive()
        return time.monotonic() - began

    def _served(self):
        self.assert_alive()
        where = ({"port": self.gateway.port} if any(p for _, _, p in self.gateway.listeners)
                 else {"unix": self.gateway.unix})
        try:
            with Client(timeout=SERVED_WITHIN, **where) as caller:
                return caller.post(self.path).status == 200
        except OSError:
            return False

    def assert_back(self, memory, timeout=10.0):
        """Descriptors as before, and no more than MEMORY bytes more, within TIMEOUT; and it serves."""
        self.assert_serves()
        until(lambda: descriptors(self.gateway) <= self.descriptors + DESCRIPTORS,
              f"{self.descriptors} descriptors as before", timeout)
        if EVERYTHING_UNDER or "SCOREGATE_SHADOWED" in os.environ:
            return  # it is not the program's own
        until(lambda: self.gateway.rss() <= self.rss + memory,
              f"the memory is that of before, {self.rss} bytes", timeout)


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.pid}/fd"))


def cpu_seconds(gateway):
    """User and system time of the process so far."""
    fields = Path(f"/proc/{gateway.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def threads(gateway):
    """Their ids, in the order in which they were created."""
    return sorted(int(t) for t in os.listdir(f"/proc/{gateway.pid}/task"))
