# SPDX-License-Identifier: MIT
"""Where keys come from, and that they show up nowhere but in the field that they are for."""

import ctypes
import os
import pwd
import re
import resource
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from lib.cli import run
from lib.config import key_auth
from lib.gateway import Gateway, binary, environment, forms
from lib.upstream import Response
from lib.wait import until

KEY = "CANARYkey1+Zx/9.primary~"
OTHER = "CANARYkey2-secondary_8Qw"


def bearer(request):
    return request.headers["authorization"].removeprefix("Bearer ")


def score(gate):
    answer = gate.client().post("/score", b"x")
    assert answer.status == 200, answer


@pytest.fixture
def keyed(upstream, tmp_path, certs):
    """keyed(primary, start=…) -> (gateway, upstream) whose key comes from PRIMARY."""
    started = []

    def make(primary, *, env=None, arguments=(), secondary=None, start=True, **more):
        up = upstream()
        gate = Gateway(tmp_path / f"g{len(started)}", ca=certs.ca, secrets=[KEY, OTHER], env=env,
                       arguments=arguments, start=start,
                       routes=[{"path": "/score", "scoring_uri": up.url(),
                                "auth": key_auth(primary, secondary)}], **more)
        started.append(gate)
        return gate, up

    yield make
    try:
        for gate in started:
            gate.finish()
    finally:
        for gate in started:
            gate.kill()


def write(path, content, mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return path


# Sources

@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\n\n\n"], ids=repr)
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440, 0o660])
def test_file(keyed, tmp_path, end, mode):
    path = write(tmp_path / "key", KEY.encode() + end, mode)
    gate, up = keyed({"file": str(path)})
    score(gate)
    assert bearer(up.requests[0]) == KEY


def test_file_named_beside_the_config(keyed):
    gate, up = keyed({"file": "beside.key"}, start=False)
    write(gate.tmp / "beside.key", KEY.encode())
    gate.start()
    score(gate)
    assert bearer(up.requests[0]) == KEY


def test_file_behind_links(keyed, tmp_path):
    """As Kubernetes mounts a secret: a link to a link."""
    (tmp_path / "..data_1").mkdir()
    write(tmp_path / "..data_1" / "key", KEY.encode(), 0o440)
    (tmp_path / "..data").symlink_to("..data_1")
    (tmp_path / "key").symlink_to("..data/key")
    gate, up = keyed({"file": str(tmp_path / "key")})
    score(gate)
    assert bearer(up.requests[0]) == KEY


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o606, 0o777, 0o666])
def test_file_open_to_others_is_refused(keyed, tmp_path, mode):
    path = write(tmp_path / "key", KEY.encode(), mode)
    gate, _ = keyed({"file": str(path)}, start=False)
    assert gate.start(wait=False).wait() == 78
    assert str(path) in gate.log()
    assert f"{mode:04o}" in gate.log() and "chmod" in gate.log()
    assert re.search(rf"^{re.escape(str(gate.config))}:\d+: ", gate.log(), re.MULTILINE)


def test_a_link_does_not_hide_an_open_file(keyed, tmp_path):
    write(tmp_path / "real", KEY.encode(), 0o644)
    (tmp_path / "key").symlink_to("real")
    gate, _ = keyed({"file": str(tmp_path / "key")}, start=False)
    assert gate.start(wait=False).wait() == 78


def test_insecure_permissions(keyed, tmp_path):
    path = write(tmp_path / "key", KEY.encode(), 0o644)
    gate, up = keyed({"file": str(path)}, arguments=["--insecure-permissions"])
    score(gate)
    assert bearer(up.requests[0]) == KEY


@pytest.mark.parametrize("content, word", [
    (b"", "empty"), (b"\n\n", "empty"), (b"two words", "blank"), (b"CANARYa\nCANARYb\n", "line"),
    (b"CANARY\x00x", "key"), (b"CANARY\xff", "ASCII"), (b"Bearer CANARYx", "prefix"), (b"C" * 20000, "16384"),
    (b"\xef\xbb\xbfCANARY", "ASCII"), (b"CANARY\x07", "ASCII"),
], ids=repr)
def test_files_that_hold_no_key(tmp_path, content, word):
    path = write(tmp_path / "key", content)
    config = tmp_path / "c.conf"
    config.write_text('routes = ( { path = "/score";\n  scoring_uri = "https://a.example/score";\n'
                      f'  auth = {{ type = "key"; primary = {{ file = "{path}"; }}; }}; }} );\n')
    result = run("check", "-c", config)
    assert result.returncode == 78
    assert f"{config}:3: " in result.stderr
    assert str(path) in result.stderr and word in result.stderr
    assert "CANARY" not in result.stderr


