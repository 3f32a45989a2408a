# SPDX-License-Identifier: MIT
"""A service with the schema of Power BI, as its callers see it, and the query of
examples/power-bi."""

import re

import pytest
from clients import ask, clients_directory
from example_client import PREDICTIONS, replaced

pytestmark = pytest.mark.xdist_group("vendor")


@pytest.fixture
def score(certs, tmp_path):
    """score(example_client, [(old, new) in its query]): the table that the query makes."""
    def run(power_bi, *changes):
        query = (power_bi.directory / "score.pq").read_text()
        for old, new in [("localhost:8080", f"localhost:{power_bi.gate.port}"), *changes]:
            query = replaced(query, old, new)
        return ask("power-query", {"query": query}, certs.ca, tmp_path,
                   {"MQUERY_NODE": str(clients_directory() / "bin" / "node")})
    return run


def test_the_query_adds_the_predictions(example_client, score):
    power_bi = example_client("power-bi", "/power_bi/score")
    rows = score(power_bi)
    assert [row["prediction"] for row in rows] == PREDICTIONS
    assert [list(row) for row in rows] == 2 * [
        ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6", "prediction"]]
    power_bi.served(1)


def test_a_service_with_another_schema(example_client, score):
    """Changed as the README says."""
    power_bi = example_client("power-bi", "/score")
    content, answer = re.findall(r"`(Content = [^`]*|Json\.Document[^`]*)`",
                                 power_bi.readme.read_text())
    rows = score(power_bi, (
        "Content = Json.FromValue([Inputs = [data = Rows], GlobalParameters = 1.0])", content),
        ("Json.Document(Answer)[Results]", answer))
    assert [row["prediction"] for row in rows] == PREDICTIONS


@pytest.mark.parametrize("query, definitions", [
    ("", ["definitions"]), ("?version=3", ["components", "schemas"])])
def test_the_schema_is_shown_as_it_is(example_client, vendor, query, definitions):
    power_bi = example_client("power-bi", "/power_bi/score")
    shown = power_bi.gate.client().get(f"/diabetes/swagger.json{query}").json()
    direct = vendor.direct("GET", f"/swagger.json{query}", server="power_bi").json()
    for name in definitions:
        shown, direct = shown[name], direct[name]
    assert shown == direct
    taken = shown["ServiceInput"]["properties"]
    assert sorted(taken) == ["GlobalParameters", "Inputs"]
    assert list(taken["Inputs"]["properties"]["data"]["items"]["properties"])[0] == "age"
    assert list(shown["ServiceOutput"]["properties"]) == ["Results"]


def test_names_are_read_as_they_are_spelt(example_client):
    """What Power BI must send is what the service wants: nothing on the way minds."""
    caller = example_client("power-bi", "/power_bi/score").gate.client()
    answer = caller.post("/diabetes", b'{"inputs": {"data": []}, "GlobalParameters": 1.0}')
    assert answer.status == 400 and "'Inputs'" in answer.json()["message"]
    answer = caller.post("/diabetes", b'{"Inputs": {"data": []}, "GlobalParameters": 1.0}')
    assert answer.status == 200 and answer.json() == {"Results": []}
