# SPDX-License-Identifier: MIT
"""scoregate check --online: gets every credential, connects to every endpoint, scores nothing."""

import socket

import pytest

from lib import config
from lib.cli import run
from lib.cloud import SECRET, World, client_secret, place, settings
from lib.config import key_auth
from lib.upstream import Response


@pytest.fixture
def check(azure, certs, upstream, tmp_path):
    """check(routes, identity=…): the result for a configuration with these routes."""
    def make(routes, identities=None, **top):
        path = tmp_path / "c.conf"
        path.touch(mode=0o600)
        path.write_text(config.text({"azure": settings(azure, certs), "tls": {"ca_file": str(certs.ca)},
                                     "identities": identities or {}, "routes": routes, **top}))
        result = run("check", "--online", "-c", path)
        assert not any(s in result.stdout + result.stderr for s in (SECRET, "CANARY"))
        return result
    return make


@pytest.fixture
def app(azure):
    return azure.application(secret=SECRET)


def lines(result, state):
    return [line[8:] for line in result.stdout.splitlines() if line.startswith(f"{state:<7} ")]


def named(azure, up, auth_mode="Key", **more):
    workspace = azure.workspace("ws")
    workspace.endpoint("churn", auth_mode=auth_mode, scoring_uri=up.url("/score?code=CANARY"))
    return {"path": "/churn", "online_endpoint": place(workspace, "churn"), "identity": "app", **more}


def test_all_is_well(check, azure, upstream, app):
    up, other = upstream(handler=lambda r: Response(200)), upstream(handler=lambda r: Response(200))
    result = check([named(azure, up, "AMLToken"),
                    {"path": "/fixed", "scoring_uri": other.url("/score"), "auth": key_auth("aCANARY", "bCANARY")}],
                   {"app": client_secret(azure, app)})
    assert (result.returncode, result.stderr) == (0, "")
    good = "\n".join(lines(result, "ok"))
    assert lines(result, "failed") == []
    for text in ("identity:app (client-secret): fingerprint ", "route:/churn:endpoint (online-endpoint)",
                 "route:/churn:token (endpoint-token): fingerprint ", "ends in 2", "route:/fixed:primary (inline)",
                 f"/churn: {up.url('/score?code=***')}, endpoint-token", f"/fixed: {other.url('/score')}, key",
                 f"connection to {up.url('')}".rstrip("/"), f"connection to {other.url('')}".rstrip("/")):
        assert text in good, (text, result.stdout)
    assert up.requests == [] and other.requests == []


def test_each_thing_once(check, azure, upstream, app):
    up = upstream(handler=lambda r: Response(200))
    route = named(azure, up)
    result = check([route, {**route, "path": "/again"}], {"app": client_secret(azure, app)})
    assert result.returncode == 0
    assert azure.count("entra.token") == 1 and azure.count("arm.listKeys") == 1
    assert result.stdout.count("connection to") == 1


def test_every_backend(check, azure, upstream, app):
    up, other = upstream(), upstream()
    backends = [{**{k: v for k, v in named(azure, up).items() if k != "path"}},
                {"uri": other.url("/score"), "auth": key_auth("aCANARY"), "priority": 1},
                {"uri": "https://127.0.0.1:1/score"}]
    result = check([{"path": "/many", "backends": backends}], {"app": client_secret(azure, app)})
    assert (result.returncode, result.stderr) == (1, "")
    good = "\n".join(lines(result, "ok"))
    for text in ("route:/many:1:endpoint (online-endpoint)", "route:/many:1:keys (endpoint-key): fingerprint ",
                 "route:/many:2:primary (inline)", f"/many (backend 1): {up.url('/score?code=***')}, endpoint-key",
                 f"/many (backend 2): {other.url('/score')}, key", "/many (backend 3): https://127.0.0.1:1/score, none",
                 f"connection to {up.url('')}".rstrip("/"), f"connection to {other.url('')}".rstrip("/")):
        assert text in good, (text, result.stdout)
    failed, = lines(result, "failed")
    assert failed.startswith("connection to https://127.0.0.1:1: ")


@pytest.mark.parametrize("denied, auth_mode, right", [
    ("arm.listKeys", "Key", "onlineEndpoints/listKeys/action"),
    ("arm.token", "AMLToken", "onlineEndpoints/token/action"),
    ("arm.endpoint", "Key", "onlineEndpoints/read")])
def test_a_missing_role_is_named(check, azure, upstream, app, denied, auth_mode, right):
    app.deny(denied)
    result = check([named(azure, upstream(), auth_mode)], {"app": client_secret(azure, app)})
    assert result.returncode == 1
    assert any("forbidden (403), AuthorizationFailed" in line for line in lines(result, "failed"))
    assert right in result.stdout
    assert any(line.startswith("identity:app ") for line in lines(result, "ok"))


def test_a_wrong_secret(check, azure, upstream, app):
    identity = client_secret(azure, app, secret="wrongCANARY")
    result = check([named(azure, upstream())], {"app": identity})
    assert result.returncode == 1
    line, = (x for x in lines(result, "failed") if x.startswith("identity:app "))
    assert "rejected (401), invalid_client: AADSTS7000215" in line and "trace " in line
    assert "The secret is wrong. It wants the value of the secret, not its id." in result.stdout


def test_an_assertion_outside_its_time(check, azure, upstream, tmp_path):
    app = azure.application()
    token = azure.write_federated(tmp_path / "token", app, lifetime=-600)
    identity = {"type": "workload", "tenant": azure.tenant, "client_id": app.client_id, "token_file": str(token)}
    result = check([named(azure, upstream())], {"app": identity})
    assert result.returncode == 1
    assert "AADSTS700024" in result.stdout and "set this machine's clock" in result.stdout


def test_no_machine_identity(check, azure, upstream):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        imds = f"http://127.0.0.1:{s.getsockname()[1]}"
    route = named(azure, upstream())
    result = check([route], {"app": {"type": "managed"}},
                   azure={"imds": imds, "management": azure.management})
    assert result.returncode == 1
    assert "Does this machine have a managed identity?" in result.stdout


def test_an_endpoint_that_is_not_there(check, azure, upstream, app):
    route = named(azure, upstream())
    azure.workspaces[0].remove("churn")
    result = check([route], {"app": client_secret(azure, app)})
    assert result.returncode == 1
    assert any("route:/churn:endpoint (online-endpoint): missing (404)" in x for x in lines(result, "failed"))
    assert any(x == "/churn: Azure knows no endpoint of the name in the configuration."
               for x in lines(result, "failed"))


def test_endpoints_that_cannot_be_reached(check, certs, upstream):
    good, bad = upstream(handler=lambda r: Response(200)), upstream(tls=certs.expired)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        closed = f"https://localhost:{s.getsockname()[1]}"
    result = check([{"path": "/good", "scoring_uri": good.url("/score")},
                    {"path": "/bad", "scoring_uri": bad.url("/score")},
                    {"path": "/closed", "scoring_uri": f"{closed}/score"}])
    assert result.returncode == 1
    failed = lines(result, "failed")
    assert f"connection to {closed}: The endpoint refused the connection." in failed
    assert any(f":{bad.port}: The certificate" in line for line in failed) and len(failed) == 2


def test_a_wrong_configuration_is_not_tried(tmp_path):
    path = tmp_path / "c.conf"
    path.write_text("nonsense = 1;\n")
    assert run("check", "--online", "-c", path).returncode == 78