@pytest.mark.parametrize("kind", ["missing", "directory", "device"])
def test_files_that_cannot_be_read(tmp_path, kind):
    path = {"missing": tmp_path / "none", "directory": tmp_path, "device": "/dev/zero"}[kind]
    config = tmp_path / "c.conf"
    config.write_text('routes = ( { path = "/score"; scoring_uri = "https://a.example/score";\n'
                      f'  auth = {{ type = "key"; primary = {{ file = "{path}"; }}; }}; }} );\n')
    result = run("check", "-c", config)
    assert result.returncode == 78
    assert f"{config}:2: " in result.stderr and str(path) in result.stderr


def test_environment(keyed):
    gate, up = keyed({"env": "SCORE_KEY"}, env={"SCORE_KEY": KEY})
    score(gate)
    assert bearer(up.requests[0]) == KEY


@pytest.mark.parametrize("env", [{}, {"SCORE_KEY": ""}])
def test_environment_that_is_not_set(keyed, env):
    gate, _ = keyed({"env": "SCORE_KEY"}, env=env, start=False)
    assert gate.start(wait=False).wait() == 78
    assert "SCORE_KEY" in gate.log()


def test_credential_of_systemd(keyed, tmp_path):
    (tmp_path / "credentials").mkdir()
    write(tmp_path / "credentials" / "score.key", KEY.encode() + b"\n", 0o400)
    gate, up = keyed({"credential": "score.key"},
                     env={"CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")})
    score(gate)
    assert bearer(up.requests[0]) == KEY


@pytest.mark.parametrize("name, directory", [("score.key", None), ("none", "there"), ("../key", "there"),
                                             ("..", "there"), ("/etc/hostname", "there")])
def test_credential_that_is_not_there(keyed, tmp_path, name, directory):
    (tmp_path / "there").mkdir()
    write(tmp_path / "key", KEY.encode())
    env = {"CREDENTIALS_DIRECTORY": str(tmp_path / directory)} if directory else {}
    gate, _ = keyed({"credential": name}, env=env, start=False)
    assert gate.start(wait=False).wait() == 78
    assert "credential" in gate.log()


def test_inline_in_a_config_that_others_can_read(keyed):
    gate, _ = keyed(KEY, start=False)
    gate.config.chmod(0o644)
    assert gate.start(wait=False).wait() == 78
    assert "0644" in gate.log() and str(gate.config) in gate.log()
    gate.config.chmod(0o640)
    gate.start()
    score(gate)


def test_a_config_without_secrets_may_be_read_by_all(keyed, tmp_path):
    gate, _ = keyed({"file": str(write(tmp_path / "key", KEY.encode()))}, start=False)
    gate.config.chmod(0o644)
    gate.start()
    score(gate)


def test_any_string_may_come_from_the_environment(upstream, gateway):
    up = upstream()
    gate = gateway([{"path": {"env": "SCORE_PATH"}, "scoring_uri": {"env": "SCORE_URI"}}],
                   env={"SCORE_PATH": "/from-env", "SCORE_URI": up.url("/there")})
    assert gate.client().get("/from-env").status == 200
    assert up.requests[0].target == "/there"


# Where they do not show up

def open_files(gate):
    """{descriptor: what it leads to}, without those that close meanwhile."""
    found = {}
    for fd in Path(f"/proc/{gate.pid}/fd").iterdir():
        try:
            found[int(fd.name)] = os.readlink(fd)
        except FileNotFoundError:
            pass
    return found


def everything_written(gate):
    """All that the process and its commands have put anywhere, but for the wire to the endpoint."""
    for name in ("stdout", "stderr", "listen"):
        yield name, (gate.tmp / name).read_bytes()
    for path in ("/healthz", "/readyz", "/nowhere"):
        yield f"admin {path}", repr(gate.admin(path)).encode()
    proc = Path(f"/proc/{gate.pid}")
    yield "cmdline", (proc / "cmdline").read_bytes()
    yield "environ", (proc / "environ").read_bytes()
    yield "comm", (proc / "comm").read_bytes()
    for task in (proc / "task").iterdir():
        yield "thread name", (task / "comm").read_bytes()
    for target in open_files(gate).values():
        yield "fd", os.fsencode(target)
    for command in ("config", "check"):
        result = run(command, "-c", gate.config)
        yield command, (result.stdout + result.stderr).encode()


