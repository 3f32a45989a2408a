# SPDX-License-Identifier: MIT
"""scoregate as a process: started from Python values, with a directory of its own, and looked over
when it ends: exit status, sanitizers, and no secret in anything it wrote."""

import base64
import os
import re
import signal
import subprocess
import time
import urllib.parse
from pathlib import Path

from . import config
from .client import Client

ROOT = Path(__file__).resolve().parents[3]
# Another program that runs it, such as valgrind.
EVERYTHING_UNDER = os.environ.get("SCOREGATE_UNDER", "").split()
SANITIZER = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:")
# The gateway must not depend on the environment of whoever runs the tests.
PASSED_ON = re.compile(r"(PATH|LD_LIBRARY_PATH|TMPDIR|[A-Z]+SAN_OPTIONS|[A-Z]+SAN_SYMBOLIZER_PATH|"
                       r"GCOV_PREFIX.*|LLVM_PROFILE_FILE)$")


def binary():
    path = os.environ.get("SCOREGATE") or str(ROOT / "build" / "src" / "scoregate")
    if not os.access(path, os.X_OK):
        raise FileNotFoundError(f"{path} is not built (SCOREGATE=PATH names another one)")
    return os.path.abspath(path)


def environment(more=None):
    env = {k: v for k, v in os.environ.items() if PASSED_ON.match(k)}
    # Freed memory that the sanitizer holds back would look like growth.
    env["ASAN_OPTIONS"] = "quarantine_size_mb=4:" + env.get("ASAN_OPTIONS", "")
    env.update(more or {})
    return env


def forms(secret):
    """SECRET as it could show up: as it is, in base64, in a URL."""
    raw = secret.encode()
    return [raw, base64.b64encode(raw).rstrip(b"="), urllib.parse.quote(secret, safe="").encode()]


