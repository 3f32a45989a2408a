# SPDX-License-Identifier: MIT
"""Stopping with a full house (row O1), being killed (O4), starting where that cannot be (O5), hanging
(O9), coming and going a hundred times (O10), and taking over from one another behind a socket that
systemd holds: nobody is refused and nothing is lost."""

import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from lib.client import Client
from lib.faults import Faults
from lib.gateway import binary, environment
from lib.invariants import Baseline, threads
from lib.message import Closed
from lib.upstream import Response
from lib.wait import until


def fine(request):
    return Response(200, (), request.body or b"empty")


def text_of(upstream_uri, listen, drain=10000):
    return (f"listen = {listen};\nadmin = {{ enabled = false; }};\ndrain_timeout_ms = {drain};\n"
            f'routes = ( {{ path = "/score"; scoring_uri = "{upstream_uri}"; '
            f"allow_insecure_upstream = true; }} );\n")


# O1

def test_o1_two_hundred_in_flight(serve):
    """All are answered and told that their connection ends, also those that would be kept."""
    release = threading.Event()

    def script(s):
        request = s.rxreq()
        assert release.wait(20)
        s.txresp(200, body=request.body)

    gate, up = serve(script, upstream_options={"tls": None, "backlog": 512},
                     allow_insecure_upstream=True, top={"drain_timeout_ms": 20000, "workers": 2})
    callers = [gate.client(timeout=20) for _ in range(200)]
    for i, caller in enumerate(callers):
        caller.send_request("POST", "/score", (("Connection", "keep-alive"),), b"%d" % i)
    up.wait_requests(200)
    gate.send_signal(signal.SIGTERM)
    until(lambda: "stopping" in gate.log(), "it stops")
    began = time.monotonic()
    release.set()
    for i, caller in enumerate(callers):
        answer = caller.read_answer()
        assert (answer.status, answer.body) == (200, b"%d" % i)
        assert answer.will_close and caller.closed()
    assert gate.wait() == 0
    assert time.monotonic() - began < 10, "it does not wait for the drain time to end"
    assert len(up.requests) == 200


def test_o1_a_second_signal_with_a_full_house(serve):
    gate, up = serve(lambda s: (s.rxreq(), s.hang()), upstream_options={"tls": None, "backlog": 512},
                     allow_insecure_upstream=True, top={"drain_timeout_ms": 600000, "workers": 2})
    callers = [gate.client() for _ in range(200)]
    for caller in callers:
        caller.send_request("POST", "/score", (), b"x")
    up.wait_requests(200)
    gate.send_signal(signal.SIGTERM)
    until(lambda: "stopping" in gate.log(), "it stops")
    began = time.monotonic()
    gate.send_signal(signal.SIGTERM)
    assert gate.wait(5) in (0, 1)
    assert time.monotonic() - began < 1.0
    for caller in callers:
        with pytest.raises((Closed, ConnectionError)):
            caller.read_answer()


# O4

@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_o4_killed_and_started_again(upstream, gateway, tmp_path, kind):
    """With callers connected, whose requests are lost with it; then it serves within a second, at the
    same place."""
    up = upstream(handler=fine, tls=None)
    path = tmp_path / "score.sock"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    where = {"unix": path} if kind == "unix" else {"port": port}
    listen = {"unix": str(path)} if kind == "unix" else {"address": "127.0.0.1", "port": port}
    gate = gateway([{"path": "/score", "scoring_uri": up.url(), "allow_insecure_upstream": True}],
                   listen=[listen])
    for _ in range(3):
        callers = [gate.client(**where) for _ in range(20)]
        for caller in callers:
            assert caller.post("/score").status == 200
        gate.process.kill()
        gate.process.wait()
        (gate.tmp / "listen").unlink()
        began = time.monotonic()
        gate.start()
        with Client(**where) as caller:
            assert caller.post("/score").status == 200
        assert time.monotonic() - began < 1.0
        for caller in callers:
            assert caller.closed()


# O5

def refused_to_start(gate, *words):
    began = time.monotonic()
    status = gate.start(wait=False).wait(5)
    assert time.monotonic() - began < 1.0
    assert status in (1, 78), status
    assert all(word in gate.log() for word in words), gate.log()
    assert not (gate.tmp / "listen").exists()


def without_capabilities():
    """A command under which even root is bound by the modes of files and by low ports."""
    return ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []


def test_o5_a_port_that_needs_permission(gateway):
    with open("/proc/sys/net/ipv4/ip_unprivileged_port_start", encoding="ascii") as file:
        first = int(file.read())
    if first <= 1:
        pytest.skip("any user may listen on any port here")
    gate = gateway(listen=[{"address": "127.0.0.1", "port": first - 1}], start=False,
                   under=without_capabilities())
    refused_to_start(gate, str(first - 1), "Permission denied")


@pytest.mark.parametrize("where", ["/nonexistent/score.sock", "/proc/score.sock"])
def test_o5_a_socket_that_cannot_be_made(gateway, where):
    refused_to_start(gateway(listen=[{"unix": where}], start=False), where)


def test_o5_a_place_where_somebody_listens(gateway, tmp_path):
    """Their socket stays theirs."""
    path = tmp_path / "theirs.sock"
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(path))
        theirs.listen(1)
        refused_to_start(gateway(listen=[{"unix": str(path)}], start=False), str(path), "in use")
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(str(path))


