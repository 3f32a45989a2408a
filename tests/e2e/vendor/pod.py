# SPDX-License-Identifier: MIT
"""The kubelet's part: a pod's volumes, its container of scoregate, and its probes."""

import json
import os
import shlex
import subprocess
from pathlib import Path

from clients import clients_directory

HERE = Path(__file__).resolve().parent


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
            [clients_directory() / "bin" / "python", HERE / "kubernetes_documents.py", "1.33"],
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
        """scoregate's container: its user, its groups, no rights, a read-only file system."""
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