def test_canaries_after_all_kinds_of_requests(keyed, tmp_path):
    """Keys of two files, at log level debug, with the endpoint refusing one of them."""
    one = write(tmp_path / "one", KEY.encode())
    two = write(tmp_path / "two", OTHER.encode())
    gate, up = keyed({"file": str(one)}, secondary={"file": str(two)},
                     log={"level": "debug", "format": "text", "access": True})
    up.scripts = [refuse_first_key]
    caller = gate.client()
    assert caller.post("/score", b"x").status == 200
    assert {bearer(r) for r in up.requests} == {KEY, OTHER}
    for method, target, headers in (
            ("GET", "/nowhere", []), ("POST", "/score", [("Authorization", "Bearer x")]), ("OPTIONS", "/score", []),
            ("GET", "/score/swagger.json", []), ("DELETE", "/score", []), ("GET", "/score?%zz", []),
            ("POST", "/score", [("Host", "evil.example")])):
        gate.client().request(method, target, headers, b"x")  # watches for the canaries by itself
    up.stop()
    assert gate.client().post("/score", b"x").status == 502
    for where, data in everything_written(gate):
        for form in forms(KEY) + forms(OTHER):
            assert form not in data, f"a key is in {where}"


def refuse_first_key(s):
    while True:
        request = s.rxreq()
        good = request.headers["authorization"] == f"Bearer {OTHER}"
        s.txresp(200 if good else 401, body=b"" if good else b"key_auth_access_denied")


@pytest.mark.parametrize("text", [
    'auth = { type = "key"; primary = "%s" };;',              # grammar
    'auth = { type = "key"; primry = "%s"; };',               # misspelt name
    'auth = { type = "ky"; primary = "%s"; };',               # wrong type beside it
    'auth = { type = "key"; primary = "%s',                   # no end
    'auth = { type = "key"; primary = "%s and more"; };',     # not a key
    'auth = { type = "key"; primary = [ "%s" ]; };',          # not a string
    'auth = { type = "key"; primary = { fil = "%s"; }; };',   # not a source
    'auth = { type = "none"; primary = "%s"; };',             # not wanted
    'auth = { type = "key"; primary = "Bearer %s"; };',
    'auth = "%s";',
])
def test_errors_do_not_quote_a_secret(tmp_path, text):
    config = write(tmp_path / "c.conf", ('routes = ( { path = "/score"; scoring_uri = "https://a.example/s";\n  '
                                         + text % KEY + ' } );\n').encode())
    for command in ("check", "serve", "config"):
        result = run(command, "-c", config)
        assert result.returncode == 78, result.stdout
        assert KEY not in result.stderr + result.stdout
        assert f"{config}:" in result.stderr


def test_config_shows_no_secret(tmp_path):
    config = write(tmp_path / "c.conf", f'''
proxy = "http://user:{OTHER}@proxy.example:3128";
routes = ( {{ path = "/score"; scoring_uri = "https://a.example/score?code=CANARYquery&v=CANARYtoo";
  swagger_uri = "https://a.example/swagger.json?sig=CANARYsig";
  set_headers = {{ Cookie = "CANARYcookie"; X-Api-Secret = "CANARYheader"; }};
  auth = {{ type = "key"; primary = "{KEY}"; secondary = "{OTHER}"; }}; }} );
'''.encode())
    result = run("config", "-c", config)
    assert result.returncode == 0, result.stderr
    assert "CANARY" not in result.stdout + result.stderr
    assert result.stdout.count("***") >= 6
    assert "proxy.example:3128" in result.stdout and "a.example/score" in result.stdout


@pytest.mark.parametrize("option", ["--key", "--secret", "--primary", "--token", "--key=CANARYargv"])
def test_no_option_takes_a_secret(option):
    for command in ("serve", "try", "demo", "check"):
        result = run(command, option, "CANARYargv")
        assert result.returncode == 2
        assert "CANARYargv" not in result.stderr


# The process

def user_for_tests():
    """Somebody else than root, to see what an ordinary user's process looks like to others."""
    return pwd.getpwnam("nobody")


def start_as(user, program, directory, config):
    """PROGRAM as USER in DIRECTORY with core dumps allowed; a Popen."""
    def become():
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        if user is not None:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            # Changing the user turns this off; a process of that user's own would have it on.
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)

    return subprocess.Popen([program, "serve", "-c", config, "--listen-file", directory / "listen"],
                            cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL, env=environment(), preexec_fn=become)


