# SPDX-License-Identifier: MIT
"""The examples of deployment: on a machine of their own, the commands of each README as they stand
there, and the files of its folder unchanged."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
from clients import clients_directory
from example_endpoint import Endpoint
from lib.gateway import ROOT
from lib.machine import Machine
from lib.readme import commands
from lib.upstream import ScriptedUpstream
from lib.wait import until
from openai_service import REPLY, Service

EXAMPLES = ROOT / "examples"
KEY, OTHER = "exampleKey0CANARY8d3f", "exampleKey1CANARY5h9s"
NAME = "NAME.{}.inference.ml.azure.com"
PREDICTION = pytest.approx([217.67980824], abs=0.001)


class Example:
    """The example NAME on a Machine, with its README's blocks in .commands. ENDPOINTS: {name of the
    host: a handler or script of an upstream}."""

    def __init__(self, name, tmp, certs, endpoints):
        self.directory = tmp / name
        shutil.copytree(EXAMPLES / name, self.directory)
        self.commands = commands(self.directory / "README.md")
        self._tls, self.upstreams = certs.example, {}
        self._places = {host: f"127.0.0.{n}" for n, host in enumerate(endpoints, 2)}
        self._endpoints = endpoints
        (tmp / "machine").mkdir()
        self.machine = Machine(tmp / "machine", self.directory, self._places, certs.ca)
        for host in endpoints:
            self.open(host)

    def open(self, host):
        """HOST can be reached from now on."""
        endpoint = self._endpoints[host]
        how = {"handler": endpoint} if isinstance(endpoint, Endpoint) else {"script": endpoint}
        self.upstreams[host] = ScriptedUpstream(
            tls=self._tls, listener=self.machine.listen(self._places[host]), **how)

    def close(self, host):
        self.upstreams[host].stop()
        self.upstreams[host].check()

    def finish(self):
        try:
            self.machine.finish()
        finally:
            for host in self.upstreams:
                self.close(host)

    def write(self, name, text, mode=0o600):
        """A file beside the README, as its reader has made it."""
        (self.directory / name).touch(mode=mode)
        (self.directory / name).write_text(text + "\n")


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


# systemd, whose part is played here: what the installed files say is done as systemd.exec(5) says

class Manager:
    """Starts the service as its unit and the drop-ins say."""

    UNITS = "/etc/systemd/system"
    USER = 61184  # one of those that DynamicUser= takes

    def __init__(self, machine):
        self.machine = machine
        units = machine.path(self.UNITS)
        units.mkdir(parents=True, exist_ok=True)
        text = (ROOT / "systemd" / "scoregate.service.in").read_text()
        (units / "scoregate.service").write_text(  # as `make install` does
            text.replace("@bindir@", "/usr/local/bin").replace("@sysconfdir@", "/etc"))
        shutil.copy(ROOT / "systemd" / "scoregate.socket", units)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        machine.path("/run/notify").unlink(missing_ok=True)
        self._notify.bind(str(machine.path("/run/notify")))
        machine.path("/run/notify").chmod(0o666)
        self._notify.settimeout(10)

    def settings(self, unit):
        """{key: its values} of UNIT with its drop-ins."""
        found, units = {}, self.machine.path(self.UNITS)
        for file in (units / unit, *sorted((units / f"{unit}.d").glob("*.conf"))):
            for key, value in re.findall(r"^(\w+)=(.*)$", file.read_text(), re.MULTILINE):
                found.setdefault(key, []).append(value)
        return found

    def _load_credentials(self):
        directory = self.machine.path("/run/credentials/scoregate.service")
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        for line in self.settings("scoregate.service")["LoadCredential"]:
            name, _, path = line.partition(":")
            (directory / name).write_bytes(self.machine.path(path).read_bytes())
            (directory / name).chmod(0o400)
            os.chown(directory / name, self.USER, self.USER)
        directory.chmod(0o500)
        os.chown(directory, self.USER, self.USER)
        return "CREDENTIALS_DIRECTORY=/run/credentials/scoregate.service"

    def start(self, under="env"):
        """UNDER: a command that takes settings of the environment as env does."""
        [command] = self.settings("scoregate.service")["ExecStart"]
        return self.machine.start(
            f"setpriv --reuid {self.USER} --regid {self.USER} --clear-groups --no-new-privs "
            f"--bounding-set=-all {under} {self._load_credentials()} NOTIFY_SOCKET=/run/notify "
            f"{command}")

    def wait_ready(self):
        assert self._notify.recv(4096) == b"READY=1"

    def stop(self, service):
        service.finish()
        assert self._notify.recv(4096) == b"STOPPING=1"

    def close(self):
        self._notify.close()


@pytest.fixture
def systemd(example):
    one, endpoint = one_region(example, "systemd")
    one.write("key", KEY)
    manager = Manager(one.machine)
    yield one, endpoint, manager
    manager.close()


OFFLINE = {"SYSTEMD_OFFLINE": "1"}  # systemctl does what it can without a running systemd


def verify(one, unit):
    """systemd finds nothing wrong with UNIT as it is installed."""
    done = one.machine.run(f"systemd-analyze verify --man=no {unit}", check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd(systemd):
    one, endpoint, manager = systemd
    install, score, _ = one.commands
    one.machine.run(install, OFFLINE)
    verify(one, "scoregate.service")
    assert one.machine.path(
        "/etc/systemd/system/multi-user.target.wants/scoregate.service").is_symlink()
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
    verify(one, "scoregate.socket")
    assert one.machine.path("/etc/systemd/system/sockets.target.wants/scoregate.socket").is_symlink()
    unit = manager.settings("scoregate.socket")
    service = manager.start(
        f"systemd-socket-activate --listen={unit['ListenStream'][0]} "
        f"--fdname={unit['FileDescriptorName'][0]} env")
    until(lambda: "Listening on" in service.log(), "the socket")
    assert json.loads(one.machine.run(score)) == PREDICTION
    manager.wait_ready()
    manager.stop(service)
    assert (endpoint.asked, endpoint.refused) == (1, 0)


# Kubernetes, whose kubelet is played here

class Pod:
    """The pod of YAML, with the secret that SECRET's command makes, on a machine."""

    ADDRESS = "10.244.0.7"

    def __init__(self, one, secret):
        self.machine = one.machine
        self._directory = one.directory
        documents = self._documents(one.directory / "pod.yaml")
        self.config, self.pod = documents["ConfigMap"], documents["Pod"]
        self.spec = self.pod["spec"]
        [self.gateway] = self.spec["initContainers"]
        self._secret = self._created(secret)
        one.machine.add_address(self.ADDRESS)
        self._volumes = {}
        for mount in self.gateway["volumeMounts"]:
            self._mount(mount)

    @staticmethod
    def _documents(path):
        done = subprocess.run(
            [clients_directory() / "bin" / "python",
             Path(__file__).with_name("kubernetes_documents.py"), "1.33"],
            input=path.read_text(), text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return {document["kind"]: document for document in json.loads(done.stdout)}

    def _created(self, command):
        """{name: file} of `kubectl create secret generic NAME --from-file=FILE`."""
        words = shlex.split(command)
        assert words[:4] == ["kubectl", "create", "secret", "generic"]
        option, _, file = words[5].partition("=")
        assert option == "--from-file" and len(words) == 6
        return {"name": words[4], "data": {file: (self._directory / file).read_text()}}

    def _mount(self, mount):
        """As kubelet does: files behind a link that is replaced when they change."""
        [volume] = [v for v in self.spec["volumes"] if v["name"] == mount["name"]]
        place = mount["mountPath"]
        self.machine.run(f"mkdir -p {place}; mount -t tmpfs -o mode=755 volume {place}")
        if "configMap" in volume:
            assert volume["configMap"]["name"] == self.config["metadata"]["name"]
            self.project(place, self.config["data"], 0o644)
        else:
            assert volume["secret"]["secretName"] == self._secret["name"]
            self.project(place, self._secret["data"], volume["secret"]["defaultMode"])

    def project(self, place, data, mode):
        volume = self.machine.path(place)
        turn = f"..{len(list(volume.glob('..2*'))) + 20}"
        (volume / turn).mkdir()
        for name, text in data.items():
            (volume / turn / name).write_text(text)
            (volume / turn / name).chmod(mode)
            os.chown(volume / turn / name, 0, self.spec["securityContext"]["fsGroup"])
            if not (volume / name).is_symlink():
                (volume / name).symlink_to(f"..data/{name}")
        (volume / "..new").symlink_to(turn)
        (volume / "..new").rename(volume / "..data")

    def start(self):
        """scoregate's container: its user, its groups, nothing else, a file system that is read-only."""
        who = self.spec["securityContext"]
        assert who["runAsNonRoot"] and who["runAsUser"] != 0
        assert self.gateway["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]}}
        command = shlex.join(self.gateway["command"])
        return self.machine.start(
            "unshare --mount sh -c 'mount -o remount,bind,ro / && exec \"$@\"' sh setpriv "
            f"--reuid {who['runAsUser']} --regid {who['runAsGroup']} --groups {who['fsGroup']} "
            f"--no-new-privs --bounding-set=-all {command}")

    def probe(self, kind):
        """Whether the probe succeeds, asked as kubelet does: at the pod's address."""
        asked = self.gateway[kind]["httpGet"]
        [port] = [p["containerPort"] for p in self.gateway["ports"] if p["name"] == asked["port"]]
        done = self.machine.run(
            f"curl -s -o /dev/null -w '%{{http_code}}' http://{self.ADDRESS}:{port}{asked['path']}",
            check=False)
        return done.stdout == "200"


SCORE = """curl -sS -H 'Content-Type: application/json' -d '{{"data": [{row}]}}' {uri}"""
ROW = json.loads((ROOT / "tests" / "data" / "sample-request.json").read_bytes())["data"][0]


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
