# SPDX-License-Identifier: MIT
"""scoregate services: what a workspace has, filtered, page after page, and routes made of it."""

import json
import re

import pytest

from lib import config
from lib.cli import run
from lib.cloud import SECRET, client_secret, settings


class Place:
    """A workspace, and a configuration with one identity."""

    def __init__(self, azure, certs, tmp_path):
        self.azure, self.workspace = azure, azure.workspace("ws")
        self.application = azure.application(secret=SECRET)
        self.tmp_path = tmp_path
        self.settings = {"azure": settings(azure, certs),
                         "identities": {"app": client_secret(azure, self.application)}}

    def write(self, text=""):
        path = self.tmp_path / "c.conf"
        path.touch(mode=0o600)
        path.write_text(config.text(self.settings) + text)
        return path

    def where(self):
        return ["--subscription", self.workspace.subscription, "--resource-group", self.workspace.resource_group,
                "--workspace", self.workspace.name]

    def run(self, *arguments, **more):
        result = run("services", "-c", self.write(), *self.where(), *arguments, **more)
        assert SECRET not in result.stdout + result.stderr
        return result

    def names(self, *arguments):
        result = self.run("--json", *arguments)
        assert (result.returncode, result.stderr) == (0, ""), result.stderr
        return [s["name"] for s in json.loads(result.stdout)]


@pytest.fixture
def at(azure, certs, tmp_path):
    return Place(azure, certs, tmp_path)


def rows(text):
    return [re.split(r"  +", line) for line in text.splitlines()]


def test_table(at):
    churn = at.workspace.endpoint("churn", auth_mode="AMLToken", provisioning_state="Updating")
    old = at.workspace.service("old", compute="ACI", auth_enabled=True)
    result = at.run()
    assert (result.returncode, result.stderr) == (0, "")
    head, one, two = rows(result.stdout)
    assert head == ["NAME", "KIND", "STATE", "AUTH", "SCORING URI", "SWAGGER URI"]
    assert one == ["churn", "online", "Updating", "token", churn.scoring_uri, churn.swagger_uri]
    assert two == ["old", "ACI", "Healthy", "key", old.scoring_uri, old.swagger_uri]


def test_json(at):
    churn = at.workspace.endpoint("churn", auth_mode="AADToken")
    at.workspace.service("old")
    one, two = json.loads(at.run("--json").stdout)
    assert one == {"name": "churn", "generation": "v2", "kind": "online", "state": "Succeeded", "auth": "entra",
                   "scoring_uri": churn.scoring_uri, "swagger_uri": churn.swagger_uri}
    assert (two["generation"], two["kind"]) == ("v1", "AKS")


def test_nothing_there(at):
    assert at.run("--json").stdout == "[]\n"
    assert len(at.run().stdout.splitlines()) == 1


def test_page_after_page(at, azure):
    for i in range(25):
        at.workspace.endpoint(f"e{i:02}")
        at.workspace.service(f"s{i:02}")
    names = at.names("--page", "10", "--order-by", "CreatedAtAsc")
    assert names == [f"e{i:02}" for i in range(25)] + [f"s{i:02}" for i in range(25)]
    assert (azure.count("arm.endpoints"), azure.count("mms.services")) == (3, 3)
    assert {c.query["count"] for c in azure.asked("arm.endpoints")} == {"10"}


def test_kinds(at, azure):
    at.workspace.endpoint("new")
    at.workspace.service("old")
    assert at.names("--kind", "online") == ["new"]
    assert azure.count("mms.*") == 0
    assert at.names("--kind", "web") == ["old"]
    assert azure.count("arm.endpoints") == 1


def test_filters(at, azure):
    at.workspace.service("a", tags={"team": "x"}, model=("risk", "risk:2"))
    at.workspace.service("b", compute="ACI", tags={"team": "y", "old": ""}, properties={"p": "1"})
    at.workspace.endpoint("a", tags={"team": "y"})
    assert at.names("--name", "a") == ["a", "a"]
    assert at.names("--tag", "team=y") == ["a", "b"]
    assert at.names("--tag", "team=y", "--tag", "old") == ["b"]
    assert at.names("--property", "p=1") == ["b"]
    assert at.names("--compute-type", "ACI") == ["b"]
    assert at.names("--model-name", "risk") == ["a"]
    assert at.names("--model-id", "risk:2") == ["a"]
    assert at.names("--image-name", "image-b") == ["b"]
    assert at.names("--image-id", "image-b:1") == ["b"]
    at.names("--image-digest", "sha256:x&y")
    assert azure.asked("mms.services")[-1].query["imageDigest"] == "sha256:x&y"