class Gateway:
    """ROUTES: dicts with the route keys. TOP: further top-level keys, which win over the defaults
    here (loopback listeners on ports of the kernel's choice, one worker, debug log). CA: PEM file
    trusted upstream. SECRETS: what must never be told, besides the secrets inline in the config.
    HOSTS: {name: address} and ETC: {file: text} replace files in /etc for this process only (see
    private_etc_works). TEXT: the whole config file instead. UNDER: a command that starts it, and
    becomes it (prlimit). STDERR: where that goes instead of the file that log() reads. What the config
    was made from is in .settings."""

    def __init__(self, tmp, routes=(), *, ca=None, secrets=(), text=None, env=None, hosts=None,
                 etc=None, arguments=(), under=(), stderr=None, start=True, **top):
        self.tmp = Path(tmp)
        self.tmp.mkdir(parents=True, exist_ok=True)
        self.settings = {
            "listen": [{"address": "127.0.0.1", "port": 0}],
            "admin": {"address": "127.0.0.1", "port": 0},
            "workers": 1,
            "drain_timeout_ms": 3000,
            "log": {"level": "debug", "format": "text", "access": True},
        }
        if ca:
            self.settings["tls"] = {"ca_file": str(ca)}
        self.settings.update(top)
        if routes:
            self.settings["routes"] = list(routes)
        self.secrets = [*secrets, *config.inline_secrets(self.settings)]
        self.config = self.tmp / "scoregate.conf"
        self.write_config(text if text is not None else config.text(self.settings))
        self.listeners = []  # (main or admin, address or path, port or None)
        self.process = None
        self._clients = []
        self._env = env
        self._arguments = list(arguments)
        self._under = [*EVERYTHING_UNDER, *under]
        self._stderr = stderr
        self._etc = dict(etc or {})
        if hosts:
            self._etc["hosts"] = "".join(f"{a} {n}\n" for n, a in hosts.items())
            self._etc.setdefault("nsswitch.conf", "hosts: files\n")
        if start:
            self.start()

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind is None:
            self.finish()
        else:
            self.kill()

    def write_config(self, text):
        """Replaces the config file, as an administrator's editor would."""
        new = self.tmp / "scoregate.conf.new"
        new.touch(mode=0o600)
        new.write_text(text)
        new.rename(self.config)

    def secret_file(self, name, secret, mode=0o600):
        """Writes (or replaces) a file with SECRET; returns its path. Before start() for a new one."""
        path = self.tmp / name
        new = self.tmp / (name + ".new")
        new.touch(mode=mode)
        new.write_text(secret + "\n")
        new.rename(path)
        self.secrets.append(secret)
        return str(path)

    def set_etc(self, name, text):
        """Changes a file that was given in ETC or HOSTS, in place."""
        (self.tmp / "etc" / name).write_text(text)

    def start(self, wait=True):
        command = [*self._under, binary(), "serve", "-c", str(self.config), "--listen-file",
                   str(self.tmp / "listen"), *self._arguments]
        if self._etc:
            command = self._in_private_etc(command)
        with open(self.tmp / "stdout", "ab") as out, open(self.tmp / "stderr", "ab") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=self._stderr or err, cwd=self.tmp, env=environment(self._env))
        if wait:
            self.wait_listening()
        return self

    def _in_private_etc(self, command):
        directory = self.tmp / "etc"
        directory.mkdir(exist_ok=True)
        mounts = []
        for name, text in self._etc.items():
            (directory / name).write_text(text)
            mounts.append(f'mount --bind "{directory / name}" "/etc/{name}"')
        script = " && ".join([*mounts, 'exec "$@"'])
        return ["unshare", "-rm", "sh", "-c", script, "sh", *command]

    def wait_listening(self, timeout=20.0):
        path, deadline = self.tmp / "listen", time.monotonic() + timeout
        while not path.exists():
            status = self.process.poll()
            assert status is None, f"exit status {status} at the start:\n{self.log()}"
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"does not listen after {timeout} s:\n{self.log()}")
            time.sleep(0.01)
        self.listeners = []
        for line in path.read_text().splitlines():
            words = line.split()
            if words[1] == "unix":
                self.listeners.append((words[0], " ".join(words[2:]), None))
            else:
                self.listeners.append((words[0], words[1], int(words[2])))

    def _port(self, kind):
        return next(port for k, _, port in self.listeners if k == kind and port is not None)

    @property
    def port(self):
        return self._port("main")

    @property
    def admin_port(self):
        return self._port("admin")

    @property
    def unix(self):
        return next(path for k, path, port in self.listeners if k == "main" and port is None)

    @property
    def pid(self):
        return self.process.pid

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def canaries(self):
        return [form for secret in self.secrets for form in forms(secret)]

    def client(self, **more):
        """A new caller, closed with the gateway; it fails if a secret reaches it."""
        if not {"port", "unix", "host"} & set(more):
            more["port"] = self.port
        caller = Client(watch=self.canaries(), **more)
        self._clients.append(caller)
        return caller

    def admin(self, path, **more):
        """The answer of the admin listener to GET PATH."""
        with Client(port=self.admin_port, watch=self.canaries()) as caller:
            return caller.get(path, **more)

    def metric(self, name, **labels):
        """The sum of the samples of NAME that have LABELS; 0 if there are none."""
        total, page = 0.0, self.admin("/metrics")
        assert page.status == 200, page
        for line in page.text.splitlines():
            match = re.fullmatch(rf"{re.escape(name)}(\{{(.*)\}})? (\S+)", line)
            if match and all(f'{k}="{v}"' in (match[2] or "") for k, v in labels.items()):
                total += float(match[3])
        return total

    def log(self):
        """Everything it has written to stderr so far."""
        return (self.tmp / "stderr").read_text(errors="replace")

    def ended(self, **fields):
        """How many requests have ended, by the access log, with FIELDS (reason="answer_cut", …). The
        log is written by and by: wait with until()."""
        lines = [line.split() for line in self.log().splitlines() if " request " in line]
        return sum(all(f"{k}={v}" in line for k, v in fields.items()) for line in lines)

    def output(self):
        return (self.tmp / "stdout").read_text(errors="replace")

    def rss(self):
        """Resident memory in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024

    def send_signal(self, number):
        self.process.send_signal(number)

    def wait(self, timeout=20.0):
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still runs after {timeout} s:\n{self.log()}") from None

    def stop(self, number=signal.SIGTERM, timeout=None):
        """Signals it and returns the exit status; AssertionError if it outlives the drain time."""
        if self.process.poll() is None:
            self.send_signal(number)
        if timeout is None:
            timeout = self.settings["drain_timeout_ms"] / 1000 + 10
        return self.wait(timeout)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for caller in self._clients:
            caller.close()

    def finish(self):
        """Stops it, unless that has happened, and checks what must hold after every test."""
        for caller in self._clients:
            caller.close()
        if self.process is None:
            return
        was_running = self.process.poll() is None
        if was_running:
            cmdline = Path(f"/proc/{self.pid}/cmdline").read_bytes()
            status = self.stop()
            assert status == 0, f"exit status {status}:\n{self.log()}"
            self.check_no_secret(cmdline)
        self.check_output()

    def check_output(self):
        found = SANITIZER.search(self.log())
        assert not found, self.log()[max(0, found.start() - 200):found.start() + 6000]
        self.check_no_secret((self.tmp / "stdout").read_bytes())
        self.check_no_secret((self.tmp / "stderr").read_bytes())

    def check_no_secret(self, data):
        for form in self.canaries():
            assert form not in data, f"a secret was written: {form!r}"


def private_etc_works():
    """Whether HOSTS and ETC can be used: needs user and mount namespaces."""
    try:
        return subprocess.run(["unshare", "-rm", "mount", "--bind", "/etc/hosts", "/etc/hosts"],
                              capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
