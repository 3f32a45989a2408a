# SPDX-License-Identifier: MIT
"""scoregate rotate: keys regenerated in Azure while callers score, none of whom notices."""

import json
import socket
import threading

import pytest

from lib import config
from lib.cli import run
from lib.cloud import SECRET, Load, World, settings
from lib.config import key_auth
from lib.upstream import Response


@pytest.fixture
def world(azure, certs, upstream, gateway):
    return lambda **options: World(azure, certs, upstream, gateway, **options)


def rotate(one, *arguments, admin=True, route="/score"):
    where = ["--admin", f"http://127.0.0.1:{one.gateway.admin_port}"] if admin else []
    result = run("rotate", route, "-c", one.gateway.config, *where, *arguments, timeout=120)
    for key in (one.endpoint.keys.primary, one.endpoint.keys.secondary, *one.gateway.secrets):
        assert key not in result.stdout + result.stderr
    return result


def asked_for(azure):
    """Which keys were regenerated, in order."""
    return [c.json()["keyType"] for c in azure.asked("*.regenerateKeys")]


def fingerprints(one):
    return one.status()["routes"][0]["fingerprints"]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("workers", [1, 2])
def test_both_keys_under_load(world, azure, version, workers):
    one = world(version=version, workers=workers).ready()
    before, prints = one.endpoint.keys.current(), fingerprints(one)
    load = Load(one.gateway, callers=16).wait(20)
    result = rotate(one)
    load.wait(20).stop()
    assert (result.returncode, result.stderr) == (0, "")
    assert load.wrong == [] and load.fine > 40
    assert not before & one.endpoint.keys.current()
    assert asked_for(azure) == ["Secondary", "Primary"]
    now = fingerprints(one)
    assert not set(prints) & set(now)
    assert result.stdout.splitlines() == [
        "the gateway begins with the primary key", "regenerating the secondary key",
        "Azure has a new secondary key", f"the gateway has the new secondary key, fingerprint {now[1]}",
        "the gateway begins with the secondary key", "regenerating the primary key",
        "Azure has a new primary key", f"the gateway has the new primary key, fingerprint {now[0]}"]
    # Not one request was made with a key that was no longer good.
    assert "refused the credential" not in one.gateway.log()


def test_another_route_to_the_endpoint(world, certs, azure, gateway):
    """It has the same keys, and loses none of them either, however large its bodies are."""
    one = world(start=False)
    routes = [{**one.route, "replay_bytes": 0, "path": path} for path in ("/score", "/other")]
    one.gateway = gateway(routes, identities=one.gateway.settings["identities"],
                          azure=settings(azure, certs), secrets=[SECRET], workers=2)
    one.ready()
    loads = [Load(one.gateway, callers=8, path=r["path"]).wait(20) for r in routes]
    assert rotate(one).returncode == 0
    for load in loads:
        load.wait(20).stop()
        assert load.wrong == []
    assert "refused the credential" not in one.gateway.log()


@pytest.mark.parametrize("key", ["primary", "secondary"])
def test_one_key(world, azure, key):
    one = world().ready()
    old = {k: getattr(one.endpoint.keys, k) for k in ("primary", "secondary")}
    result = rotate(one, "--key", key)
    assert result.returncode == 0, result.stderr
    other = "secondary" if key == "primary" else "primary"
    assert getattr(one.endpoint.keys, key) != old[key] and getattr(one.endpoint.keys, other) == old[other]
    assert asked_for(azure) == [key.capitalize()]
    assert one.status()["routes"][0]["key_in_use"] == other
    one.assert_scores(3)


def test_the_key_that_is_not_in_use_comes_first(world, azure):
    one = world().ready()
    assert rotate(one, "--key", "primary").returncode == 0
    assert one.status()["routes"][0]["key_in_use"] == "secondary"
    assert rotate(one).returncode == 0
    assert asked_for(azure) == ["Primary", "Primary", "Secondary"]


