# SPDX-License-Identifier: MIT
"""Connections of callers, listeners and the process, from the first byte to the last: keep-alive,
pipelining, deadlines, limits, callers that go away, stopping."""

import grp
import http.client
import os
import pwd
import re
import signal
import socket
import stat
import threading
import time

import pytest
from lib.client import Client, request_bytes
from lib.gateway import Gateway
from lib.hostile import shoot
from lib.message import LAST_CHUNK, Closed, chunk
from lib.problem import assert_problem
from lib.upstream import Response
from lib.wait import until

LOOPBACK = {"address": "127.0.0.1", "port": 0}


def echo(request):
    return Response(200, (("Content-Type", "application/octet-stream"),), request.body or b"empty")


def held(release):
    """A script that answers each request when RELEASE is set."""
    def script(s):
        while True:
            request = s.rxreq()
            assert release.wait(20)
            s.txresp(200, body=request.body or b"late")
    return script


@pytest.fixture
def release():
    event = threading.Event()
    yield event
    event.set()


# One connection, many requests

def test_keep_alive(serve):
    gate, up = serve(handler=echo)
    caller = gate.client()
    for i in range(5):
        answer = caller.post("/score", b"%d" % i)
        assert (answer.status, answer.body) == (200, b"%d" % i)
        assert not answer.will_close
    assert len(up.requests) == 5
    assert up.accepted == 1


def test_connection_close_is_kept(serve):
    gate, _ = serve(handler=echo)
    caller = gate.client()
    answer = caller.post("/score", b"x", [("Connection", "close")])
    assert answer.status == 200 and answer.will_close
    assert caller.closed()


def test_errors_leave_the_connection_usable(serve):
    gate, up = serve(handler=echo)
    caller = gate.client()
    assert_problem(caller.get("/nowhere"), "no_route")
    assert_problem(caller.request("DELETE", "/score"), "method_not_allowed")
    assert_problem(caller.post("/nowhere", b"x" * 1000), "no_route")
    assert_problem(caller.get("/score", [("Host", "evil.example")]), "host_not_ours")
    assert caller.post("/score", b"still here").body == b"still here"
    assert len(up.requests) == 1


def test_C34_ten_pipelined_requests(serve):
    gate, up = serve(handler=echo)
    caller = gate.client()
    caller.send(b"".join(request_bytes("POST", f"/score?{i}", (), b"body %d" % i) for i in range(10)))
    assert [caller.read_answer().body for _ in range(10)] == [b"body %d" % i for i in range(10)]
    assert [r.target for r in up.requests] == [f"/score?{i}" for i in range(10)]
    assert caller.post("/score", b"one more").body == b"one more"


def test_C34_pipelined_get_and_chunked(serve):
    gate, _ = serve(handler=echo)
    caller = gate.client()
    chunked = (b"POST /score HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
               + chunk(b"abc") + chunk(b"def") + LAST_CHUNK)
    caller.send((request_bytes("GET", "/score") + chunked) * 5)
    assert [caller.read_answer().body for _ in range(10)] == [b"empty", b"abcdef"] * 5


def test_C34_garbage_behind_a_valid_request(serve):
    gate, up = serve(handler=echo)
    caller = gate.client()
    caller.send(request_bytes("POST", "/score", (), b"good") + b"\xff\xfegarbage\r\n\r\n")
    assert caller.read_answer().body == b"good"
    try:
        assert caller.read_answer().status == 400
    except Closed:
        pass  # by the end of the connection alone: there is nobody that speaks HTTP
    assert len(up.heads) == 1


def test_pipelined_behind_a_slow_answer(serve, release):
    gate, up = serve(held(release))
    caller = gate.client()
    caller.send(request_bytes("POST", "/score", (), b"1") + request_bytes("POST", "/score", (), b"2"))
    up.wait_requests(1)
    assert caller.silent()
    release.set()
    assert [caller.read_answer().body for _ in range(2)] == [b"1", b"2"]


# HTTP/1.0

@pytest.mark.parametrize("host", [None, "localhost", "127.0.0.1"])
def test_http_1_0(serve, host):
    gate, up = serve(handler=echo)
    caller = gate.client()
    answer = caller.post("/score", b"ten", (), version="HTTP/1.0", host=host)
    assert (answer.status, answer.body) == (200, b"ten")
    assert answer.will_close
    assert caller.closed()
    assert up.requests[0].version == "HTTP/1.1"
    assert up.requests[0].headers["via"] == "1.0 scoregate"