@pytest.fixture
def lone_process():
    """(process, directory) of a gateway with an inline key, run by an ordinary user."""
    user = user_for_tests() if os.getuid() == 0 else None
    with tempfile.TemporaryDirectory(prefix="scoregate-test-") as name:
        directory = Path(name)
        config = write(directory / "c.conf", (
            'listen = ( { address = "127.0.0.1"; port = 0; } ); admin = { enabled = false; };\n'
            'routes = ( { path = "/score"; scoring_uri = "https://a.example/score";\n'
            f'  auth = {{ type = "key"; primary = "{KEY}"; }}; }} );\n').encode())
        if user:
            for path in (directory, config):
                os.chown(path, user.pw_uid, user.pw_gid)
        # A copy, since another user may not be able to look where it was built.
        process = start_as(user, shutil.copy2(binary(), directory / "scoregate"), directory, config)
        try:
            until((directory / "listen").exists, "it listens")
            yield process, directory
        finally:
            process.kill()
            process.wait()


def test_the_process_is_not_dumpable(lone_process):
    """PR_SET_DUMPABLE 0 gives its files in /proc to root, so that another process of the same user
    can neither read its memory nor trace it."""
    process, _ = lone_process
    proc = Path(f"/proc/{process.pid}")
    status = (proc / "status").read_text()
    assert int(re.search(r"^Uid:\s+(\d+)", status, re.MULTILINE)[1]) != 0 or os.getuid() == 0
    for name in ("mem", "environ", "maps"):
        assert (proc / name).stat().st_uid == 0
    limits = (proc / "limits").read_text()
    assert re.search(r"^Max core file size\s+0\s+0\s", limits, re.MULTILINE)


def test_an_ordinary_process_would_be_dumpable():
    """That the test above can fail: the same look at a process that has not asked for it."""
    user = user_for_tests() if os.getuid() == 0 else pwd.getpwuid(os.getuid())

    def become():
        if os.getuid() == 0:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)

    process = subprocess.Popen(["sleep", "60"], preexec_fn=become)
    try:
        assert os.stat(f"/proc/{process.pid}/environ").st_uid == user.pw_uid
    finally:
        process.kill()
        process.wait()


def test_an_abort_leaves_no_core(lone_process):
    process, directory = lone_process
    before = sorted(p.name for p in directory.iterdir())
    os.kill(process.pid, signal.SIGABRT)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = -signal.SIGABRT
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) != 0
    assert not os.WCOREDUMP(status)
    assert sorted(p.name for p in directory.iterdir()) == before


def test_descriptors_would_not_reach_a_child(keyed, tmp_path):
    """But for the connections that libcurl has opened, which it does not mark; there is no exec."""
    gate, _ = keyed({"file": str(write(tmp_path / "key", KEY.encode()))})
    score(gate)
    inherited = {}
    for fd, target in open_files(gate).items():
        assert str(tmp_path / "key") not in target
        if fd <= 2 or target.startswith("socket:"):
            continue
        info = Path(f"/proc/{gate.pid}/fdinfo/{fd}").read_text()
        if not int(re.search(r"flags:\s+(\d+)", info)[1], 8) & os.O_CLOEXEC:
            inherited[fd] = target
    assert inherited == {}


def test_key_log_and_other_variables_of_the_environment_are_ignored(keyed, tmp_path):
    gate, up = keyed({"file": str(write(tmp_path / "key", KEY.encode()))},
                     env={"SSLKEYLOGFILE": str(tmp_path / "keylog"), "CURL_CA_BUNDLE": "/nonexistent",
                          "SSL_CERT_FILE": "/nonexistent", "HOME": str(tmp_path), "all_proxy": "http://127.0.0.1:9",
                          "OPENSSL_CONF": "/dev/null"})
    write(tmp_path / ".netrc", b"machine 127.0.0.1 login evil password evil\n")
    write(tmp_path / ".curlrc", b"insecure\n")
    score(gate)
    assert bearer(up.requests[0]) == KEY
    assert not (tmp_path / "keylog").exists()
    assert b"evil" not in up.requests[0].head


def test_log_lines_cannot_be_forged(serve):
    gate, _ = serve(handler=lambda r: Response(200))
    for target in ("/score?\x1b[31m", "/x%0aforged", "/score"):
        caller = gate.client()
        caller.request("GET", target, [("User-Agent", "a\x1b]0;b\x07"), ("Connection", "close")])
    log = (gate.tmp / "stderr").read_bytes()
    assert not re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", log)
    assert not re.search(rb"^forged", log, re.MULTILINE)