def test_without_a_gateway(world, azure):
    one = world(start=False)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{s.getsockname()[1]}"
    before = one.endpoint.keys.current()
    result = rotate(one, "--admin", address, admin=False)
    assert result.returncode == 0, result.stderr
    first, *rest = result.stdout.splitlines()
    assert first == f"no gateway answers at {address}: Connection refused; going on without it"
    assert rest == ["regenerating the secondary key", "Azure has a new secondary key",
                    "regenerating the primary key", "Azure has a new primary key"]
    assert not before & one.endpoint.keys.current()


def test_a_gateway_without_an_admin_listener(world):
    one = world(start=False, admin={"enabled": False})
    result = rotate(one, "--key", "secondary", admin=False)
    assert result.returncode == 0
    assert result.stdout.startswith("the gateway has no admin listener; going on without it\n")


def test_a_gateway_of_another_configuration(world, gateway):
    one = world(start=False)
    other = gateway([{"path": "/other", "scoring_uri": "https://localhost:9/score"}])
    result = rotate(one, "--key", "primary", "--admin", f"http://127.0.0.1:{other.admin_port}", admin=False)
    assert result.returncode == 0
    assert result.stdout.startswith("the running gateway has no route /score; going on without it\n")


def test_a_gateway_that_may_not_be_asked(world, azure):
    """It runs, but this caller cannot tell it anything: its keys are not taken from under it."""
    one = world(admin={"address": "127.0.0.1", "port": 0, "allow_clients": ["10.0.0.0/8"]})
    result = rotate(one)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith("scoregate rotate: nothing is regenerated: the gateway refuses (403): ")
    assert "allow_clients" in result.stderr and azure.count("*.regenerateKeys") == 0


