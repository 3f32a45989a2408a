# SPDX-License-Identifier: MIT
"""Where credentials come from: every identity, every kind of credential, found by name or written
down; each thing is fetched once however many routes use it; nothing of it is told."""

import base64
import json
import os
import urllib.parse

import pytest

from lib.cloud import SECRET, World, client_secret, place, scoring, settings
from lib.config import key_auth
from lib.problem import assert_problem
from lib.upstream import Response
from lib.wait import until


@pytest.fixture
def world(azure, certs, upstream, gateway):
    return lambda **options: World(azure, certs, upstream, gateway, **options)


# Kinds of credentials, found by name

@pytest.mark.parametrize("auth_mode", ["Key", "AMLToken", "AADToken"])
def test_online_endpoint_is_found_by_name(world, azure, auth_mode):
    one = world(auth_mode=auth_mode).ready()
    one.assert_scores(3)
    route, = one.status()["routes"]
    assert route["state"] == "ready"
    assert route["auth"] == {"Key": "endpoint-key", "AMLToken": "endpoint-token",
                             "AADToken": "entra"}[auth_mode]
    assert route["scoring_uri"] == one.endpoint.scoring_uri
    assert azure.count("arm.endpoint") == 1
    assert azure.count("arm.listKeys") == (auth_mode == "Key")
    assert azure.count("arm.token") == (auth_mode == "AMLToken")


@pytest.mark.parametrize("auth_mode", ["Key", "AMLToken", "None"])
def test_web_service_is_found_by_name(world, azure, auth_mode):
    one = world(auth_mode=auth_mode, version=1).ready()
    one.assert_scores(3)
    route, = one.status()["routes"]
    assert route["auth"] == {"Key": "endpoint-key", "AMLToken": "endpoint-token",
                             "None": "none"}[auth_mode]
    assert azure.count("arm.workspace") == azure.count("mms.discovery") == 1
    if auth_mode == "None":
        assert "authorization" not in one.upstream.requests[-1].headers


@pytest.mark.parametrize("auth, mode", [({"type": "endpoint-key"}, "Key"),
                                        ({"type": "endpoint-token"}, "AMLToken"),
                                        ({"type": "entra"}, "AADToken")])
def test_the_kind_may_be_written_down(world, auth, mode):
    world(auth_mode=mode, route={"auth": auth}).ready().assert_scores()


def test_entra_with_a_scoring_uri_of_its_own(world, azure):
    one = world(auth_mode="AADToken", start=False)
    one.gateway.settings["routes"] = [{"path": "/score", "scoring_uri": one.upstream.url("/score"),
                                       "identity": "app", "auth": {"type": "entra"}}]
    rewrite(one.gateway)
    one.start().ready().assert_scores()
    token, = azure.asked("entra.token")
    assert token.form["scope"] == "https://ml.azure.com/.default"
    assert azure.count("arm.*") == 0


def test_another_scope_header_and_prefix(azure, certs, upstream, gateway):
    app = azure.application(secret=SECRET)
    up = upstream(handler=lambda request: Response(200, (), b"fine"))
    one = gateway([{"path": "/score", "scoring_uri": up.url("/score"), "identity": "app",
                    "auth": {"type": "entra", "scope": "https://vault.azure.net/.default",
                             "header": "api-key", "prefix": ""}}],
                  identities={"app": client_secret(azure, app)}, azure=settings(azure, certs),
                  secrets=[SECRET])
    assert one.client().post("/score").status == 200
    assert azure.asked("entra.token")[0].form["scope"] == "https://vault.azure.net/.default"
    assert up.requests[0].headers["api-key"].count(".") == 2
    assert "authorization" not in up.requests[0].headers


def rewrite(gateway):
    from lib import config  # pylint: disable=import-outside-toplevel
    gateway.write_config(config.text(gateway.settings))


# Identities

def test_secret_from_a_file_with_every_odd_character(world, azure):
    one = world(auth_mode="AADToken", start=False)
    path = one.gateway.secret_file("client", SECRET)
    one.gateway.settings["identities"]["app"]["secret"] = {"file": path}
    rewrite(one.gateway)
    one.start().ready().assert_scores()
    assert azure.asked("entra.token")[0].form["client_secret"] == SECRET


def test_certificate(world, azure, certs, tmp_path):
    pem = make_certificate(tmp_path)
    app = azure.application(certificates=[pem])
    one = world(auth_mode="AADToken",
                identity={"type": "certificate", "tenant": azure.tenant,
                          "client_id": app.client_id, "certificate": str(pem)})
    one.ready().assert_scores()
    token = azure.asked("entra.token")[-1]
    head = json.loads(unpadded(token.form["client_assertion"].split(".")[0]))
    assert head["alg"] == "PS256" and "x5t#S256" in head
    assert certs