def test_http_1_0_with_a_host_that_is_not_ours(serve):
    gate, up = serve(handler=echo)
    answer = gate.client().get("/score", version="HTTP/1.0", host="evil.example")
    assert_problem(answer, "host_not_ours")
    assert up.heads == []


def test_http_1_0_gets_a_chunked_answer_without_chunks(serve, release):
    def script(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk(b"part 1;"))
        assert release.wait(20)
        s.tx(chunk(b"part 2;") + LAST_CHUNK)

    gate, _ = serve(script)
    caller = gate.client()
    caller.send_request("GET", "/score", version="HTTP/1.0")
    answer = caller.read_head()
    assert "transfer-encoding" not in answer.headers and answer.will_close
    assert caller.reader.exactly(7) == b"part 1;"
    release.set()
    assert caller.read_body(answer).body == b"part 2;"
    assert answer.ended == "close"


def test_http_1_0_keep_alive(serve):
    gate, _ = serve(handler=echo)
    caller = gate.client()
    for i in range(2):
        answer = caller.post("/score", b"%d" % i, [("Connection", "keep-alive")], version="HTTP/1.0")
        assert (answer.status, answer.body) == (200, b"%d" % i)
        if answer.will_close:
            assert caller.closed()  # allowed, as long as it is said
            return


# Deadlines

SHORT = {"limits": {"client_header_timeout_ms": 400, "client_idle_timeout_ms": 800}}


def test_nothing_sent_is_closed(serve):
    gate, _ = serve(handler=echo, top=SHORT)
    caller = gate.client()
    caller.socket.settimeout(10)
    rest = caller.socket.recv(4096)
    assert rest == b"" or rest.startswith(b"HTTP/1.1 408 ")


@pytest.mark.parametrize("before", [b"", b"GET /score HTTP/1.1\r\nHost: localhost\r\n"],
                         ids=["request line", "field lines"])
def test_one_byte_at_a_time_is_cut(serve, before):
    """Each byte comes well within the idle timeout; it is the whole head that has a deadline."""
    gate, up = serve(handler=echo, top=SHORT)
    caller = gate.client()
    caller.send(before)
    cut = dripped_until_cut(caller, b"GET /" if not before else b"X-Slow: ")
    assert cut
    assert up.heads == []


def dripped_until_cut(caller, start):
    """Sends START and then a byte every 100 ms; whether the peer ends that within 10 s."""
    caller.socket.settimeout(0.1)
    try:
        caller.send(start)
        for _ in range(100):
            try:
                if caller.socket.recv(4096) == b"":
                    return True
            except TimeoutError:
                caller.send(b"a")
    except ConnectionError:
        return True
    return False


def test_the_head_of_a_second_request_has_the_deadline_too(serve):
    gate, up = serve(handler=echo, top=SHORT)
    caller = gate.client()
    assert caller.post("/score", b"first").body == b"first"
    assert dripped_until_cut(caller, b"GET /score")
    assert len(up.heads) == 1


def test_an_idle_connection_is_closed(serve):
    gate, _ = serve(handler=echo, top=SHORT)
    caller = gate.client()
    assert caller.post("/score", b"x").status == 200
    assert caller.closed()


