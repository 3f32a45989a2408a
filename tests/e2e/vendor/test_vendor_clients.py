# SPDX-License-Identifier: MIT
"""Microsoft's own clients find in the fake of Azure what they look for in the real one."""

import datetime
import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from azure import Control, Process
from azure.tokens import parse
from clients import ask

both = pytest.mark.parametrize("client", ["python", "node"])
ML = "https://ml.azure.com/.default"


@pytest.fixture
def question(azure, certs, tmp_path):
    """question(client, do, application=None, env=None, **members): the answer."""
    def put(client, do, application=None, env=None, **members):
        asked = {"do": do, "authority": azure.authority, "management": azure.management,
                 "vault_url": azure.vault_url, "tenant": azure.tenant, **members}
        if application:
            asked["client_id"] = application.client_id
            if application.secrets:
                asked.setdefault("secret", application.secret)
        return ask(client, asked, certs.ca, tmp_path, env)
    return put


def with_key(cert, path):
    """A PEM file as the clients want it: key and certificate."""
    path.write_bytes(Path(cert.key).read_bytes() + Path(cert.leaf).read_bytes())
    return str(path)


def holder(answer):
    """The client id for which the token of ANSWER was issued."""
    assert "token" in answer, answer
    return parse(answer["token"])[1]["appid"]


# --- Entra


@both
def test_client_secret(azure, question, client):
    app = azure.application(secret="a+b/c~d=e&f%20 ä")
    assert holder(question(client, "token", app)) == app.client_id
    assert question(client, "token", app, secret="a b/c~d=e&f%20 ä")["refused"].count("7000215")


@both
def test_certificate(azure, question, certs, tmp_path, client):
    app = azure.application(certificates=[certs.application.leaf])
    path = with_key(certs.application, tmp_path / "app.pem")
    assert holder(question(client, "token", app, credential="certificate",
                           certificate=path)) == app.client_id
    head, claims, _, _ = parse(azure.asked("entra.token")[0].form["client_assertion"])
    if client == "node":
        assert head["alg"] == "PS256" and "x5t#S256" in head
    else:
        assert head["alg"] == "RS256" and "x5t" in head
    assert claims["aud"] == f"{azure.authority}/{azure.tenant}/oauth2/v2.0/token"


@both
def test_certificate_of_another(azure, question, certs, tmp_path, client):
    app = azure.application(certificates=[certs.application.leaf])
    path = with_key(certs.other_application, tmp_path / "app.pem")
    answer = question(client, "token", app, credential="certificate", certificate=path)
    assert "AADSTS700027" in answer["refused"]


@both
def test_an_assertion_is_good_once(azure, question, certs, tmp_path, client):
    app = azure.application(certificates=[certs.application.leaf])
    question(client, "token", app, credential="certificate",
             certificate=with_key(certs.application, tmp_path / "app.pem"))
    call = azure.asked("entra.token")[0]
    status, document = post(azure.authority + call.path, call.form, certs.ca)
    assert status == 401 and document["error"] == "invalid_client"


@both
def test_workload_identity(azure, question, tmp_path, client):
    app = azure.application()
    env = azure.environment("workload", app, tmp_path / "token")
    assert holder(question(client, "token", env=env, credential="workload")) == app.client_id
    azure.write_federated(tmp_path / "token", app)  # a newer one
    assert holder(question(client, "token", env=env, credential="workload")) == app.client_id
    azure.write_federated(tmp_path / "token", app, lifetime=-600)
    answer = question(client, "token", env=env, credential="workload")
    assert "AADSTS700024" in answer["refused"]


@both
def test_token_for_scoring(azure, question, client):
    app = azure.application(secret="s")
    azure.workspace().endpoint("churn", auth_mode="AADToken")
    token = question(client, "token", app, scope=ML)["token"]
    assert azure.accepts("churn", f"Bearer {token}")
    arm = question(client, "token", app)["token"]
    assert azure.check_scoring("churn", f"Bearer {arm}") == (401, "key_auth_access_denied")


# --- the machine's identities


@both
@pytest.mark.parametrize("kind", ["imds", "app-service", "container-apps", "azure-ml", "arc"])
def test_system_assigned(azure, question, client, kind):
    if kind == "arc" and os.geteuid() != 0:
        pytest.fail("Arc's keys are only looked for in /var/opt/azcmagent/tokens: run this as root")
    identity = azure.identity(system=True)
    azure.identity()
    answer = question(client, "token", env=azure.environment(kind), credential="managed")
    assert holder(answer) == identity.client_id
    assert answer["expires_on"] == pytest.approx(azure.now() + azure.identity_lifetime, abs=60)
    service = "app-service" if kind == "container-apps" else kind
    assert azure.count(f"{service}.token") == 1


