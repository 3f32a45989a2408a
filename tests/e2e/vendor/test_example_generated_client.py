# SPDX-License-Identifier: MIT
"""Clients that OpenAPI Generator makes from the gateway's swagger, with the README's commands."""

import json
import re

import pytest
from clients import clients_directory
from example_client import PREDICTIONS, replaced
from lib.readme import commands

pytestmark = pytest.mark.xdist_group("vendor")


@pytest.fixture
def generated(example_client):
    """generated(the number of the README's block, [(old, new) in it]): what the client printed."""
    client = example_client("generated-client")

    def make(number, *changes):
        script = commands(client.readme)[number]
        for old, new in changes:
            script = replaced(script, old, new)
        printed = client.run(script, path=[clients_directory() / "bin"], needs=["java"])
        client.served(2)  # the document, at least once, and the request
        # From the server's own document it would be "Bearer", or this.configuration.apiKey.
        (calls,) = [*client.directory.glob("client*/**/default_api.py"),
                    *client.directory.glob("client*/**/DefaultApi.ts")]
        assert not re.search("Bearer|Authorization|apiKey", calls.read_text())
        return json.loads(printed)
    return make


@pytest.mark.parametrize("query", ["", "?version=3", "?version=3.1"])
def test_python(generated, query):
    assert generated(1, ("swagger.json", f"swagger.json{query}")) == PREDICTIONS


@pytest.mark.parametrize("version", ["3", "3.1"])
def test_typescript(generated, version):
    assert generated(2, ("version=3", f"version={version}")) == PREDICTIONS
