# SPDX-License-Identifier: MIT
"""What a service manager sees: readiness, signs of life, stopping, sockets that it passes."""

import re
import shlex
import signal
import socket
import subprocess
import time

import pytest

from lib.client import Client
from lib.gateway import ROOT, binary, environment
from lib.wait import until


@pytest.fixture
def manager(tmp_path):
    """A notify socket of the test's own, and how to start scoregate under it."""
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(tmp_path / "notify"))
    notify.settimeout(10)
    started = []

    def start(config, passed=None, **env):
        (tmp_path / "c.conf").write_text(config)
        env = environment({"NOTIFY_SOCKET": str(tmp_path / "notify"), **env})
        command = [binary(), "serve", "-c", str(tmp_path / "c.conf"),
                   "--listen-file", str(tmp_path / "listen")]
        if passed is not None:
            # LISTEN_PID names the process that may take the sockets, so the shell becomes it.
            command = ["bash", "-c", f'exec 3<&{passed.fileno()}; export LISTEN_PID=$$; exec "$@"', "bash",
                       *command]
        process = subprocess.Popen(command, env=env, stderr=subprocess.PIPE,
                                   pass_fds=[passed.fileno()] if passed is not None else [])
        started.append(process)
        return process

    yield start, lambda: notify.recv(4096), tmp_path
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
    notify.close()


CONFIG = 'listen = { address = "127.0.0.1"; port = 0; }; admin = { enabled = false; };\n'


def test_tells_when_it_listens_and_when_it_stops(manager):
    start, told, tmp = manager
    process = start(CONFIG)
    assert told() == b"READY=1"
    _, address, port = (tmp / "listen").read_text().split()
    with Client(int(port), address) as caller:
        assert caller.request("GET", "/").status == 404
    process.send_signal(signal.SIGTERM)
    assert told() == b"STOPPING=1"
    assert process.wait(10) == 0


@pytest.mark.parametrize("text", [CONFIG, "wrong"])
def test_tells_when_it_reloads(manager, text):
    start, told, tmp = manager
    process = start(CONFIG)
    assert told() == b"READY=1"
    (tmp / "c.conf").write_text(text)
    before = time.monotonic_ns() // 1000
    process.send_signal(signal.SIGHUP)
    state, moment = told().split(b"\n")
    assert state == b"RELOADING=1"
    assert before <= int(moment.removeprefix(b"MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert told() == b"READY=1"
    process.send_signal(signal.SIGTERM)
    assert told() == b"STOPPING=1"
    assert process.wait(10) == 0


def test_the_units_own_command_reloads(manager):
    """As systemd would run it: with MAINPID, and in words as it parts them."""
    start, told, _ = manager
    unit = (ROOT / "systemd" / "scoregate.service.in").read_text()
    line, = re.findall(r"^ExecReload=\+(.*)$", unit, re.MULTILINE)
    process = start(CONFIG)
    assert told() == b"READY=1"
    subprocess.run(shlex.split(line), env={"MAINPID": str(process.pid)}, check=True)
    assert told().startswith(b"RELOADING=1")
    assert told() == b"READY=1"


def test_gives_signs_of_life(manager):
    start, told, _ = manager
    process = start(CONFIG, WATCHDOG_USEC="200000")
    assert told() == b"READY=1"
    assert [told() for _ in range(5)] == [b"WATCHDOG=1"] * 5
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_takes_the_socket_of_its_name(manager):
    start, told, tmp = manager
    passed = socket.socket()
    passed.bind(("127.0.0.1", 0))
    passed.listen(8)
    process = start('listen = { systemd = "score"; }; admin = { enabled = false; };\n', passed,
                    LISTEN_FDS="1", LISTEN_FDNAMES="score")
    assert told() == b"READY=1"
    assert (tmp / "listen").read_text() == f"main 127.0.0.1 {passed.getsockname()[1]}\n"
    with Client(passed.getsockname()[1]) as caller:
        assert caller.request("GET", "/").status == 404
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    passed.close()


def test_a_socket_that_was_passed_is_let_go_and_taken_again(manager):
    start, told, tmp = manager
    passed = socket.socket()
    passed.bind(("127.0.0.1", 0))
    passed.listen(8)
    other, with_it = CONFIG, 'listen = { systemd = "score"; }; admin = { enabled = false; };\n'
    process = start(with_it, passed, LISTEN_FDS="1", LISTEN_FDNAMES="score")
    assert told() == b"READY=1"
    for config in (with_it, other, with_it):
        (tmp / "c.conf").write_text(config)
        process.send_signal(signal.SIGHUP)
        assert told().startswith(b"RELOADING=1")
        assert told() == b"READY=1"
        place = f"main 127.0.0.1 {passed.getsockname()[1]}\n"
        until(lambda: ((tmp / "listen").read_text() == place) == (config is with_it), "it listens there")
    with Client(passed.getsockname()[1]) as caller:
        assert caller.request("GET", "/").status == 404
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    passed.close()


def test_a_socket_that_was_not_passed_is_an_error(manager):
    start, _, _ = manager
    process = start('listen = { systemd = "score"; }; admin = { enabled = false; };\n')
    _, error = process.communicate(timeout=10)
    assert process.returncode == 1
    assert b"systemd passed no socket of this name" in error