def test_arc_leaves_nothing_behind(azure):
    """Nor do clients that never come back for their key."""
    before = azure.machine.key_directory.exists()
    request = urllib.request.Request(
        azure.environment("arc")["IDENTITY_ENDPOINT"]
        + "?api-version=2020-06-01&resource=https://ml.azure.com", headers={"Metadata": "true"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request)
    key_file = Path(refused.value.headers["WWW-Authenticate"].partition("realm=")[2])
    assert key_file.parent == Path("/var/opt/azcmagent/tokens") and key_file.exists()
    azure.machine.clean()
    assert not key_file.exists() and key_file.parent.exists() == before


SELECTED = {
    "python": {"client_id": lambda i: {"client_id": i.client_id},
               "object_id": lambda i: {"identity_config": {"object_id": i.object_id}},
               "resource_id": lambda i: {"identity_config": {"resource_id": i.resource_id}}},
    "node": {"client_id": lambda i: {"clientId": i.client_id},
             "object_id": lambda i: {"objectId": i.object_id},
             "resource_id": lambda i: {"resourceId": i.resource_id}}}


@both
@pytest.mark.parametrize("kind, by", [
    ("imds", "client_id"), ("imds", "object_id"), ("imds", "resource_id"),
    ("app-service", "client_id"), ("app-service", "resource_id"), ("azure-ml", "client_id")])
def test_user_assigned(azure, question, client, kind, by):
    azure.identity(system=True)
    identity = azure.identity()
    answer = question(client, "token", env=azure.environment(kind), credential="managed",
                      options=SELECTED[client][by](identity))
    assert holder(answer) == identity.client_id


# --- ARM


@both
def test_online_endpoints(azure, question, client):
    azure.page_size = 2
    app = azure.application(secret="s")
    workspace = azure.workspace("ws")
    churn = workspace.endpoint("churn", tags={"team": "b"}, scoring_uri="https://localhost/score")
    churn.deployment("blue", capacity=3, max_concurrent=4)
    tokens = workspace.endpoint("tokens", auth_mode="aml_token")
    workspace.endpoint("third")
    old = churn.keys.document()

    answer = question(client, "endpoints", app, subscription=workspace.subscription,
                      resource_group="RG", workspace="WS", name="churn", token_name="tokens")
    assert answer["discovery_url"] == workspace.discovery_url
    assert answer["all"] == ["third", "tokens", "churn"]
    assert azure.count("arm.endpoints") == 3  # two pages, and the filtered list
    assert answer["tagged"] == ["churn"]
    assert (answer["auth_mode"], answer["scoring_uri"]) == ("Key", "https://localhost/score")
    assert answer["traffic"] == {"blue": 100}
    capacity, timeout, concurrent = answer["deployments"]["blue"]
    assert (capacity, concurrent) == (3, 4) and timeout in ("PT5S", "0:00:05")
    assert answer["missing"] == "ResourceNotFound"

    assert answer["before"] == [old["primaryKey"], old["secondaryKey"]]
    assert answer["after"] == [churn.keys.primary, churn.keys.secondary]
    assert answer["after"][0] != old["primaryKey"] and answer["after"][1] == old["secondaryKey"]
    assert azure.count("arm.operation") == 2 and azure.count("arm.result") == 1
    assert azure.accepts(churn, f"Bearer {answer['after'][0]}")
    assert not azure.accepts(churn, f"Bearer {old['primaryKey']}")

    assert azure.accepts(tokens, f"Bearer {answer['token']}")
    assert not azure.accepts(churn, f"Bearer {answer['token']}")
    assert isinstance(answer["expiry"], int)
    assert answer["expiry"] - answer["refresh"] == 86400 - 43200
    azure.skew = 86401
    assert azure.check_scoring(tokens, f"Bearer {answer['token']}") == (401, "Jwt is expired")


@both
def test_deployments_that_change(azure, question, client):
    """What Microsoft's clients see of them, page by page, is what was made through the fake's control
    endpoint: created, scaled, shifted, removed."""
    azure.page_size = 2
    app = azure.application(secret="s")
    workspace = azure.workspace("ws")
    workspace.endpoint("churn")
    workspace.endpoint("tokens", auth_mode="aml_token")
    control = Control(azure.control_url)

    def seen():
        answer = question(client, "endpoints", app, subscription=workspace.subscription,
                          resource_group="rg", workspace="ws", name="churn", token_name="tokens")
        return answer["traffic"], {name: [capacity, concurrent] for
                                   name, (capacity, _, concurrent) in answer["deployments"].items()}

    for name in ("blue", "green", "red"):
        control("deployment", {"endpoint": "churn", "name": name, "capacity": 2})
    control("traffic", {"endpoint": "churn", "traffic": {"blue": 90, "green": 10}})
    assert seen() == ({"blue": 90, "green": 10}, {"blue": [2, 1], "green": [2, 1], "red": [2, 1]})
    assert azure.count("arm.deployments") == 2
    control(deployment={"endpoint": "churn", "name": "blue", "capacity": 5, "max_concurrent": 3},
            undeploy={"endpoint": "churn", "name": "green"})
    assert seen() == ({"blue": 90}, {"blue": [5, 3], "red": [2, 1]})
    with pytest.raises(ValueError, match="capcity"):
        control("deployment", {"endpoint": "churn", "name": "blue", "capcity": 5})
    with pytest.raises(ValueError, match="green"):
        control("traffic", {"endpoint": "churn", "traffic": {"green": 100}})


@both
def test_clients_get_over_a_fault(azure, question, client):
    """What is answered on purpose is what they take for trouble that passes."""
    app = azure.application(secret="s")
    azure.secret("diabetes", "the key", exp=2000000000)
    azure.fault("vault.secret", status=429, headers={"Retry-After": "1"})
    azure.fault("vault.secret", drop="reset")
    azure.fault("vault.secret", status=503)
    assert question(client, "secret", app, name="diabetes")["value"] == "the key"
    assert azure.count("vault.secret") == 5  # and the one that is missing


@both
def test_without_the_role(azure, question, client):
    app = azure.application(secret="s")
    workspace = azure.workspace("ws")
    workspace.endpoint("churn")
    app.deny("arm.listKeys")
    with pytest.raises(AssertionError, match="AuthorizationFailed"):
        question(client, "endpoints", app, subscription=workspace.subscription,
                 resource_group="rg", workspace="ws", name="churn", token_name="tokens")
    assert [c.status for c in azure.asked("arm.*")] == [200, 403]


# --- Key Vault


@both
def test_secret(azure, question, client):
    app = azure.application(secret="s")
    secret = azure.secret("diabetes", "older", exp=2000000000, content_type="text/plain")
    secret.value = "the key"
    answer = question(client, "secret", app, name="diabetes")
    assert answer == {"value": "the key", "version": secret.latest, "enabled": True,
                      "missing": "SecretNotFound", "expires_on": 2000000000,
                      "content_type": "text/plain"}
    assert azure.count("vault.challenge") == 1


# --- v1 web services


def test_web_services(azure, question):
    azure.page_size = 2
    app = azure.application(secret="s")
    workspace = azure.workspace("ws")
    aks = workspace.service("on-aks", tags={"team": "b"})
    workspace.service("on-aci", compute="ACI")
    workspace.service("split", compute="AKSENDPOINT")
    tokens = workspace.service("with-tokens", aad_auth_enabled=True)
    old = aks.keys.document()

    answer = question(
        "services", "services", app, subscription=workspace.subscription, resource_group="rg",
        workspace="ws", workspace_id=workspace.guid, env={
            "AZUREML_MMS_TEST_ENDPOINT": azure.management,
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{azure.management}/discovery",
            "AZUREML_SERVICE_ENDPOINT": azure.management})
    assert answer["all"] == ["with-tokens", "split", "on-aci", "on-aks"]
    assert azure.count("mms.services") == 4  # two pages, and two filtered lists
    assert answer["aci"] == ["on-aci"] and answer["tagged"] == ["on-aks"]
    assert answer["auth"] == [True, False, False, False, True]
    assert answer["scoring_uri"] == aks.scoring_uri and answer["swagger_uri"] == aks.swagger_uri
    assert "not found" in answer["missing"]

    assert answer["before"] == [old["primaryKey"], old["secondaryKey"]]
    assert answer["after"] == [aks.keys.primary, old["secondaryKey"]]
    assert answer["after"][0] != old["primaryKey"]
    assert azure.count("mms.operation") == 2

    assert azure.accepts(tokens, f"Bearer {answer['token']}")
    refresh = datetime.datetime.fromisoformat(answer["refresh"]).timestamp()
    assert refresh == pytest.approx(azure.now() + azure.endpoint_refresh_after, abs=60)


def test_in_another_process(certs, tmp_path):
    with Process(certs.good, {
            "settings": {"token_lifetime": 600},
            "applications": [{"client_id": "app", "secret": "s"}],
            "secrets": [{"name": "diabetes", "value": "older", "exp": 2000000000}]}) as azure:
        question = {"do": "secret", "name": "diabetes", "authority": azure.authority,
                    "tenant": azure.tenant, "vault_url": azure.vault_url, "client_id": "app",
                    "secret": "s"}
        azure(secret={"name": "diabetes", "value": "newer"},
              fault={"kind": "vault.secret", "status": 500})
        assert ask("node", question, certs.ca, tmp_path)["value"] == "newer"
        assert [c["status"] for c in azure("calls", "vault.secret")] == [500, 200, 404]
        assert azure("peak", "vault.*") == 1
        with pytest.raises(ValueError, match="no attribute"):
            azure("set", {"token_lifetme": 5})


def post(url, form, ca):
    """(status, document) of a form that is posted to URL."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=ca)))
    try:
        with opener.open(url, urllib.parse.urlencode(form).encode(), timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)
