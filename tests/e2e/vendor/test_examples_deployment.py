# SPDX-License-Identifier: MIT
"""The examples of deployment: on a machine of their own, the commands of each README as they stand
there, and the files of its folder unchanged."""

import json
import re

import pytest
from clients import clients_directory
from example_endpoint import Endpoint
from examples import Example
from lib.readme import EXAMPLES, commands
from lib.wait import until
from openai_service import REPLY, Service
from pod import Pod
from servers import DATA
from service_manager import OFFLINE, Manager

KEY, OTHER = "exampleKey0CANARY8d3f", "exampleKey1CANARY5h9s"
NAME = "NAME.{}.inference.ml.azure.com"
PREDICTION = pytest.approx([217.67980824], abs=0.001)


@pytest.fixture
def example(tmp_path, certs):
    made = []

    def make(name, **endpoints):
        made.append(Example(name, tmp_path, certs, endpoints))
        return made[-1]

    yield make
    for one in made:
        one.finish()


def one_region(make, name):
    endpoint = Endpoint(KEY)
    return make(name, **{NAME.format("REGION"): endpoint}), endpoint


# systemd

@pytest.fixture
def systemd(example):
    one, endpoint = one_region(example, "systemd")
    one.write("key", KEY)
    manager = Manager(one.machine)
    yield one, endpoint, manager
    manager.close()


def test_systemd(systemd):
    one, endpoint, manager = systemd
    install, score, _ = one.commands
    one.machine.run(install, OFFLINE)
    manager.verify("scoregate.service")
    assert manager.is_enabled("scoregate.service", "multi-user.target")
    assert one.machine.path("/etc/scoregate/diabetes.key").stat().st_mode & 0o777 == 0o600
    service = manager.start()
    manager.wait_ready()
    assert json.loads(one.machine.run(score)) == PREDICTION
    manager.stop(service)

    endpoint.key = OTHER  # and with the next start the service has it
    one.write("key", OTHER)
    one.machine.run(install, OFFLINE)
    service = manager.start()
    manager.wait_ready()
    assert json.loads(one.machine.run(score)) == PREDICTION
    manager.stop(service)
    assert endpoint.refused == 0


def test_systemd_with_its_socket(systemd):
    """systemd-socket-activate starts the service when somebody calls."""
    one, endpoint, manager = systemd
    install, score, with_socket = one.commands
    one.machine.run(install, OFFLINE)
    one.machine.run(with_socket, OFFLINE)
    manager.verify("scoregate.socket")
    assert manager.is_enabled("scoregate.socket", "sockets.target")
    unit = manager.settings("scoregate.socket")
    service = manager.start(
        f"systemd-socket-activate --listen={unit['ListenStream'][0]} "
        f"--fdname={unit['FileDescriptorName'][0]} env")
    until(lambda: "Listening on" in service.log(), "the socket")
    assert json.loads(one.machine.run(score)) == PREDICTION
    manager.wait_ready()
    manager.stop(service)
    assert (endpoint.asked, endpoint.refused) == (1, 0)


# Kubernetes

SCORE = """curl -sS -H 'Content-Type: application/json' -d '{{"data": [{row}]}}' {uri}"""
ROW = json.loads((DATA / "sample-request.json").read_bytes())["data"][0]


def test_kubernetes_sidecar(example):
    one, endpoint = one_region(example, "kubernetes-sidecar")
    one.write("diabetes.key", KEY)
    [made] = one.commands
    secret, apply = made.splitlines()
    assert apply == "kubectl apply -f pod.yaml"
    pod = Pod(one, secret)
    gateway = pod.start()
    until(lambda: pod.probe("startupProbe"), "the start of the application")
    assert pod.probe("livenessProbe") and pod.probe("readinessProbe")
    [application] = pod.spec["containers"]
    [variable] = application["env"]
    score = SCORE.format(row=json.dumps(ROW), uri=variable["value"])
    assert json.loads(one.machine.run(score)) == PREDICTION
    assert not one.machine.listens(8080, pod.ADDRESS)

    endpoint.key = OTHER
    pod.project("/etc/scoregate-keys", {"diabetes.key": OTHER + "\n"}, 0o440)
    until(lambda: one.machine.run(score).startswith("["), "the use of the new key")
    gateway.finish()
    drain = int(re.search(r"drain_timeout_ms = (\d+)", pod.config["data"]["scoregate.conf"])[1])
    assert drain < 1000 * pod.spec["terminationGracePeriodSeconds"]