@pytest.mark.parametrize("version", [1, 2])
def test_a_next_link_to_elsewhere_is_not_followed(at, azure, version):
    at.workspace.endpoint("a")
    at.workspace.service("b")
    azure.fault("arm.endpoints" if version == 2 else "mms.services",
                change={"nextLink": "https://127.0.0.1:9/more"})
    result = at.run()
    assert result.returncode == 1 and "next link" in result.stderr
    # The other kind is shown all the same.
    assert rows(result.stdout)[-1][0] == ("b" if version == 2 else "a")


def test_a_list_without_end(at, azure):
    at.workspace.endpoint("a")
    at.workspace.endpoint("b")
    azure.fault("arm.endpoints", times=None, where=lambda c: "$skip" in c.query, drop="reset")
    result = at.run("--page", "1", "--kind", "online")
    assert result.returncode == 1 and "online endpoints: unavailable" in result.stderr


def test_a_workspace_without_web_services(at, azure):
    at.workspace.endpoint("a")
    azure.fault("mms.discovery", times=None, status=404)
    result = at.run()
    assert result.returncode == 0 and rows(result.stdout)[1][0] == "a"
    assert "web services (v1): " in result.stderr
    assert at.run("--kind", "web").returncode == 1


def test_a_missing_role(at):
    at.application.deny("arm.endpoints")
    at.workspace.service("b")
    result = at.run()
    assert result.returncode == 1 and "online endpoints: forbidden (403)" in result.stderr
    assert rows(result.stdout)[1][0] == "b"


# Routes

def test_routes_are_accepted(at, tmp_path):
    at.workspace.endpoint("churn")
    at.workspace.service("old", compute="ACI")
    at.workspace.service("churn", scoring_uri="https://a.example/score")
    result = at.run("--routes", "--order-by", "CreatedAtAsc")
    assert (result.returncode, result.stderr) == (0, "")
    assert "#allow_insecure_upstream" in result.stdout
    at.write(result.stdout)
    checked = run("check", "-c", tmp_path / "c.conf")
    assert checked.returncode == 0 and "routes: 3" in checked.stdout, checked.stderr
    effective = run("config", "-c", tmp_path / "c.conf").stdout
    for path in ("/churn", "/old", "/churn-2"):
        assert f'path = "{path}";' in effective
    assert run("check", "--online", "-c", tmp_path / "c.conf").stdout.count("ok      route:/churn") >= 2


def test_no_routes(at, tmp_path):
    at.write(at.run("--routes").stdout)
    assert run("check", "-c", tmp_path / "c.conf").returncode == 0


# Who asks

def test_identities(at, azure):
    other = azure.application(secret="otherCANARY")
    at.workspace.endpoint("a")
    at.settings["identities"]["other"] = client_secret(azure, other)
    several = at.run()
    assert several.returncode == 2 and "--identity NAME" in several.stderr
    assert at.names("--identity", "other") == ["a"]
    assert azure.asked("entra.token")[-1].form["client_id"] == other.client_id
    unknown = at.run("--identity", "nobody")
    assert unknown.returncode == 2 and "'nobody'" in unknown.stderr
    at.settings["identities"] = {}
    none = at.run()
    assert none.returncode == 2 and "no identities" in none.stderr


def test_without_a_configuration_the_machine_asks(at):
    """Nothing listens where the machine's identity service would be in this environment."""
    if "-c FILE names another one" not in run("check").stderr:
        pytest.skip("this machine has a configuration of its own")
    result = run("services", *at.where(), env={"IDENTITY_ENDPOINT": "http://127.0.0.1:9/msi/token",
                                               "IDENTITY_HEADER": "headerCANARY"}, cwd="/")
    assert result.returncode == 1 and "online endpoints: unavailable" in result.stderr
    assert "headerCANARY" not in result.stderr


@pytest.mark.parametrize("arguments, word", [
    ([], "--subscription, --resource-group and --workspace are required"),
    (["--kind", "x"], "online or web"), (["--page", "0"], "1 to 1000"), (["--page", "1001"], "1 to 1000"),
    (["--tag", "a,b"], "without a comma"), (["--property", ""], "without a comma"),
    (["--tag", "=b"], "without a comma"), (["--subscription", ""], "'' is no name or ID"),
    (["--resource-group", "a/b"], "'a/b' is no name"), (["--workspace", ".."], "'..' is no name")])
def test_wrong_usage(arguments, word):
    result = run("services", *arguments)
    assert result.returncode == 2 and word in result.stderr and len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments, word", [
    (["--json", "--routes"], "exclude each other"),
    (["--kind", "online", "--model-name", "m"], "of web services only")])
def test_options_that_do_not_go_together(at, arguments, word):
    result = at.run(*arguments)
    assert result.returncode == 2 and word in result.stderr
