# SPDX-License-Identifier: MIT
"""An example of examples/ that calls: its README's commands, and scoregate as the README says."""

import re
import shlex
import shutil
import subprocess

import pytest
from lib.gateway import environment
from lib.readme import EXAMPLES, commands
from lib.wait import until
from servers import KEY

# What the READMEs say where the gateway is; in the tests it has another port.
GATEWAY = "http://127.0.0.1:8080"
# As the article prints them; see tests/data/README.md.
PREDICTIONS = pytest.approx([217.67978776218715, 224.78937091757172], abs=0.001)


def replaced(text, old, new):
    assert text.count(old) == 1, f"{old} is to be in it once:\n{text}"
    return text.replace(old, new)


def programs(script):
    """What the lines of a shell SCRIPT start, without what they build themselves."""
    lines = script.replace("\\\n", " ").splitlines()
    first = [next(w for w in shlex.split(line) if not re.match(r"\w+=", w)) for line in lines]
    return [word for word in first if word != "export" and "/" not in word]


class ExampleClient:
    """A copy of examples/NAME in TMP. GATE: a Gateway that is not running yet."""

    def __init__(self, name, tmp, gate):
        self.name, self.gate = name, gate
        self.directory = tmp / name
        shutil.copytree(EXAMPLES / name, self.directory)
        self.readme = self.directory / "README.md"

    def serve(self, scoring_uri, ca):
        """Starts the gateway with the README's routes, in front of SCORING_URI."""
        (text,) = commands(self.readme, "libconfig")
        text = replaced(text, "https://NAME.REGION.inference.ml.azure.com/score", scoring_uri)
        text = replaced(text, "/etc/scoregate/diabetes.key", self.gate.secret_file("key", KEY))
        self.gate.write_config(
            'listen = ( { address = "127.0.0.1"; port = 0; } );\n'
            'admin = { address = "127.0.0.1"; port = 0; };\n'
            f'tls = {{ ca_file = "{ca}"; }};\n{text}')
        self.gate.start()

    def served(self, count):
        """Waits until COUNT requests or more are over; none may have been refused."""
        def good():
            return self.gate.metric("scoregate_requests_total", route="/diabetes", code="200")

        until(lambda: good() >= count, f"{count} requests")
        assert self.gate.metric("scoregate_requests_total") <= good()

    def run(self, script, path=(), needs=()):
        """The last line that SCRIPT, a block of the README, prints. PATH: where its programs are
        before Debian's and others. NEEDS: what they start themselves."""
        assert GATEWAY in script
        path = ":".join([*map(str, path), "/usr/bin", "/bin", environment()["PATH"]])
        for program in [*programs(script), *needs]:
            if not shutil.which(program, path=path):
                pytest.fail(f"{program}, which examples/{self.name} needs, is not installed: run "
                            "./bootstrap deps clients and tests/e2e/vendor/install")
        done = subprocess.run(
            ["/bin/sh", "-eu", "-c", script.replace(GATEWAY, self.gate.url(""))], text=True,
            capture_output=True, cwd=self.directory, timeout=120, check=False,
            env=environment({"PATH": path, "HOME": str(self.directory.parent)}))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.splitlines()[-1]
