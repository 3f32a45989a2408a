# SPDX-License-Identifier: MIT
"""The command line as a user meets it."""

import base64
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from lib.cli import Running, run
from lib.client import Client
from lib.gateway import ROOT, binary
from lib.upstream import Response
from lib.wait import until

COMMANDS = ("serve", "try", "demo", "check", "status", "services", "rotate", "config")
KEY = "cliKeyCANARY6v3x"
SAMPLE = ROOT / "tests" / "data" / "sample-request.json"


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def shell(line, cwd=None):
    """LINE as a user would paste it. Returns what it prints."""
    done = subprocess.run(["/bin/sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, cwd=cwd,
                          text=True, timeout=30, check=False,
                          env={"PATH": os.environ["PATH"], "no_proxy": "*"})
    assert done.returncode == 0, (line, done.stderr)
    return done.stdout


def curl_lines(text):
    return [line.strip() for line in text.splitlines() if line.strip().startswith("curl ")]


# Help and version

@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(option):
    result = run(option)
    assert result.returncode == 0 and result.stderr == ""
    for command in COMMANDS:
        assert re.search(rf"^  {command}\b", result.stdout, re.MULTILINE)
    assert "--version" in result.stdout
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_a_command(command):
    result = run(command, "--help")
    assert result.returncode == 0 and result.stderr == ""
    assert result.stdout.startswith(f"usage: scoregate {command}")
    assert run(command, "-h").stdout == result.stdout
    # Every option of the usage is explained, and known.
    for option in set(re.findall(r"--[a-z-]+", result.stdout)) - {"--help"}:
        said = run(command, option + "x").stderr
        assert option in said, f"{option} is in the help, but no hint for its misspelling: {said}"


def test_version():
    result = run("--version")
    assert result.returncode == 0 and result.stderr == ""
    assert re.fullmatch(r"scoregate \d+\.\d+\S*\n", result.stdout)


@pytest.mark.parametrize("arguments", [("-v", "--version"), ("--version", "-v")])
def test_version_in_detail(arguments):
    result = run(*arguments)
    assert result.returncode == 0
    assert result.stdout.startswith(run("--version").stdout)
    for library in ("libmicrohttpd", "libcurl", "OpenSSL", "llhttp", "libconfig", "cJSON"):
        assert re.search(rf"{library} \d+\.\d+", result.stdout), library


# Wrong usage

@pytest.mark.parametrize("word, near", [("srve", "serve"), ("chek", "check"), ("demos", "demo"), ("tri", "try"),
                                        ("confg", "config"), ("stats", "status"),
                                        ("service", "services"), ("rotates", "rotate"), ("xyzzy-plugh", None), ("", None)])
def test_unknown_command(word, near):
    result = run(word)
    assert result.returncode == 2 and result.stdout == ""
    assert f"'{word}'" in result.stderr and "--help" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    if near:
        assert re.search(rf"\b{near}\b", result.stderr)
    else:
        assert "did you mean" not in result.stderr


@pytest.mark.parametrize("arguments, words", [
    (["serve", "--listn-file", "x"], ["--listen-file"]),
    (["check", "--confg", "x"], ["--config"]),
    (["check", "-x"], ["-x"]),
    (["check", "-c"], ["-c"]),
    (["serve", "--listen-file"], ["--listen-file"]),
    (["check", "extra"], ["extra"]),
    (["demo", "--port", "x"], ["x", "65535"]),
    (["demo", "--port", "65536"], ["65536"]),
    (["demo", "--port", "-1"], ["-1"]),
    (["demo", "--port="], ["port"]),
    (["demo", "--lifetime", "1"], ["'1'", "2 to 3600"]),
    (["demo", "--lifetime", "3601"], ["'3601'", "2 to 3600"]),
    (["demo", "--lifetime", "20s"], ["'20s'", "2 to 3600"]),
    (["demo", "--lifetime="], ["''", "2 to 3600"]),
    (["try"], ["--scoring-uri"]),
    (["try", "--scoring-uri", "http://a.example/"], ["http://", "--allow-insecure-upstream"]),
    (["try", "--scoring-uri", "https://a.example/", "--key-file", "a", "--key-env", "B"], ["--key-file", "--key-env"]),
    (["--nonsense"], ["--nonsense"]),
    (["config", "--insecure-permissions=yes"], ["--insecure-permissions"]),
])
def test_wrong_usage(arguments, words):
    result = run(*arguments)
    assert result.returncode == 2 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("scoregate")
    for word in words:
        assert word in result.stderr


# check and config

def a_config(tmp_path, more=""):
    return write(tmp_path / "c.conf", 'routes = ( { path = "/score"; scoring_uri = "https://a.example/score?k=CANARYq";\n'
                                      f'  auth = {{ type = "key"; primary = "{KEY}"; }}; }} );\n' + more)


def test_check(tmp_path):
    config = a_config(tmp_path)
    result = run("check", "-c", config)
    assert result.returncode == 0 and result.stderr == ""
    assert str(config) in result.stdout
    assert run("check", f"--config={config}").stdout == result.stdout
    assert run("check", env={"SCOREGATE_CONFIG": str(config)}).stdout == result.stdout


def test_minus_c_wins_over_the_environment(tmp_path):
    bad = write(tmp_path / "bad.conf", "nonsense = 1;\n")
    assert run("check", "-c", a_config(tmp_path), env={"SCOREGATE_CONFIG": str(bad)}).returncode == 0
    assert run("check", env={"SCOREGATE_CONFIG": str(bad)}).returncode == 78


def test_config_prints_what_can_be_loaded_again(tmp_path):
    config = a_config(tmp_path, 'workers = 3;\nhosts = [ "score.internal" ];\n')
    first = run("config", "-c", config)
    assert first.returncode == 0 and first.stderr == ""
    assert KEY not in first.stdout and "CANARYq" not in first.stdout
    for text in ("8080", "8081", "response_timeout_ms", "190000", "score.internal", "***"):
        assert text in first.stdout
    again = write(tmp_path / "again.conf", first.stdout)
    second = run("config", "-c", again)
    assert second.returncode == 0, second.stderr
    assert second.stdout == first.stdout


def test_config_into_a_closed_pipe(tmp_path):
    done = subprocess.run(["/bin/sh", "-c", f"'{binary()}' config -c '{a_config(tmp_path)}' | true; echo done"],
                          capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == "done\n"


# serve

def test_serve_is_the_default_command(tmp_path):
    config = write(tmp_path / "c.conf", 'listen = ( { port = 0; } ); admin = { enabled = false; };\n')
    listen = tmp_path / "listen"
    with Running("-c", config, "--listen-file", listen) as gate:
        port = wait_port(gate, listen)
        with Client(port) as caller:
            assert caller.get("/x").status == 404
        assert gate.stop() == 0


def wait_port(running, listen):
    until(lambda: listen.exists() or running.process.poll() is not None, "it listens")
    assert listen.exists(), running.errors
    return int(listen.read_text().split()[2])


def test_serve_that_cannot_write_the_listen_file(tmp_path):
    config = write(tmp_path / "c.conf", 'listen = ( { port = 0; } ); admin = { enabled = false; };\n')
    result = run("serve", "-c", config, "--listen-file", tmp_path / "no" / "such" / "directory")
    assert result.returncode == 1
    assert "directory" in result.stderr


# try

def test_try(tmp_path, upstream, certs):
    up = upstream(handler=lambda r: Response(200, (("Content-Type", "application/json"),), b"[1.5]"))
    key = write(tmp_path / "key", KEY + "\n")
    with Running("try", "--scoring-uri", up.url("/api/v1/score"), "--key-file", key, "--ca-file", certs.ca) as gate:
        printed = gate.wait_output("Ctrl-C")
        score, swagger = curl_lines(printed)
        assert shell(score) == "[1.5]"
        assert shell(swagger) == "[1.5]"
        assert gate.stop(signal.SIGINT) == 0
    assert KEY not in gate.output + gate.errors
    scored, described = up.requests
    assert (scored.method, scored.target) == ("POST", "/api/v1/score")
    assert scored.headers["authorization"] == f"Bearer {KEY}"
    assert scored.headers["content-type"] == "application/json"  # though curl -d said it was a form
    assert json.loads(scored.body) == {"data": [[1, 2, 3]]}
    assert described.target == "/api/v1/swagger.json"


def test_try_with_a_relative_file_an_origin_and_a_port(tmp_path, upstream, certs):
    up = upstream()
    write(tmp_path / "key", KEY)
    listen = tmp_path / "listen"
    with Running("try", "--scoring-uri", up.url(), "--key-file", "key", "--ca-file", certs.ca, "--port", "0",
                 "--origin", "https://page.example", "--origin", "http://localhost:3000",
                 "--listen-file", listen, cwd=tmp_path) as gate:
        port = wait_port(gate, listen)
        assert listen.read_text().splitlines() == [f"main 127.0.0.1 {port}"]  # no admin listener
        with Client(port) as caller:
            for origin in ("https://page.example", "http://localhost:3000"):
                answer = caller.post("/score", b"x", [("Origin", origin)])
                assert answer.headers["access-control-allow-origin"] == origin
            assert caller.post("/score", b"x", [("Origin", "https://evil.example")]).status == 403
        assert gate.stop() == 0
    assert up.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_try_with_a_key_of_the_environment(upstream, certs):
    up = upstream()
    with Running("try", "--scoring-uri", up.url("/score?v=1&x='y'"), "--key-env", "MY_KEY", "--ca-file", certs.ca,
                 env={"MY_KEY": KEY}) as gate:
        shell(curl_lines(gate.wait_output("Ctrl-C"))[0])
        assert gate.stop() == 0
    assert KEY not in gate.output + gate.errors
    assert up.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert up.requests[0].target == "/score?v=1&x='y'"


@pytest.mark.parametrize("arguments, words", [
    (["--scoring-uri", "https://a.example:x/"], ["port"]),
    (["--scoring-uri", "https://a.example/", "--key-file", "/nonexistent/key"], ["/nonexistent/key"]),
    (["--scoring-uri", "https://a.example/", "--key-env", "NO_SUCH_VARIABLE"], ["NO_SUCH_VARIABLE"]),
    (["--scoring-uri", "https://a.example/", "--ca-file", "/nonexistent/ca"], ["/nonexistent/ca"]),
    (["--scoring-uri", "https://a.example/", "--origin", "nonsense"], ["nonsense"]),
])
def test_try_with_what_cannot_work(arguments, words):
    result = run("try", *arguments)
    assert result.returncode == 78 and result.stdout == ""
    assert result.stderr.startswith("scoregate try: ")
    assert not re.search(r":\d+: ", result.stderr)  # no line of a file that nobody has written
    for word in words:
        assert word in result.stderr


# demo

PREDICTIONS = pytest.approx([217.67980824, 224.78900904], abs=0.001)


def answer_of(line):
    """What the curl LINE gets: status, content type and body."""
    told = shell(line.replace("curl ", r"curl -s -w '\n%{http_code}\n%{content_type}' ", 1))
    body, status, kind = told.rsplit("\n", 2)
    return int(status), kind, body


def predictions_of(line):
    status, _, body = answer_of(line)
    assert status == 200, body
    return json.loads(body)


def tokens_of(gate):
    """The fingerprints of the tokens that the log tells of."""
    return re.findall(r" info .*name=identity:demo .*fingerprint=(\w+)", gate.errors)


def test_demo():
    """The lines that it prints, pasted into a shell, show the difference."""
    with Running("demo") as gate:
        without, through = curl_lines(gate.wait_output("Ctrl-C"))
        assert answer_of(without) == (401, "text/plain", "key_auth_bad_header_forbidden")
        assert predictions_of(through) == PREDICTIONS
        assert gate.stop(signal.SIGINT) == 0
    assert "A token lives 20 seconds" in gate.output
    assert len(tokens_of(gate)) == 1
    assert not re.search(" (warning|error) | info request ", gate.errors)
    assert "eyJ" not in gate.output + gate.errors  # as every JWT begins
    request = re.search(r"@(\S+)", through)[1].strip("'")
    assert not Path(request).parent.exists() or not Path(request).exists()  # it tidies up


def test_demo_is_the_model_and_request_of_the_article():
    with Running("demo") as gate:
        url = curl_lines(gate.wait_output("Ctrl-C"))[1].split()[-1]
        assert predictions_of(f"curl -d @{SAMPLE} {url}") == PREDICTIONS
        swagger = json.loads(shell(f"curl -s {url}/swagger.json"))
        assert "swagger" in swagger or "openapi" in swagger
        assert answer_of(f"curl -d '{{}}' {url}")[0] == 400
        assert gate.stop() == 0


def test_demo_renews_its_tokens():
    """Lifetimes pass, and whoever calls does not notice."""
    with Running("demo", "--lifetime", "2") as gate:
        through = curl_lines(gate.wait_output("Ctrl-C"))[1]
        begun = time.monotonic()

        def five_lifetimes_later():
            assert predictions_of(through) == PREDICTIONS
            return time.monotonic() - begun > 10
        until(five_lifetimes_later, "lifetimes pass", 30)
        tokens, elapsed = tokens_of(gate), time.monotonic() - begun
        assert gate.stop() == 0
    # Each after half of its lifetime, a tenth sooner at most.
    assert elapsed / 2 <= len(tokens) <= elapsed / 0.9 + 2
    assert len(set(tokens)) == len(tokens)
    assert not re.search(" (warning|error) ", gate.errors)
    assert "eyJ" not in gate.output + gate.errors


def json_part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_demo_service_refuses_as_azure_does():
    with Running("demo") as gate:
        without = curl_lines(gate.wait_output("Ctrl-C"))[0]
        forged = f"{json_part({'alg': 'none'})}.{json_part({'aud': 'https://ml.azure.com', 'nbf': 0, 'exp': 9e9})}."
        for authorization, text in (("Basic eDp4", "key_auth_bad_header_forbidden"),
                                    ("Bearer x", "key_auth_access_denied"),
                                    (f"Bearer {forged}", "key_auth_access_denied")):
            assert answer_of(f"{without} -H 'Authorization: {authorization}'") == (401, "text/plain", text)

        url = without.split()[-1]
        token = without.split(" -d ")[0] + " " + url.replace("/score", "/demo/oauth2/v2.0/token")
        form = " -d grant_type=client_credentials -d client_secret=x -d scope=https://ml.azure.com/.default"
        for more, error in ((" -d grant_type=password", "invalid_request"), (form, "invalid_request"),
                            (f"{form} -d client_id=x", "unauthorized_client"),
                            (f"{form} -d client_id=x -H 'Content-Type: text/plain'", "invalid_request")):
            status, kind, body = answer_of(token + more)
            answer = json.loads(body)
            assert (status, kind, answer["error"]) == (400, "application/json", error)
            assert answer["error_description"].startswith(f"AADSTS{answer['error_codes'][0]}: ")
            assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", answer["timestamp"])
            assert re.fullmatch(r"[0-9a-f-]{36}", answer["trace_id"]), answer
            assert re.fullmatch(r"[0-9a-f-]{36}", answer["correlation_id"]), answer
        assert "cache-control: no-store" in shell(f"{token}{form} -s -i").lower()
        assert answer_of(token)[0] == 405
        assert gate.stop() == 0


def test_demo_on_a_given_port_and_twice_at_once(tmp_path):
    first, second = tmp_path / "1", tmp_path / "2"
    with Running("demo", "--listen-file", first) as one, Running("demo", "--listen-file", second) as two:
        ports = wait_port(one, first), wait_port(two, second)
        assert ports[0] != ports[1]
        assert first.read_text().splitlines() == [f"main 127.0.0.1 {ports[0]}"]  # no admin listener
        assert two.stop() == 0
        with Running("demo", "--port", ports[1]) as again:
            assert f":{ports[1]}/score" in again.wait_output("Ctrl-C")
            assert again.stop() == 0
        busy = run("demo", "--port", ports[0])
        assert busy.returncode == 1 and str(ports[0]) in busy.stderr
        assert one.stop() == 0


def test_demo_in_an_environment_with_a_proxy():
    with Running("demo", env={"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}) as gate:
        assert predictions_of(curl_lines(gate.wait_output("Ctrl-C"))[1]) == PREDICTIONS
        assert gate.stop() == 0


def test_closed_standard_streams_are_nobody_elses(tmp_path):
    """What the program opens next would get their numbers."""
    listening = tmp_path / "listen"
    with subprocess.Popen(["/bin/sh", "-c", 'exec "$0" demo --listen-file "$1" <&- >&- 2>&-', binary(),
                           listening]) as process:
        try:
            until(listening.exists, "it listens")
            assert {os.readlink(f"/proc/{process.pid}/fd/{n}") for n in range(3)} == {"/dev/null"}
        finally:
            process.terminate()
        assert process.wait(20) == 0
