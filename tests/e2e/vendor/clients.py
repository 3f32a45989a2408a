# SPDX-License-Identifier: MIT
"""Microsoft's clients and others, each question in a process of its own: they keep tokens for the
process."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from servers import vendor_directory

HERE = Path(__file__).resolve().parent


def clients_directory():
    """Where their environment is, Python's and npm's."""
    directory = vendor_directory() / "clients"
    if not (directory / "installed.txt").exists():
        pytest.fail(f"Microsoft's clients are not in {directory}: run tests/e2e/vendor/install")
    return directory


def node(script):
    """The command that runs SCRIPT of this directory, to be started in clients_directory(). As an
    argument, for what a module imports is looked for beside its file."""
    return [clients_directory() / "bin" / "node", "--input-type=module", "--eval",
            (HERE / script).read_text()]


def ask(client, question, ca, home, env=None):
    """What CLIENT (python, node, services or power-query) answers to QUESTION, a dict. CA: whom it trusts."""
    directory = clients_directory()
    command = {"python": [directory / "bin" / "python", HERE / "client_identity.py"],
               "services": [directory / "bin" / "python", HERE / "client_services.py"],
               "power-query": [directory / "bin" / "python", HERE / "client_power_query.py"],
               "node": lambda: node("client_node.mjs")}[client]
    clean = {n: v for n, v in os.environ.items()
             if n != "PYTHONDONTWRITEBYTECODE" and not n.lower().endswith("_proxy")
             and not n.startswith(("AZURE_", "IDENTITY_", "MSI_", "IMDS_"))}
    done = subprocess.run(
        [str(c) for c in (command() if callable(command) else command)], cwd=directory,
        input=json.dumps(question), text=True, capture_output=True, timeout=120, check=False,
        env={**clean, "HOME": str(home), "REQUESTS_CA_BUNDLE": ca, "NODE_EXTRA_CA_CERTS": ca,
             "AZURE_TELEMETRY_DISABLED": "1", **(env or {})})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])