def test_C12_a_body_that_stops_coming(serve):
    gate, up = serve(handler=echo, idle_timeout_ms=400)
    caller = gate.client()
    caller.send(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
    assert_problem(caller.read_answer(), "caller_timeout")
    assert caller.closed()
    assert not any(r.complete for r in up.heads)
    assert all(s.gone.wait(10) for s in up.sessions)


def test_C12_a_chunked_body_that_stops_coming(serve):
    gate, up = serve(handler=echo, idle_timeout_ms=400)
    caller = gate.client()
    caller.send(b"POST /score HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                + chunk(b"half"))
    assert_problem(caller.read_answer(), "caller_timeout")
    assert caller.closed()
    assert not any(r.complete for r in up.heads)


def test_a_slow_body_that_keeps_coming_is_served(serve):
    gate, up = serve(handler=echo, idle_timeout_ms=2000)
    caller = gate.client()
    caller.send(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\n")
    for i in range(20):
        assert caller.silent(0.02)
        caller.send(b"%d" % (i % 10))
    assert caller.read_answer().body == b"01234567890123456789"
    assert len(up.requests) == 1


# Callers that go away

def test_C38_while_waiting(serve, release):
    gate, up = serve(held(release), top={"log": {"level": "info", "access": True}})
    caller = gate.client()
    caller.send_request("POST", "/score", (), b"x")
    up.wait_requests(1)
    caller.rst()
    release.set()
    until(lambda: "caller_gone" in gate.log(), "the log says caller_gone")
    assert gate.client().post("/score", b"next").body == b"next"


def test_C38_while_waiting_cancels_the_upstream_transfer(serve):
    gate, up = serve(lambda s: (s.rxreq(), s.hang()))
    caller = gate.client()
    caller.send_request("POST", "/score", (), b"x")
    up.wait_requests(1)
    caller.close()
    assert up.sessions[0].gone.wait(10)


def test_C38_mid_upload(serve):
    gate, up = serve(handler=echo)
    caller = gate.client()
    caller.send(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n"
                + b"x" * 2000000)
    until(lambda: up.heads, "the head upstream")
    caller.close()
    assert up.wait_session(0).gone.wait(10)
    assert not any(r.complete for r in up.heads)
    assert gate.client().post("/score", b"next").body == b"next"


def test_C38_mid_download(serve):
    def script(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                s.tx(chunk(b"x" * 1000))
                time.sleep(0.01)
        except ConnectionError:
            pass

    gate, up = serve(script)
    caller = gate.client()
    caller.send_request("GET", "/score")
    caller.read_head()
    caller.close()
    assert up.sessions[0].gone.wait(10)


def test_C13_half_close_is_either_served_or_gone(serve):
    """Never half an answer."""
    gate, _ = serve(handler=echo)
    caller = gate.client()
    caller.send_request("POST", "/score", (), b"whole")
    caller.half_close()
    try:
        answer = caller.read_answer()
    except Closed as error:
        assert error.partial == b""
    else:
        assert (answer.status, answer.body) == (200, b"whole")
    assert caller.closed()


def test_C39_a_caller_that_does_not_read(serve):
    """The upstream is held back, memory stays bounded, and the caller is cut in the end."""
    total, sent = 64 << 20, []

    def script(s):
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        piece = b"x" * (1 << 16)
        for _ in range(total // len(piece)):
            s.tx(piece)
            sent.append(len(piece))

    gate, up = serve(script, top={"limits": {"client_idle_timeout_ms": 700}})
    assert gate.client().get("/nowhere").status == 404
    before = gate.rss()
    caller = gate.client(receive_buffer=8192)
    caller.send_request("GET", "/score")
    until(lambda: sent, "the answer has begun")
    most = before
    while not up.sessions[0].gone.wait(0.05):
        most = max(most, gate.rss())
        assert sum(sent) < total, "the upstream was never held back"
    assert most - before < 16 << 20
    with pytest.raises((Closed, ConnectionError)):
        caller.read_answer()


def test_a_slow_reader_gets_every_byte(serve):
    body = os.urandom(3 << 20)
    gate, _ = serve(handler=lambda r: Response(200, (), body))
    caller = gate.client(receive_buffer=4096)
    caller.send_request("GET", "/score")
    assert caller.read_answer().body == body


def test_an_early_refusal_reaches_a_caller_that_is_still_sending(serve):
    gate, up = serve(handler=echo, body_bytes=1 << 20)
    caller = gate.client()
    head = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n"
    caller.send(head % (b"/score", 8 << 20))
    try:
        for _ in range(128):
            caller.send(b"x" * (1 << 16))
    except ConnectionError:
        pass
    assert_problem(caller.read_answer(), "body_too_large")
    assert up.heads == []


def test_a_chunked_body_beyond_the_limit(serve):
    gate, up = serve(handler=echo, body_bytes=100000)
    caller = gate.client()
    caller.send(b"POST /score HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        for _ in range(20):
            caller.send(chunk(b"x" * 10000))
        caller.send(LAST_CHUNK)
    except ConnectionError:
        pass
    assert_problem(caller.read_answer(), "body_too_large")
    assert not any(r.complete for r in up.heads)


# Limits

def test_limit_of_connections(serve):
    gate, _ = serve(handler=echo, top={"limits": {"connections": 3}})
    callers = [gate.client() for _ in range(3)]
    for caller in callers:
        assert caller.post("/score", b"x").status == 200
    excess = gate.client()
    answer = excess.read_answer()
    assert_problem(answer, "too_many_connections")
    assert answer.will_close and excess.closed()
    for caller in callers:
        assert caller.post("/score", b"y").status == 200
    callers[0].close()
    until(lambda: shoot(gate.port, request_bytes("GET", "/score")).status == 200,
          "a place that was given up is free")


# Listeners

def test_listen_file_and_several_listeners(upstream, gateway, tmp_path):
    up = upstream(handler=echo)
    path = tmp_path / "score.sock"
    gate = gateway([{"path": "/score", "scoring_uri": up.url()}],
                   listen=[LOOPBACK, {"address": "::1", "port": 0}, LOOPBACK, {"unix": str(path)}])
    lines = (gate.tmp / "listen").read_text().splitlines()
    assert len(lines) == 5
    assert re.fullmatch(r"main 127\.0\.0\.1 [1-9]\d*", lines[0])
    assert re.fullmatch(r"main ::1 [1-9]\d*", lines[1])
    assert re.fullmatch(r"main 127\.0\.0\.1 [1-9]\d*", lines[2])
    assert lines[3] == f"main unix {path}"
    assert re.fullmatch(r"admin 127\.0\.0\.1 [1-9]\d*", lines[4])
    assert (gate.tmp / "listen").read_text().endswith("\n")
    ports = [int(line.split()[2]) for line in (lines[0], lines[1], lines[2], lines[4])]
    assert len(set(ports)) == 4
    for where in ({"port": ports[0]}, {"port": ports[1], "host": "::1"}, {"port": ports[2]},
                  {"unix": path}):
        assert gate.client(**where).post("/score", b"via").body == b"via"
    assert gate.client(port=ports[1], host="::1").get("/score", host="[::1]").status == 200
    assert gate.client(port=ports[3]).get("/healthz").status == 200


def test_a_given_port_is_used(upstream, gateway):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    gate = gateway([{"path": "/score", "scoring_uri": upstream(handler=echo).url()}],
                   listen=[{"address": "127.0.0.1", "port": port}])
    assert gate.port == port
    assert gate.client().post("/score", b"x").status == 200


def unix_gateway(gateway, up, path, **listen):
    return gateway([{"path": "/score", "scoring_uri": up.url()}],
                   listen=[{"unix": str(path), **listen}])


def test_unix_socket_mode_and_group(upstream, gateway, tmp_path):
    path, group = tmp_path / "a.sock", grp.getgrgid(os.getgid()).gr_name
    unix_gateway(gateway, upstream(handler=echo), path, mode="0622", group=group)
    info = path.stat()
    assert stat.S_ISSOCK(info.st_mode)
    assert stat.S_IMODE(info.st_mode) == 0o622
    assert info.st_gid == os.getgid()


def test_unix_socket_default_mode(upstream, gateway, tmp_path):
    path = tmp_path / "b.sock"
    gate = unix_gateway(gateway, upstream(handler=echo), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    caller = gate.client(unix=path)
    assert caller.post("/score", b"x").body == b"x"
    # A browser cannot reach it, so that any Host will do; there still has to be one.
    assert caller.get("/score", host="whatever.example").status == 200
    assert_problem(caller.get("/score", host=None), "bad_host")


def test_unix_socket_is_removed_at_the_end_and_replaced_if_stale(upstream, gateway, tmp_path):
    path, up = tmp_path / "c.sock", upstream(handler=echo)
    gate = unix_gateway(gateway, up, path)
    gate.process.kill()
    gate.process.wait()
    assert path.exists()  # nobody could tidy up
    (gate.tmp / "listen").unlink()
    gate.start()
    assert gate.client(unix=path).post("/score", b"again").body == b"again"
    assert gate.stop() == 0
    assert not path.exists()


def test_a_unix_socket_in_use_is_not_taken_over(upstream, gateway, tmp_path):
    path, up = tmp_path / "d.sock", upstream(handler=echo)
    first = unix_gateway(gateway, up, path)
    second = Gateway(tmp_path / "second", [{"path": "/score", "scoring_uri": up.url()}],
                     listen=[{"unix": str(path)}], start=False)
    assert second.start(wait=False).wait() == 1
    assert str(path) in second.log()
    assert first.client(unix=path).post("/score", b"x").status == 200


def test_allow_users(upstream, gateway, tmp_path):
    me = pwd.getpwuid(os.getuid()).pw_name
    other = next(p.pw_name for p in pwd.getpwall() if p.pw_uid != os.getuid())
    up = upstream(handler=echo)
    gate = gateway([{"path": "/score", "scoring_uri": up.url()}],
                   listen=[{"unix": str(tmp_path / "mine.sock"), "allow_users": [other, me]},
                           {"unix": str(tmp_path / "theirs.sock"), "allow_users": [other]}])
    assert gate.client(unix=tmp_path / "mine.sock").post("/score", b"x").status == 200
    before = len(up.heads)
    assert_problem(gate.client(unix=tmp_path / "theirs.sock").post("/score", b"x"),
                   "caller_not_allowed")
    assert len(up.heads) == before


def test_allow_clients(upstream, gateway):
    up = upstream(handler=echo)
    gate = gateway([{"path": "/score", "scoring_uri": up.url()}],
                   listen=[{**LOOPBACK, "allow_clients": ["127.0.0.16/28", "::1", "10.0.0.0/8"]}])

    def status_from(address):
        connection = http.client.HTTPConnection("127.0.0.1", gate.port, timeout=10,
                                                source_address=(address, 0))
        connection.request("POST", "/score", b"x")
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, body

    assert status_from("127.0.0.16") == (200, b"x")
    assert status_from("127.0.0.31") == (200, b"x")
    for address in ("127.0.0.15", "127.0.0.32", "127.0.0.1"):
        status, body = status_from(address)
        assert status == 403 and b"caller_not_allowed" in body
    assert len(up.heads) == 2


def test_a_port_in_use(upstream, gateway, tmp_path):
    up = upstream(handler=echo)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        gate = Gateway(tmp_path / "second", [{"path": "/score", "scoring_uri": up.url()}],
                       listen=[{"address": "127.0.0.1", "port": port}], start=False)
        assert gate.start(wait=False).wait() == 1
    assert str(port) in gate.log() and "127.0.0.1" in gate.log()
    assert not (gate.tmp / "listen").exists()


def test_callers_of_another_address_of_ours(upstream, gateway):
    """The address that a connection came in on is a name of ours, whatever it is."""
    up = upstream(handler=echo)
    gate = gateway([{"path": "/score", "scoring_uri": up.url()}],
                   listen=[{"address": "0.0.0.0", "port": 0, "allow_remote": True}])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        ours = probe.getsockname()[0]
    caller = gate.client(host=ours, port=gate.port)
    assert caller.get("/score", host=f"{ours}:9").status == 200
    assert_problem(caller.get("/score", host="192.0.2.1"), "host_not_ours")
    # Not the address of this connection, though one of the machine's.
    assert_problem(gate.client(port=gate.port).get("/score", host=ours), "host_not_ours")


def test_hosts_of_the_configuration(upstream, tmp_path, certs):
    """Gateway's own option of this name is for /etc/hosts, so the file is written here."""
    up = upstream(handler=echo)
    gate = Gateway(tmp_path / "hosts", ca=certs.ca, start=False,
                   routes=[{"path": "/score", "scoring_uri": up.url()}])
    gate.write_config(gate.config.read_text() + 'hosts = [ "score.internal", "Gateway" ];\n')
    with gate.start():
        for host, status in (("score.internal", 200), ("SCORE.internal:8080", 200), ("gateway", 200),
                             ("x.score.internal", 421), ("score.internal.", 421), ("localhost", 200)):
            assert gate.client().get("/score", host=host).status == status, host


# The admin listener

def test_admin_pages(serve):
    gate, up = serve(handler=echo)
    for path in ("/healthz", "/readyz"):
        answer = gate.admin(path)
        assert answer.status == 200
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
    with Client(port=gate.admin_port) as caller:
        assert_problem(caller.get("/nowhere"), "no_route")
        assert_problem(caller.post("/healthz", b"x"), "method_not_allowed")
        assert caller.request("HEAD", "/healthz").status == 200
        assert_problem(caller.get("/healthz", host="evil.example"), "host_not_ours")
        assert_problem(caller.get("/healthz", [("Origin", "https://a.example")]), "origin_not_allowed")
        assert_problem(caller.get("/healthz", [("Sec-Fetch-Site", "cross-site")]), "cross_site")
        assert_problem(caller.get("/score"), "no_route")
    assert up.heads == []


def test_admin_is_not_on_the_main_listener_and_can_be_off(upstream, gateway, tmp_path):
    up = upstream(handler=echo)
    routes = [{"path": "/score", "scoring_uri": up.url()}]
    gate = gateway(routes, admin={"enabled": False})
    assert [kind for kind, _, _ in gate.listeners] == ["main"]
    assert_problem(gate.client().get("/healthz"), "no_route")
    path = tmp_path / "admin.sock"
    other = gateway(routes, admin={"unix": str(path)})
    assert ("admin", str(path), None) in other.listeners
    assert other.client(unix=path).get("/readyz").status == 200


# Stopping

def wait_refused(gate):
    def refused():
        try:
            socket.create_connection(("127.0.0.1", gate.port), 5).close()
        except ConnectionError:  # refused; or reset, if the listener closes in the middle of it
            return True
        return False
    until(refused, "new connections are refused")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_O1_stopping_finishes_what_is_in_flight(serve, release, number):
    gate, up = serve(held(release), top={"drain_timeout_ms": 20000})
    callers = [gate.client() for _ in range(20)]
    for i, caller in enumerate(callers):
        caller.send_request("POST", "/score", (), b"%d" % i)
    idle = gate.client()
    assert idle.get("/nowhere").status == 404
    up.wait_requests(20)
    gate.send_signal(number)
    wait_refused(gate)
    assert idle.closed()
    assert gate.process.poll() is None
    release.set()
    for i, caller in enumerate(callers):
        answer = caller.read_answer()
        assert (answer.status, answer.body) == (200, b"%d" % i)
        assert answer.will_close
        assert caller.closed()
    assert gate.wait() == 0
    assert "stopped" in gate.log()


def test_O1_an_upload_in_progress_is_finished(serve):
    gate, up = serve(handler=echo, top={"drain_timeout_ms": 20000})
    caller = gate.client()
    caller.send(b"POST /score HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n01234")
    until(lambda: up.heads, "the head upstream")
    gate.send_signal(signal.SIGTERM)
    wait_refused(gate)
    caller.send(b"56789")
    assert caller.read_answer().body == b"0123456789"
    assert gate.wait() == 0


def test_O1_a_second_signal_ends_it_at_once(serve, release):
    gate, up = serve(held(release), top={"drain_timeout_ms": 600000})
    caller = gate.client()
    caller.send_request("POST", "/score", (), b"x")
    up.wait_requests(1)
    gate.send_signal(signal.SIGTERM)
    wait_refused(gate)
    assert gate.process.poll() is None
    gate.send_signal(signal.SIGTERM)
    assert gate.wait(timeout=20) in (0, 1)
    with pytest.raises(Closed):
        caller.read_answer()


def test_O1_the_drain_time_ends(serve, release):
    gate, up = serve(held(release), top={"drain_timeout_ms": 300})
    caller = gate.client()
    caller.send_request("POST", "/score", (), b"x")
    up.wait_requests(1)
    assert gate.stop(timeout=20) == 0
    try:
        assert_problem(caller.read_answer(), "draining")
    except Closed as error:
        assert error.partial == b""
    assert "drain" in gate.log()


def test_start_and_stop_with_no_caller(serve):
    gate, _ = serve(handler=echo)
    assert gate.stop() == 0


def test_no_routes_at_all(gateway):
    gate = gateway([])
    assert_problem(gate.client().get("/score"), "no_route")


def test_two_workers_serve_many_callers(upstream, gateway):
    up = upstream(handler=echo)
    gate = gateway([{"path": "/score", "scoring_uri": up.url()}], workers=2)
    callers = [gate.client() for _ in range(40)]
    for i, caller in enumerate(callers):
        caller.send_request("POST", "/score", (), b"%d" % i)
    assert [c.read_answer().body for c in callers] == [b"%d" % i for i in range(40)]