def test_wrong_certificate_is_refused(world, azure, tmp_path):
    app = azure.application(certificates=[make_certificate(tmp_path, "right.pem")])
    one = world(auth_mode="AADToken",
                identity={"type": "certificate", "tenant": azure.tenant,
                          "client_id": app.client_id,
                          "certificate": str(make_certificate(tmp_path, "wrong.pem"))})
    until(lambda: azure.count("entra.token"), "a token is asked for")
    until(lambda: one.gateway.admin("/readyz").status == 503, "it is not ready")
    until(lambda: one.credential("identity:app")["state"] == "rejected", "it is rejected")
    assert_problem(one.post(), "token_rejected")


def make_certificate(directory, name="app.pem"):
    import datetime  # pylint: disable=import-outside-toplevel
    from cryptography import x509  # pylint: disable=import-outside-toplevel
    from cryptography.hazmat.primitives import hashes, serialization  # pylint: disable=import-outside-toplevel
    from cryptography.hazmat.primitives.asymmetric import rsa  # pylint: disable=import-outside-toplevel
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, "scoregate")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (x509.CertificateBuilder().subject_name(subject).issuer_name(subject)
                   .public_key(key.public_key()).serial_number(1)
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=30)).sign(key, hashes.SHA256()))
    path = directory / name
    path.touch(mode=0o600)
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    return path


def unpadded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def test_workload_reads_its_file_every_time(world, azure, tmp_path):
    azure.token_lifetime, azure.refresh_in = 3, 1
    app = azure.application()
    file = tmp_path / "token"
    azure.write_federated(file, app)
    env = azure.environment("workload", application=app)
    first = file.read_text()
    one = world(auth_mode="AADToken", identity={"type": "workload"}, env=env).ready()
    one.assert_scores()
    azure.write_federated(file, app)
    until(lambda: azure.asked("entra.token")[-1].form["client_assertion"] != first.strip(),
          "the new token is shown")
    one.assert_scores()
    assert azure.asked("entra.token")[0].form["client_assertion"] == first.strip()
    assert one.application.client_id != app.client_id == azure.asked("entra.token")[0].form["client_id"]


def test_workload_through_the_token_proxy_of_the_cluster(world, azure, certs, tmp_path):
    """AKS identity bindings: another host, another TLS name, another CA."""
    app = azure.application()
    azure.write_federated(tmp_path / "token", app)
    env = {**azure.environment("workload", application=app),
           "AZURE_AUTHORITY_HOST": "https://127.0.0.1:1/",
           "AZURE_KUBERNETES_TOKEN_PROXY": azure.authority.replace("localhost", "127.0.0.1"),
           "AZURE_KUBERNETES_SNI_NAME": "score.test", "AZURE_KUBERNETES_CA_FILE": str(certs.ca)}
    one = world(auth_mode="AADToken", env=env, start=False,
                identity={"type": "workload", "identity_binding": True})
    one.gateway.settings["azure"].pop("authority")
    rewrite(one.gateway)
    one.start().ready().assert_scores()
    assert azure.asked("entra.token")[0].headers["Host"].startswith("127.0.0.1:")


def test_managed_by_imds(world, azure):
    azure.identity(system=True)
    user = azure.identity(resource_id="/subscriptions/s/resourceGroups/g/providers/"
                          "Microsoft.ManagedIdentity/userAssignedIdentities/u")
    one = world(auth_mode="AADToken", identity={"type": "managed", "client_id": user.client_id})
    one.ready().assert_scores()
    calls = azure.asked("imds.token")
    assert [c.query["resource"] for c in calls] == ["https://management.azure.com",
                                                    "https://ml.azure.com"]
    call = calls[0]
    assert call.query["client_id"] == user.client_id
    assert call.headers["Metadata"] == "true"


@pytest.mark.parametrize("name", ["object_id", "resource_id"])
def test_managed_by_another_name(world, azure, name):
    azure.identity(system=True)
    user = azure.identity(resource_id="/subscriptions/s/resourceGroups/g/providers/"
                          "Microsoft.ManagedIdentity/userAssignedIdentities/u")
    one = world(auth_mode="AADToken", identity={"type": "managed", name: getattr(user, name)})
    one.ready().assert_scores()


@pytest.mark.parametrize("kind, asked", [
    ("app-service", "app-service.token"), ("container-apps", "app-service.token"),
    ("app-service-legacy", "legacy.token"), ("azure-ml", "azure-ml.token")])
def test_managed_elsewhere(world, azure, kind, asked):
    azure.identity(system=True)
    one = world(auth_mode="AADToken", identity={"type": "managed"}, env=azure.environment(kind))
    one.ready().assert_scores()
    assert azure.count("imds.*") == 0 and azure.count("*.token") >= 1, asked


