# SPDX-License-Identifier: MIT
"""libfaketime moves the wall clock of the gateway alone and leaves the monotonic one as it is."""

import glob
import subprocess

from .gateway import binary

LIBRARY = next(iter(glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), None)


class WallClock:
    """env: what a process needs whose clock jump() is to move; the offset stands in DIRECTORY."""

    def __init__(self, directory):
        assert LIBRARY, "libfaketime is missing: ./bootstrap deps check installs it"
        self._offset = directory / "offset"
        self.jump(0)
        self.env = {"LD_PRELOAD": " ".join(filter(None, [sanitizer(), LIBRARY])),
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_TIMESTAMP_FILE": str(self._offset)}

    def jump(self, seconds):
        """Sets it that far off, from the next look at it."""
        new = self._offset.with_suffix(".new")
        new.write_text(f"{seconds:+d}s\n")
        new.rename(self._offset)


def sanitizer():
    """The runtime of a sanitizer wants to be the first library."""
    linked = subprocess.run(["ldd", binary()], capture_output=True, text=True, check=True).stdout
    return next((line.split()[2] for line in linked.splitlines()
                 if "libasan" in line or "libtsan" in line), None)
