# SPDX-License-Identifier: MIT
"""scoregate status: what it prints, whom it asks, and how it ends."""

import json
import re
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from lib import config
from lib.cli import Running, run
from lib.cloud import World
from lib.config import key_auth
from lib.gateway import binary
from lib.upstream import Response
from lib.wait import until

KEYS = ("primaryCANARY8x", "secondaryCANARY9y")


@pytest.fixture
def one(serve):
    """A gateway with two keys."""
    gate, _ = serve(handler=lambda r: Response(200), auth=key_auth(*KEYS))
    return gate


def admin(gate):
    return f"http://127.0.0.1:{gate.admin_port}"


def rows(text, first):
    """The lines of the table whose first heading is FIRST, each as a list of cells."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(first))
    table = []
    for line in lines[start:]:
        if not line:
            break
        table.append(re.split(r"  +", line))
    return table


def test_tables(one):
    result = run("status", "--admin", admin(one))
    assert (result.returncode, result.stderr) == (0, "")
    head, gateway = rows(result.stdout, "GATEWAY")
    assert head == ["GATEWAY", "VERSION", "UP", "STATE"]
    assert gateway[0] == admin(one) and gateway[-1] == "ready" and gateway[2].endswith(" s")
    head, route = rows(result.stdout, "ROUTE")
    assert head[3:] == ["IN FLIGHT", "QUEUED", "LIMIT", "REQUESTS", "RETRIES", "ERRORS"]
    assert route == ["/score", "ready", "yes", "0", "0", "-", "0", "0", "0"]
    _, backend = rows(result.stdout, "BACKEND OF")
    assert backend[:8] == ["/score", "ready", "closed", "0", "1", "key", "primary", "-"]
    assert backend[8].startswith("https://")
    _, primary, secondary = rows(result.stdout, "CREDENTIAL")
    assert primary[0] == "route:/score:primary" and secondary[0] == "route:/score:secondary"
    assert primary[2] == "usable" and re.fullmatch(r"[0-9a-f]{8}", primary[3])
    assert primary[5:] == ["-", "-"]
    assert not any(key in result.stdout for key in KEYS)


def test_json_is_that_of_the_gateway(one):
    result = run("status", "--admin", admin(one), "--json")
    assert result.returncode == 0
    said, asked = json.loads(result.stdout), one.admin("/status").json()
    for status in (said, asked):
        status.pop("uptime_s")
        for credential in status["credentials"]:
            credential.pop("age_s")
    assert said == asked


def test_tokens_and_errors(azure, certs, upstream, gateway):
    gate = World(azure, certs, upstream, gateway, auth_mode="AMLToken").ready().gateway
    text = run("status", "--admin", admin(gate)).stdout
    token = next(r for r in rows(text, "CREDENTIAL") if r[0] == "route:/score:token")
    assert token[1:3] == ["endpoint-token", "usable"]
    assert re.match(r"in 1[01] h", token[5]) and re.match(r"in 2[34] h", token[6])


def test_not_ready(azure, certs, upstream, gateway):
    one = World(azure, certs, upstream, gateway, start=False)
    one.application.deny("arm.listKeys")
    gate = one.start().gateway
    until(lambda: one.status()["routes"][0]["state"] == "refused", "it is refused")
    result = run("status", "--admin", admin(gate))
    assert result.returncode == 1 and result.stderr == ""
    assert rows(result.stdout, "GATEWAY")[1][-1] == "not ready"
    note = rows(result.stdout, "BACKEND OF")[2]
    assert note[0] == "" and note[1].startswith("waits for route:/score:keys: forbidden, AuthorizationFailed: ")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_nobody_answers(tmp_path):
    port = free_port()
    result = run("status", "--admin", f"http://127.0.0.1:{port}")
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr == (f"scoregate status: no gateway answers at http://127.0.0.1:{port}: "
                             "Connection refused\n")
    result = run("status", "--admin", f"unix:{tmp_path}/none")
    assert result.returncode == 1 and f"unix:{tmp_path}/none" in result.stderr


def test_who_may_not_ask_is_told_why(gateway):
    gate = gateway(admin={"address": "127.0.0.1", "port": 0, "allow_clients": ["10.0.0.0/8"]})
    result = run("status", "--admin", admin(gate))
    assert result.returncode == 1 and result.stdout == ""
    assert result.stderr.startswith(f"scoregate status: {admin(gate)} refuses (403): ")
    assert "allow_clients" in result.stderr


@pytest.mark.parametrize("url", ["https://127.0.0.1:1", "127.0.0.1:1", "http://", "http://a:0x1/", "unix:rel", ""])
def test_wrong_urls(url):
    result = run("status", "--admin", url)
    assert result.returncode == 2 and "neither http://HOST:PORT nor unix:/PATH" in result.stderr


def test_no_core_of_a_command_holds_a_secret(tmp_path):
    """It has read a configuration with a key in it, and waits for an answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        path = tmp_path / "c.conf"
        path.touch(mode=0o600)
        path.write_text(config.text({"admin": {"address": "127.0.0.1", "port": server.getsockname()[1]},
                                     "routes": [{"path": "/score", "scoring_uri": "https://a.example/score",
                                                 "auth": key_auth(KEYS[0])}]}))
        with Running("status", "-c", path) as command:
            connection, _ = server.accept()
            with connection:
                limits = Path(f"/proc/{command.process.pid}/limits").read_text()
                assert re.search(r"^Max core file size\s+0\s+0\s", limits, re.MULTILINE)
                connection.sendall(b"HTTP/1.1 404 -\r\nContent-Length: 0\r\n\r\n")


