# SPDX-License-Identifier: MIT
"""Servers as processes: where they run, how much of the processor and of memory they use, and that
none of them outlives the benchmark."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


class Failure(Exception):
    """One figure cannot be had; the run goes on."""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(condition, what, timeout=60.0):
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {timeout:.0f} s")
        time.sleep(0.01)


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def _status(pid, field):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise Failure(f"/proc/{pid}/status: no {field}")


class Process:
    """COMMAND on CORE, its output in LOG; ends when stopped or when this program ends."""

    def __init__(self, command, core, log, env=None):
        def prepare():
            os.sched_setaffinity(0, {core})
            LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)

        self.log = Path(log)
        self.name = Path(command[0]).name
        with open(self.log, "ab") as out:
            self._process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env=env, start_new_session=True, preexec_fn=prepare)

    def wait(self, condition, what):
        def ready():
            if self._process.poll() is not None:
                raise Failure(f"{self.name} ended with status {self._process.returncode}")
            return condition()

        wait_until(ready, f"{self.name}: {what}")

    def tail(self):
        """The last lines of what it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])

    def pids(self):
        """The process and its children, without those of the children: servers have none."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def cpu_ns(self):
        """Processor time of all threads so far."""
        return sum(int(path.read_text().split()[0])
                   for pid in self.pids() for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))

    def resident(self):
        return sum(_status(pid, "VmRSS") for pid in self.pids())

    def resident_peak(self):
        """The highest that resident() ever was; a little more if there are several processes."""
        return sum(_status(pid, "VmHWM") for pid in self.pids())

    def stop(self):
        """SIGTERM ends every server here within a second or so."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        return self._process.returncode