def test_o5_a_file_where_the_socket_should_be(gateway, tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("mine")
    refused_to_start(gateway(listen=[{"unix": str(path)}], start=False), str(path))
    assert path.read_text() == "mine"


def test_o5_too_few_descriptors(gateway):
    gate = gateway(start=False, under=["prlimit", "--nofile=8:8"])
    refused_to_start(gate, "open files")


# O9

def test_o9_a_worker_that_hangs_is_told_by_silence(tmp_path, gateway, upstream):
    """So systemd kills and restarts it. One that comes back in time is heard of again."""
    up = upstream(handler=fine, tls=None)
    faults = Faults(tmp_path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(tmp_path / "notify"))
        notify.settimeout(5)
        gate = gateway([{"path": "/score", "scoring_uri": up.url(), "allow_insecure_upstream": True}],
                       env={**faults.env, "NOTIFY_SOCKET": str(tmp_path / "notify"),
                            "WATCHDOG_USEC": "400000"})
        assert notify.recv(99) == b"READY=1"
        base = Baseline(gate)
        for thread in threads(gate):
            assert [notify.recv(99) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            faults.stuck = thread
            if thread in serving(gate):
                until(lambda: silent(notify, 0.8), "it falls silent", 5)
            faults.stuck = 0
            base.assert_serves()
        until(lambda: notify.recv(99) == b"WATCHDOG=1", "it is heard of again")


def serving(gate):
    """The control thread and the worker; the writer of the log waits for no events, and without the
    acceptor all that are connected are served."""
    control, _, worker, _ = threads(gate)
    return control, worker


def silent(notify, seconds):
    """Whether nothing was told for SECONDS."""
    notify.settimeout(seconds)
    try:
        notify.recv(99)
        return False
    except TimeoutError:
        return True
    finally:
        notify.settimeout(5)


# O10

@pytest.mark.parametrize("times", [
    pytest.param(10, id="10"), pytest.param(100, id="100", marks=pytest.mark.slow)])
def test_o10_start_and_stop(serve, times):
    gate, _ = serve(handler=fine)
    for _ in range(times):
        Baseline(gate).assert_serves()
        assert gate.stop() == 0
        (gate.tmp / "listen").unlink()
        gate.start()


# One after the other behind the same socket

class Caller(threading.Thread):
    """Connects anew for each request, until told to stop; what went wrong is in .lost."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port, self.stop, self.served, self.lost = port, threading.Event(), 0, []

    def run(self):
        while not self.stop.is_set():
            try:
                with Client(self.port, timeout=10) as caller:
                    answer = caller.post("/score", b"%d" % self.served)
                    if (answer.status, answer.body) != (200, b"%d" % self.served):
                        self.lost.append(answer)
                self.served += 1
            except (OSError, Closed) as error:
                self.lost.append(error)


@pytest.fixture
def passed():
    """A listening socket, as systemd holds it while the service is restarted."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as one:
        yield one


@pytest.fixture
def generation(passed, upstream, tmp_path):
    """Starts a process that is given PASSED, and waits until it is ready."""
    up = upstream(handler=fine, tls=None, backlog=256)
    config = tmp_path / "conf"
    config.write_text(text_of(up.url(), '( { systemd = "score"; } )'))
    started = []

    def start():
        listening = tmp_path / f"listen{len(started)}"
        command = ["bash", "-c", f'exec 3<&{passed.fileno()}; export LISTEN_PID=$$; exec "$@"', "bash",
                   binary(), "serve", "-c", str(config), "--listen-file", str(listening)]
        one = subprocess.Popen(command, pass_fds=[passed.fileno()], stderr=subprocess.DEVNULL,
                               env=environment({"LISTEN_FDS": "1", "LISTEN_FDNAMES": "score"}))
        started.append(one)
        until(listening.exists, "it listens")
        return one

    yield start
    for one in started:
        if one.poll() is None:
            one.kill()
        one.wait()


@pytest.mark.parametrize("overlap", [False, True], ids=["stop then start", "start then stop"])
def test_restarts_behind_a_socket_of_systemd(passed, generation, overlap):
    """Whether the next starts when the last has ended, as systemd does it, or before."""
    port = passed.getsockname()[1]
    current = generation()
    callers = [Caller(port) for _ in range(8)]
    for caller in callers:
        caller.start()
    for _ in range(4):
        before = sum(c.served for c in callers)
        until(lambda: sum(c.served for c in callers) > before + 100 or any(c.lost for c in callers),  # pylint: disable=cell-var-from-loop
              "they are served")
        last, current = current, generation() if overlap else None
        last.send_signal(signal.SIGTERM)
        assert last.wait(10) == 0
        current = current or generation()
    for caller in callers:
        caller.stop.set()
    for caller in callers:
        caller.join(20)
    assert not [lost for c in callers for lost in c.lost]
    current.send_signal(signal.SIGTERM)
    assert current.wait(10) == 0


def test_systemd_socket_activate(upstream, tmp_path):
    """The first caller is there before the program is."""
    up = upstream(handler=fine, tls=None)
    config = tmp_path / "conf"
    config.write_text(text_of(up.url(), '( { systemd = "score"; } )'))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        ["systemd-socket-activate", "--listen", f"127.0.0.1:{port}", "--fdname=score", binary(),
         "serve", "-c", str(config)], stderr=subprocess.DEVNULL, env=environment())
    try:
        def connected():
            try:
                return Client(port)
            except ConnectionRefusedError:
                return None
        with until(connected, "systemd-socket-activate listens") as caller:
            assert caller.post("/score", b"first").body == b"first"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
