# SPDX-License-Identifier: MIT
"""The article's four clients, built and run with the commands of their READMEs."""

import json
import re

import pytest
from example_client import GATEWAY, PREDICTIONS
from lib.gateway import ROOT
from lib.readme import EXAMPLES, commands

pytestmark = pytest.mark.xdist_group("vendor")
CLIENTS = {"csharp": "Program.cs", "go": "main.go", "java": "App.java", "python": "score.py"}


@pytest.mark.parametrize("name", CLIENTS)
def test_it_prints_the_two_predictions(example_client, name):
    client = example_client(name)
    _, build_and_run = commands(client.readme)
    printed = json.loads(client.run(build_and_run))
    assert printed == PREDICTIONS
    (told,) = commands(client.readme, "json")
    assert printed == pytest.approx(json.loads(told))
    client.served(1)


@pytest.mark.parametrize("name", CLIENTS)
def test_it_has_no_key_and_knows_where_the_gateway_usually_is(name):
    text = (EXAMPLES / name / CLIENTS[name]).read_text()
    assert "authorization" not in text.lower() and "key" not in text
    assert f"{GATEWAY}/diabetes" in text


def test_bootstrap_installs_what_the_readmes_name():
    (known,) = re.findall(r"^    clients\) echo (.*?) ;;", (ROOT / "bootstrap").read_text(),
                          re.MULTILINE | re.DOTALL)
    named = {package for name in [*CLIENTS, "generated-client"]
             for line in commands(EXAMPLES / name / "README.md")[0].splitlines()
             if line.startswith("sudo apt-get install ") for package in line.split()[3:]}
    assert sorted(known.replace("\\\n", " ").split()) == sorted(named)
