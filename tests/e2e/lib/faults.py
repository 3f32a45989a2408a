# SPDX-License-Identifier: MIT
"""Allocations and threads that a process does not get, by tests/preload/faults.so: which, is told while
it runs through a page of memory that both have mapped (tests/preload/page.h)."""

import mmap
import os
from pathlib import Path

from .gateway import binary

FIELDS = ("counting", "calls", "failed", "first", "last", "per_mille", "seed", "trace", "threads",
          "stuck")
EVER = 2**64 - 1


def library():
    path = Path(binary()).parents[1] / "tests" / "preload" / "faults.so"
    assert path.exists(), f"{path} is not built: make check-programs"
    return str(path)


class Faults:
    """One page, a file in DIRECTORY. env: what the process needs that it is meant for. The fields are
    attributes; nothing fails, and nothing is counted, until counting is not 0."""

    def __init__(self, directory):
        path = Path(directory) / "faults"
        path.write_bytes(bytes(8 * len(FIELDS)))
        with open(path, "r+b") as file:
            self.__dict__["_words"] = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
        self.__dict__["env"] = {"LD_PRELOAD": library(), "SCOREGATE_FAULTS": str(path)}
        self.trace = 1 if "FAULTS_TRACE" in os.environ else 0

    def __getattr__(self, name):
        if name not in FIELDS:
            raise AttributeError(name)
        return self._words[FIELDS.index(name)]

    def __setattr__(self, name, value):
        self._words[FIELDS.index(name)] = value

    def count(self, first=0, last=None, **more):
        """Counts from here on. FIRST: the call that fails, with all after it up to LAST."""
        self.counting = 0
        self.calls = self.failed = 0
        self.first, self.last = first, first if last is None else last
        for name in ("per_mille", "threads"):
            setattr(self, name, more.get(name, 0))
        self.seed = more.get("seed", 1)
        self.counting = 1

    def stop(self):
        """Everything is granted again. Returns how many calls there were."""
        self.counting = 0
        self.stuck = 0
        return self.calls