def test_a_full_disk(one):
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([binary(), "status", "--admin", admin(one)], stdin=subprocess.DEVNULL, stdout=full,
                                stderr=subprocess.PIPE, check=False, timeout=30, text=True)
    assert result.returncode == 1
    assert result.stderr == "scoregate: cannot write to stdout: No space left on device\n"


# Where the admin listener is

def test_over_a_unix_socket(gateway, tmp_path):
    path = tmp_path / "admin"
    gate = gateway(admin={"unix": str(path)})
    assert run("status", "--admin", f"unix:{path}").returncode == 0
    result = run("status", "-c", gate.config)
    assert result.returncode == 0 and f"unix:{path}" in result.stdout


def test_the_configuration_says_where(gateway):
    port = free_port()
    gate = gateway(admin={"address": "127.0.0.1", "port": port})
    assert str(port) in run("status", "-c", gate.config).stdout
    assert str(port) in run("status", env={"SCOREGATE_CONFIG": str(gate.config)}).stdout


@pytest.mark.parametrize("admin_group", [{"enabled": False}, {"address": "127.0.0.1", "port": 0},
                                         {"systemd": "admin"}])
def test_a_configuration_that_does_not_say(tmp_path, admin_group):
    path = tmp_path / "c.conf"
    path.write_text(config.text({"admin": admin_group}))
    result = run("status", "-c", path)
    assert result.returncode == 1 and "--admin URL" in result.stderr


def test_a_configuration_that_cannot_be_used(tmp_path):
    """One that was named must be right; else the usual address is asked."""
    path = tmp_path / "c.conf"
    path.write_text("nonsense = 1;\n")
    assert run("status", "-c", path).returncode == 78
    result = run("status", env={"SCOREGATE_CONFIG": str(path)})
    assert "nonsense" not in result.stderr
    assert "http://127.0.0.1:8081" in result.stdout + result.stderr


def test_who_may_not_read_a_secret_can_still_ask(gateway, tmp_path):
    port = free_port()
    gate = gateway(admin={"address": "127.0.0.1", "port": port})
    text = gate.config.read_text() + ('routes = ( { path = "/x"; scoring_uri = "https://a.example/"; auth = '
                                      '{ type = "key"; primary = { file = "/nonexistent/key"; }; }; } );\n')
    path = tmp_path / "c.conf"
    path.write_text(text)
    result = run("status", "--admin", f"http://localhost:{port}", env={"SCOREGATE_CONFIG": str(path)})
    assert result.returncode == 0


# Whoever else listens there

@pytest.fixture
def impostor():
    """Answers one request with BYTES; returns its URL."""
    servers = []

    def make(answer):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve():
            peer, _ = server.accept()
            with peer:
                peer.recv(65536)
                peer.sendall(answer)
        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"
    yield make
    for server in servers:
        server.close()


def whole(body, status="200 OK"):
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize("answer", [
    b"", b"SSH-2.0-x\r\n", whole(b"hello"), whole(b"[]"), whole(b"{}"), whole(b'{"ready": 1}'),
    whole(b"{}", "404 Not Found"), b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
    whole(b'{"ready": true' * 100000)])
def test_what_is_no_scoregate(impostor, answer):
    result = run("status", "--admin", impostor(answer))
    assert result.returncode == 1 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1


def test_nothing_acts_on_the_terminal(impostor):
    evil = json.dumps({"ready": True, "version": "\x1b[2J\u202e", "uptime_s": 1e300, "routes": [
        {"path": "/\x07", "state": 7, "in_flight": -1, "requests": 1e300, "limit": "x",
         "top_errors": [3, {"code": 500, "reason": "\x1b", "count": 2}],
         "backends": [{"scoring_uri": "\x1b", "error": {"message": "a\nb"}}, 3]}], "credentials": [{"name": None}, 3]})
    result = run("status", "--admin", impostor(whole(evil.encode())))
    assert result.returncode == 0
    assert all(c == "\n" or c.isprintable() for c in result.stdout)
    assert "?[2J?" in result.stdout and "a?b" in result.stdout and "errors: 500 ?: 2" in result.stdout
    assert rows(result.stdout, "ROUTE")[1] == ["/?", "-", "no", "-", "-", "-", "-", "-", "-"]


def test_json_of_others_is_not_repeated_blindly(impostor):
    assert run("status", "--json", "--admin", impostor(whole(b"\x1b[2J"))).stdout == ""