@pytest.mark.skipif(os.geteuid() != 0, reason="Arc's key files are root's")
def test_managed_by_arc(world, azure):
    azure.identity(system=True)
    one = world(auth_mode="AADToken", identity={"type": "managed"}, env=azure.environment("arc"))
    one.ready().assert_scores()
    assert azure.count("arc.challenge") == azure.count("arc.token") == 2, "one for each resource"


# Key Vault, files

def test_key_from_key_vault(azure, certs, upstream, gateway):
    app = azure.application(secret=SECRET)
    azure.secret("score-key", "CANARY-vault-key-1")
    up = upstream(handler=lambda request: Response(
        200 if request.headers["authorization"] == "Bearer CANARY-vault-key-1" else 401))
    one = gateway([{"path": p, "scoring_uri": up.url("/score"), "auth": key_auth(
        {"key_vault": azure.vault_url, "name": "score-key", "identity": "app"})}
        for p in ("/a", "/b")], identities={"app": client_secret(azure, app)},
        azure=settings(azure, certs), secrets=[SECRET, "CANARY-vault-key-1"])
    assert one.client().post("/a").status == one.client().post("/b").status == 200
    assert azure.count("vault.secret") == azure.count("entra.token") == 1
    names = [c["name"] for c in json.loads(one.admin("/status").body)["credentials"]]
    host = urllib.parse.urlsplit(azure.vault_url).netloc
    assert f"vault:{host}/score-key" in names


def test_client_secret_from_key_vault_of_another_identity(world, azure):
    azure.identity(system=True)
    azure.secret("app-secret", SECRET)
    one = world(auth_mode="AADToken", start=False)
    one.gateway.settings["identities"]["app"]["secret"] = {
        "key_vault": azure.vault_url, "name": "app-secret", "identity": "vm"}
    one.gateway.settings["identities"]["vm"] = {"type": "managed"}
    rewrite(one.gateway)
    one.start().ready().assert_scores()
    assert azure.count("imds.token") == azure.count("vault.secret") == 1


def test_changed_key_file_is_used_without_a_reload(upstream, gateway):
    good = ["CANARY-file-key-1"]
    up = upstream(handler=lambda request: Response(
        200 if request.headers["authorization"] == f"Bearer {good[0]}" else 401))
    one = gateway([{"path": "/score", "scoring_uri": up.url("/score")}], start=False)
    path = one.secret_file("key", good[0])
    one.settings["routes"][0]["auth"] = key_auth({"file": path})
    rewrite(one)
    one.start()
    assert one.client().post("/score").status == 200
    for broken in ("", "two words", "\n"):
        (one.tmp / "key").write_text(broken)
        until(lambda: "a changed secret file is not used" in one.log(), "the log says so")
        assert one.client().post("/score").status == 200
    good[0] = "CANARY-file-key-2"
    one.secret_file("key", good[0])
    until(lambda: one.log().count("cause=file") == 1, "the new key is there")
    assert one.client().post("/score").status == 200
    assert all(r.headers["authorization"] == f"Bearer {good[0]}" for r in up.requests[-1:])


def test_key_file_behind_links_as_kubernetes_mounts_it(upstream, gateway):
    up = upstream(handler=lambda request: Response(200))
    one = gateway([{"path": "/score", "scoring_uri": up.url("/score")}], start=False)
    mount = one.tmp / "mount"
    mount.mkdir()

    def publish(number, key):
        data = mount / f"..{number}"
        data.mkdir()
        (data / "key").touch(mode=0o440)
        (data / "key").write_text(key)
        (mount / "..data_tmp").symlink_to(data.name)
        (mount / "..data_tmp").rename(mount / "..data")
        one.secrets.append(key)

    publish(1, "CANARY-mounted-1")
    (mount / "key").symlink_to("..data/key")
    one.settings["routes"][0]["auth"] = key_auth({"file": str(mount / "key")})
    rewrite(one)
    one.start()
    assert one.client().post("/score").status == 200
    publish(2, "CANARY-mounted-2")
    until(lambda: "cause=file" in one.log(), "the new key is there")
    assert one.client().post("/score").status == 200
    assert up.requests[-1].headers["authorization"] == "Bearer CANARY-mounted-2"