@pytest.fixture
def impostor():
    """impostor(status, body): the address of a server that answers everything with that; BODY may be a
    function of the request's first line."""
    servers = []

    def make(status, body):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def run_server():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    line = connection.recv(65536).split(b"\r\n")[0].decode()
                    answer = body(line) if callable(body) else body
                    connection.sendall(f"HTTP/1.1 {status} -\r\nContent-Length: {len(answer)}\r\n"
                                       f"Connection: close\r\n\r\n{answer}".encode())
        threading.Thread(target=run_server, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield make
    for one in servers:
        one.shutdown(socket.SHUT_RDWR)
        one.close()


@pytest.mark.parametrize("status, body, words", [
    (200, "[]", "what answers for the gateway is no scoregate"),
    (500, "oops", "the gateway refuses (500)"), (200, "{", "is no scoregate")])
def test_something_else_in_place_of_the_gateway(world, azure, impostor, status, body, words):
    one = world(start=False)
    result = rotate(one, "--admin", impostor(status, body), admin=False)
    assert result.returncode == 1 and words in result.stderr
    assert azure.count("*.regenerateKeys") == 0


def test_an_impostor_does_nothing_to_the_terminal(world, impostor):
    """Whoever holds the port while the gateway is down writes to the operator's terminal, but words only."""
    one, asked = world(start=False), []

    def status(line):
        asked.append(line)
        print_ = "00" if len(asked) == 1 else "\x1b]0;owned\x07"
        return json.dumps({"routes": [{"path": "/score", "key_in_use": "primary",
                                       "fingerprints": ["00", print_ if "/status" in line else "00"]}],
                           "detail": "no \x1b[2J\x9b2J way"})
    result = rotate(one, "--admin", impostor(200, lambda line: "{" if len(asked) > 3 else status(line)),
                    "--key", "secondary", admin=False)
    assert result.returncode == 1 and "owned" not in result.stdout
    result = rotate(one, "--admin", impostor(403, status), admin=False)
    assert result.stderr.endswith("the gateway refuses (403): no ?[2J?2J way\n")


def test_an_operation_that_takes_its_time(world, azure):
    azure.operation_polls, azure.operation_retry_after = 3, 1
    one = world().ready()
    azure.fault("arm.operation", status=503, headers={"Retry-After": "1"})
    assert rotate(one, "--key", "secondary").returncode == 0
    assert azure.count("arm.operation") >= 4


def regenerated(azure):
    return lambda call: azure.count("*.regenerateKeys") > 0


def test_a_list_that_is_late(world, azure):
    """There is a new key by then: to ask later is all that is left to do."""
    one = world().ready()
    azure.fault("arm.listKeys", status=429, headers={"Retry-After": "1"}, where=regenerated(azure))
    azure.fault("arm.listKeys", drop="before", where=regenerated(azure))
    result = rotate(one)
    assert (result.returncode, result.stderr) == (0, "")
    assert asked_for(azure) == ["Secondary", "Primary"]


def test_a_list_that_is_forbidden_by_then(world, azure):
    one = world().ready()
    azure.fault("arm.listKeys", times=9, status=403, where=regenerated(azure))
    result = rotate(one)
    assert result.returncode == 1 and asked_for(azure) == ["Secondary"]
    assert result.stderr.startswith("scoregate rotate: the new secondary key cannot be read back: forbidden (403)")


def test_an_operation_that_is_over_at_once(world, azure):
    azure.operation_polls = 0
    one = world().ready()
    assert rotate(one, "--key", "secondary").returncode == 0
    assert azure.count("arm.operation") == 0


def test_an_operation_that_fails(world, azure):
    azure.operation_outcome = "Failed"
    one = world().ready()
    before = one.endpoint.keys.current()
    result = rotate(one)
    assert result.returncode == 1 and result.stderr.startswith("scoregate rotate: the secondary key is not regenerated: ")
    assert asked_for(azure) == ["Secondary"]  # the other one is not touched
    assert one.endpoint.keys.current() == before
    one.assert_scores(3)


def test_an_operation_elsewhere_is_not_asked(world, azure):
    one = world().ready()

    def lead_astray(answer):
        answer.headers["Azure-AsyncOperation"] = "https://127.0.0.1:9/operation"
    azure.fault("arm.regenerateKeys", corrupt=lead_astray)
    result = rotate(one)
    assert result.returncode == 1 and "operation's URL" in result.stderr


def test_a_missing_role(world):
    one = world().ready()
    one.application.deny("arm.regenerateKeys")
    before = one.endpoint.keys.current()
    result = rotate(one)
    assert result.returncode == 1 and "the secondary key is not regenerated: forbidden (403)" in result.stderr
    assert "role" in result.stderr and one.endpoint.keys.current() == before
    one.assert_scores(3)


@pytest.mark.parametrize("auth_mode, shown", [("AMLToken", "a token"), ("AADToken", "a token of Entra")])
def test_an_endpoint_without_keys(world, azure, auth_mode, shown):
    one = world(auth_mode=auth_mode).ready()
    result = rotate(one)
    assert result.returncode == 1
    assert result.stderr.startswith(f"scoregate rotate: /score: unusable: it has no keys: its callers show {shown}\n")
    assert azure.count("*.regenerateKeys") == 0


@pytest.mark.parametrize("auth, words", [
    ({"type": "endpoint-token"}, "it has no keys"), ({"type": "entra"}, "it has no keys")])
def test_a_route_whose_credential_is_a_token(world, auth, words):
    one = world(auth_mode="AMLToken", route={"auth": auth}, start=False)
    result = rotate(one, admin=False)
    assert result.returncode == 2 and words in result.stderr and result.stdout == ""


@pytest.mark.parametrize("auth, words", [(key_auth("aCANARY", "bCANARY"), "come from elsewhere"),
                                         ({"type": "none"}, "no credential")])
def test_a_route_whose_keys_are_not_of_azure(serve, auth, words):
    gate, _ = serve(handler=lambda r: Response(200), auth=auth)
    result = run("rotate", "/score", "-c", gate.config)
    assert result.returncode == 2 and words in result.stderr and "CANARY" not in result.stderr


def test_a_route_that_is_not_there(world):
    one = world(start=False)
    result = rotate(one, admin=False, route="/scores")
    assert result.returncode == 2
    assert result.stderr == "scoregate rotate: there is no route /scores; did you mean /score?\n"


def write_several(one, certs, tmp_path):
    """A configuration whose route has the endpoint as the second of two backends."""
    named = {"online_endpoint": one.route["online_endpoint"], "identity": "app"}
    elsewhere = {"uri": "https://elsewhere.example/score", "auth": key_auth("aCANARY", "bCANARY")}
    path = tmp_path / "several.conf"
    path.touch(mode=0o600)
    path.write_text(config.text({
        "azure": settings(one.azure, certs), "identities": one.gateway.settings["identities"],
        "routes": [{"path": "/score", "backends": [elsewhere, named]}]}))
    return path


@pytest.mark.parametrize("arguments, words", [
    ([], "has several backends; expected --backend with one of 1 (elsewhere.example), 2 (churn)"),
    (["--backend", "3"], "'3' does not say which backend of /score; expected one of 1 (elsewhere.example), 2 (churn)"),
    (["--backend", "elsewhere.example"], "/score cannot be rotated: its keys come from elsewhere")])
def test_which_backend(world, certs, azure, tmp_path, arguments, words):
    path = write_several(world(start=False), certs, tmp_path)
    result = run("rotate", "/score", "-c", path, *arguments)
    assert (result.returncode, result.stdout) == (2, "") and words in result.stderr
    assert "CANARY" not in result.stderr and azure.calls == []


@pytest.mark.parametrize("name", ["2", "churn"])
def test_one_of_several_backends(world, certs, azure, impostor, tmp_path, name):
    """What the gateway is told, by an impostor that says it has the new key as soon as it was asked for it."""
    path, told = write_several(world(start=False), certs, tmp_path), []

    def answer(line):
        told.append(line.split()[1])
        new = "02" if any(t.startswith("/renew") for t in told) else "01"
        return json.dumps({"routes": [{"path": "/score", "backends": [
            {"key_in_use": "secondary", "fingerprints": ["aa", "ab"]},
            {"key_in_use": "primary", "fingerprints": ["00", new]}]}]})
    result = run("rotate", "/score", "-c", path, "--backend", name, "--key", "secondary",
                 "--admin", impostor(200, answer))
    assert (result.returncode, result.stderr) == (0, "")
    assert asked_for(azure) == ["Secondary"]
    assert [t for t in told if t != "/status"] == ["/prefer?route=%2Fscore&backend=2&key=primary",
                                                   "/renew?route=%2Fscore&backend=2"]
    assert result.stdout.splitlines()[-1] == "the gateway has the new secondary key, fingerprint 02"


@pytest.mark.parametrize("route", [{}, {"backends": []}, {"backends": [{}]}])
def test_a_gateway_with_other_backends(world, certs, azure, impostor, tmp_path, route):
    path = write_several(world(start=False), certs, tmp_path)
    status = json.dumps({"routes": [{"path": "/score", **route}]})
    result = run("rotate", "/score", "-c", path, "--backend", "2", "--admin", impostor(200, status))
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == ("scoregate rotate: nothing is regenerated: the running gateway has other backends of "
                             "/score than the configuration\n")
    assert azure.count("*.regenerateKeys") == 0


@pytest.mark.parametrize("arguments, words", [
    ([], "ROUTE is missing"), (["/a", "/b"], "unexpected argument '/b'"),
    (["/a", "--key", "both,"], "primary, secondary or both")])
def test_wrong_usage(arguments, words):
    result = run("rotate", *arguments)
    assert result.returncode == 2 and words in result.stderr and len(result.stderr.splitlines()) == 1


def test_it_asks_with_the_identity_of_the_route(world, azure):
    one = world(start=False)
    rotate(one, "--admin", f"unix:{one.gateway.tmp}/none", "--key", "primary", admin=False)
    assert azure.count("arm.regenerateKeys") == 1
    assert {c.form["client_id"] for c in azure.asked("entra.token")} == {one.application.client_id}
