# SPDX-License-Identifier: MIT
"""A machine to follow a README on, word for word: a network with nothing but loopback, where the
names of endpoints lead to the tests, and an /etc, a /run and a /usr/local/bin of its own. Needs
root."""

import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import threading
from pathlib import Path

import pytest

from .gateway import SANITIZER, binary, environment
from .wait import until

SETUP = """
mount -t tmpfs -o mode=755 run /run
mount --bind "$1/etc" /etc
mount --bind "$1/bin" /usr/local/bin
echo ready
exec cat
"""
# In place of sudo, which not every machine has.
SUDO = """#!/bin/sh
if [ "$1" = -u ]; then
    user=$2
    shift 2
    exec setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups "$@"
fi
exec "$@"
"""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR = 0x8913, 0x8914, 0x8916
IFF_UP = 1


class Machine:
    """DIRECTORY: where commands run. HOSTS: {name: address}. CA: whom it trusts."""

    def __init__(self, tmp, directory, hosts, ca):
        if os.getuid() != 0:
            pytest.fail("the examples of deployment are set up as root says: run this as root")
        self.directory = directory
        self._tmp, self._started = tmp, []
        self._furnish(tmp, hosts, ca)
        self._process = subprocess.Popen(
            ["unshare", "--mount", "--net", "sh", "-ec", SETUP, "sh", tmp], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = self._process.stdout.readline()
        assert said == "ready\n", said
        self._in_network(self._loopback_up)

    @staticmethod
    def _furnish(tmp, hosts, ca):
        subprocess.run(["cp", "-a", "/etc", tmp / "etc"], check=True)
        etc = tmp / "etc"
        (etc / "hosts").write_text("127.0.0.1 localhost\n" + "".join(
            f"{address} {name}\n" for name, address in hosts.items()))
        (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        (etc / "ssl" / "certs").mkdir(parents=True, exist_ok=True)
        (etc / "ssl" / "certs" / "ca-certificates.crt").write_text(Path(ca).read_text())
        (tmp / "bin").mkdir()
        for name, content in (("sudo", SUDO.encode()), ("scoregate", Path(binary()).read_bytes())):
            (tmp / "bin" / name).write_bytes(content)
            (tmp / "bin" / name).chmod(0o755)

    def finish(self):
        """Ends what was started; AssertionError if that does not end well."""
        try:
            for process in reversed(self._started):
                process.finish()
        finally:
            for process in self._started:
                process.kill()
            self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()
            shutil.rmtree(self._tmp / "etc")

    # Its network

    def _in_network(self, function):
        """What FUNCTION returns, called in a thread that is in the machine's network."""
        returned = []

        def call():
            with open(f"/proc/{self._process.pid}/ns/net", encoding="ascii") as net:
                libc = ctypes.CDLL(None, use_errno=True)
                assert libc.setns(net.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            returned.append(function())

        thread = threading.Thread(target=call)
        thread.start()
        thread.join()
        return returned[0]

    @staticmethod
    def _loopback_up():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            flags = struct.unpack("16xh22x", fcntl.ioctl(
                sock, SIOCGIFFLAGS, struct.pack("16s24x", b"lo")))[0]
            fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))

    def add_address(self, address):
        """ADDRESS is the machine's, too, as of a pod."""
        def add():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                fcntl.ioctl(sock, SIOCSIFADDR, struct.pack(
                    "16sHH4s16x", b"lo:1", socket.AF_INET, 0, socket.inet_aton(address)))

        self._in_network(add)

    def listen(self, address, port=443):
        """A socket that listens there, for a ScriptedUpstream."""
        return self._in_network(lambda: socket.create_server((address, port), backlog=128))

    def listens(self, port, address="127.0.0.1"):
        """Whether anybody does."""
        def connect():
            try:
                socket.create_connection((address, port), 5).close()
                return True
            except OSError:
                return False

        return self._in_network(connect)

    # What is done on it

    def path(self, inside):
        """The file that is called INSIDE there."""
        return Path(f"/proc/{self._process.pid}/root") / str(inside).lstrip("/")

    def _command(self, text):
        return ["nsenter", f"--target={self._process.pid}", "--mount", "--net", "sh", "-ec",
                f'cd "$1"; shift\n{text}', "sh", self.directory]

    def _environment(self, more):
        return environment({"HOME": str(self.directory), "PATH": PATH, **(more or {})})

    def run(self, text, env=None, check=True):
        """TEXT, in a shell, to its end; what it prints, or with CHECK=False all that came of it."""
        done = subprocess.run(self._command(text), stdin=subprocess.DEVNULL, text=True,
                              capture_output=True, check=False, timeout=60,
                              env=self._environment(env))
        if not check:
            return done
        assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, text, env=None):
        """TEXT, one command that goes on. It must end well when the machine does."""
        started = Started(self._command(f"exec {text}"), self._environment(env),
                          self.directory / "started.log")
        self._started.append(started)
        return started

    def serve(self, text, port=8080):
        """As start(), until PORT is listened on."""
        started = self.start(text)

        def ready():
            assert started.process.poll() is None, started.log()
            return self.listens(port)

        until(ready, f"{text} listens")
        return started


class Started:
    def __init__(self, command, env, log):
        self._log = log
        with open(log, "ab") as out:
            self.process = subprocess.Popen([str(c) for c in command], env=env,
                                            stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def log(self):
        return self._log.read_text(errors="replace")

    def finish(self):
        """SIGTERM, and the end that it should come to."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0, self.log()
        assert not SANITIZER.search(self.log()), self.log()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
