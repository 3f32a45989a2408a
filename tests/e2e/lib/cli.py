# SPDX-License-Identifier: MIT
"""The program as a user calls it on a command line."""

import os
import signal
import subprocess
import threading

from .gateway import SANITIZER, binary, environment
from .wait import until


def run(*arguments, env=None, cwd=None, timeout=30):
    """Runs a command to its end. Returns a CompletedProcess with text in stdout and stderr."""
    result = subprocess.run([binary(), *map(str, arguments)], stdin=subprocess.DEVNULL,
                            capture_output=True, cwd=cwd, env=environment(env), timeout=timeout,
                            check=False, text=True, errors="replace")
    assert not SANITIZER.search(result.stderr), result.stderr
    assert result.returncode >= 0, f"killed by signal {-result.returncode}: {result.stderr}"
    return result


class Running:
    """A command that goes on until it is stopped; .output and .errors have what it has printed."""

    def __init__(self, *arguments, env=None, cwd=None):
        self.output = self.errors = ""
        self.process = subprocess.Popen([binary(), *map(str, arguments)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd,
                                        env=environment(env), text=True, errors="replace")
        self._readers = [threading.Thread(target=self._read, args=(pipe, name), daemon=True)
                         for pipe, name in ((self.process.stdout, "output"),
                                            (self.process.stderr, "errors"))]
        for reader in self._readers:
            reader.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def _read(self, pipe, name):
        with pipe:
            for line in pipe:
                setattr(self, name, getattr(self, name) + line)

    def wait_output(self, text, timeout=20.0):
        """Until TEXT was printed to stdout; returns all of it."""
        def there():
            assert self.process.poll() is None, f"it ended: {self.errors}"
            return text in self.output
        until(there, f"{text!r} is printed", timeout)
        return self.output

    def stop(self, number=signal.SIGTERM, timeout=20):
        """Returns the exit status."""
        os.kill(self.process.pid, number)
        status = self.process.wait(timeout)
        for reader in self._readers:
            reader.join(5)
        assert not SANITIZER.search(self.errors), self.errors
        return status