# One user

def test_unix_socket(example):
    one, endpoint = one_region(example, "unix-socket")
    one.write("key", KEY)
    install, start, score, as_root = one.commands
    one.machine.run(install)
    one.machine.start(start)
    until(lambda: one.machine.path("/run/scoregate/score.sock").exists(), "the socket")
    assert json.loads(one.machine.run(score)) == PREDICTION
    assert json.loads(one.machine.run(as_root))["reason"] == "caller_not_allowed"
    other = one.machine.run(score.replace("legacyapp", "nobody"), check=False)
    assert (other.returncode, other.stdout) == (7, "")  # no connection
    key = one.machine.run("sudo -u legacyapp cat /etc/scoregate/diabetes.key", check=False)
    assert key.returncode == 1 and key.stdout == ""
    assert endpoint.asked == 1


# Two regions

def test_two_regions(example):
    west, north = Endpoint(KEY), Endpoint(OTHER)
    hosts = {NAME.format("westeurope"): west, NAME.format("northeurope"): north}
    one = example("two-regions", **hosts)
    one.write("west.key", KEY)
    one.write("north.key", OTHER)
    check, start, burst, status = one.commands
    one.machine.run(check)
    one.machine.serve(start)

    def score_all():
        scored = one.machine.run(burst).replace("][", "]\n[").splitlines()
        assert [json.loads(s) for s in scored] == [PREDICTION] * 20

    score_all()
    assert (west.asked, north.asked) == (20, 0)
    assert west.at_once <= 8

    west.status = 503  # it answers, but does not score
    score_all()
    assert north.asked == 20
    west.status = 200
    one.close(NAME.format("westeurope"))  # it cannot be reached at all
    score_all()
    assert north.asked == 40 and north.at_once <= 8
    breakers = dict(re.findall(r"^/diabetes +ready +(\S+) .*//name\.(\w+)\.",
                               one.machine.run(status), re.MULTILINE))
    assert breakers.pop("closed") == "northeurope"
    assert list(breakers.values()) == ["westeurope"]

    before = west.asked
    one.open(NAME.format("westeurope"))

    def served_again():
        one.machine.run(burst)
        return west.asked > before

    until(served_again, "the return of the first region", 30)
    assert (west.refused, north.refused) == (0, 0)


# A program from before TLS

def test_legacy_app(example):
    one, endpoint = one_region(example, "legacy-app")
    one.write("key", KEY)
    start, score = one.commands
    one.machine.serve(start.strip())
    [printed] = commands(one.directory / "README.md", "text")
    assert json.loads(one.machine.run(score)) == pytest.approx(json.loads(printed), abs=0.001)
    endpoint.status = 500
    failed = one.machine.run(score, check=False)
    assert failed.returncode != 0 and "the model is away" in failed.stderr


# OpenAI's client

def test_openai(example):
    service = Service("openai", KEY, deployments=("gpt-4o",))
    one = example("openai", **{"RESOURCE.openai.azure.com": service})
    one.write("key", KEY)
    start, install, chat = one.commands
    assert install == "npm install openai\n"
    (one.directory / "node_modules").symlink_to(clients_directory() / "node_modules")
    one.machine.serve(start.strip())
    node = {"PATH": f"{clients_directory() / 'bin'}:/usr/bin:/bin"}
    assert one.machine.run(chat, node) == "".join(REPLY) + "\n"
    wrong = one.machine.run(chat.replace("gpt-4o", "gpt-9"), node, check=False)
    assert wrong.returncode == 1 and "404 The API deployment" in wrong.stderr


def test_each_example_is_in_the_table():
    table = (EXAMPLES / "README.md").read_text()
    folders = sorted(p.name for p in EXAMPLES.iterdir() if p.is_dir())
    assert re.findall(r"^\| \[([\w-]+)\]\(\1/README.md\) \|", table, re.MULTILINE) == folders