def test_token_that_somebody_else_writes(azure, upstream, gateway):
    up = upstream(handler=lambda request: Response(200))
    one = gateway([{"path": "/score", "scoring_uri": up.url("/score")}], start=False)
    file = one.tmp / "token"
    one.settings["routes"][0]["auth"] = {"type": "token", "file": str(file)}
    rewrite(one)
    one.start()
    assert one.admin("/readyz").status == 503
    token = azure.endpoint_token("x", int(azure.now()), 1000)
    one.secret_file("token", token)
    assert one.client().post("/score").status == 200, "a request waits for it"
    assert up.requests[-1].headers["authorization"] == f"Bearer {token}"
    credential, = json.loads(one.admin("/status").body)["credentials"]
    assert 900 < credential["expires_in_s"] <= 1000
    second = azure.endpoint_token("y", int(azure.now()), 2000)
    one.secret_file("token", second)
    until(lambda: one.log().count("cause=file") >= 2, "the new token is there")
    assert one.client().post("/score").status == 200
    assert up.requests[-1].headers["authorization"] == f"Bearer {second}"


# Shared, apart, and found

def test_an_identity_is_asked_once_for_many_routes(azure, certs, upstream, gateway):
    app = azure.application(secret=SECRET)
    ws = azure.workspace("ws")
    up = upstream(handler=lambda request: Response(200))
    names = [f"e{i}" for i in range(6)]
    for name in names:
        ws.endpoint(name, auth_mode="AADToken", scoring_uri=up.url("/score"))
    one = gateway([{"path": f"/{n}", "online_endpoint": place(ws, n), "identity": i}
                   for n in names for i in ("app", "same")
                   for n in ([n] if i == "app" else [])] +
                  [{"path": f"/again{n}", "online_endpoint": place(ws, n), "identity": "same"}
                   for n in names],
                  identities={"app": client_secret(azure, app), "same": client_secret(azure, app)},
                  azure=settings(azure, certs), secrets=[SECRET])
    until(lambda: one.admin("/readyz").status == 200, "it is ready")
    assert all(one.client().post(f"/{n}").status == 200 for n in names)
    # One for the management API, one for scoring.
    assert azure.count("entra.token") == 2


def test_an_endpoint_that_changes_is_followed(world, azure, upstream):
    one = world(auth_mode="Key").ready()
    one.assert_scores()
    # It wants tokens now, elsewhere: the refusal makes scoregate look.
    other = upstream(handler=scoring(azure, "churn", b"[3]"))
    one.endpoint.auth_mode = "AMLToken"
    until(lambda: one.post().status == 200, "the new kind is used")
    assert one.status()["routes"][0]["auth"] == "endpoint-token"
    assert azure.count("arm.endpoint") == 2 and other.requests == []


def test_an_endpoint_that_is_not_there(world, azure):
    one = world(start=False)
    one.workspace.endpoints.clear()
    one.start()
    until(lambda: one.status()["routes"][0]["state"] == "refused", "it is refused")
    assert_problem(one.post(), "endpoint_not_found")
    ready = one.gateway.admin("/readyz")
    assert ready.status == 503 and "/score" in ready.text
    assert azure.count("arm.endpoint") >= 1


def test_a_missing_role_is_told_apart(world):
    one = world(start=False)
    one.application.deny("arm.listKeys")
    one.start()
    until(lambda: one.status()["routes"][0]["state"] == "refused", "it is refused")
    assert_problem(one.post(), "token_rejected")
    assert "failure=forbidden" in one.gateway.log()
    one.application.allow()
    until(lambda: one.post().status == 200, "it works once the role is there", timeout=20)


def test_http_endpoint_is_not_used_unless_allowed(azure, certs, upstream, gateway):
    plain = {"tls": None}
    one = World(azure, certs, upstream, gateway, version=1, upstream_options=plain)
    until(lambda: one.status()["routes"][0]["state"] == "refused", "it is refused")
    assert_problem(one.post(), "insecure_endpoint")
    assert one.upstream.requests == [] and azure.count("mms.listkeys") == 0


def test_http_endpoint_where_it_is_allowed(world):
    world(version=1, upstream_options={"tls": None},
          route={"allow_insecure_upstream": True}).ready().assert_scores()


def test_k14_no_key_ever_reaches_another_endpoint(azure, certs, upstream, gateway):
    app = azure.application(secret=SECRET)
    ws = azure.workspace("ws")
    ups, routes = {}, []
    for name in ("one", "two", "three"):
        ups[name] = upstream(handler=lambda request: Response(200))
        endpoint = ws.endpoint(name, scoring_uri=ups[name].url("/score"))
        ups[name].wanted = f"Bearer {endpoint.keys.primary}"
        routes.append({"path": f"/{name}", "online_endpoint": place(ws, name), "identity": "app"})
    gate = gateway(routes, identities={"app": client_secret(azure, app)},
                   azure=settings(azure, certs), secrets=[SECRET], workers=2)
    with gate.client() as caller:
        for i in range(600):
            assert caller.post("/" + ("one", "two", "three")[i % 3]).status == 200
    for up in ups.values():
        assert {r.headers["authorization"] for r in up.requests} == {up.wanted}
        assert len(up.requests) == 200
