# SPDX-License-Identifier: MIT
"""When the endpoint says 401: another key, or a new credential that everybody shares; and keys that
are regenerated under load (rows K10 to K13)."""

import pytest

from lib.cloud import Load, World
from lib.problem import assert_problem
from lib.upstream import Response
from lib.wait import until


@pytest.fixture
def world(azure, certs, upstream, gateway):
    return lambda **options: World(azure, certs, upstream, gateway, **options)


def regenerate(one, which):
    """As the portal does it: asynchronous, the old key listed and accepted until it is done."""
    operation = one.endpoint.keys.regenerate(which)
    until(lambda: operation.poll() == "Succeeded", "the key is regenerated")


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("keys", [["primary"], ["secondary"], ["primary", "secondary"],
                                  ["secondary", "primary"]])
@pytest.mark.parametrize("version", [1, 2])
def test_k12_a_key_regenerated_under_load_costs_nobody_an_error(world, azure, keys, workers,
                                                               version):
    azure.operation_polls = 2
    one = world(workers=workers, version=version).ready()
    load = Load(one.gateway, callers=16).wait(100)
    for key in keys:
        regenerate(one, key)
        load.wait(300)
    load.stop()
    assert not load.wrong, (load.wrong[:3], one.gateway.log())
    refused = [r for r in one.upstream.requests
               if not azure.accepts("churn", r.headers["authorization"])]
    assert bool(refused) == ("primary" in keys), "the primary key is the one in use"
    listed = azure.count("*.listKeys") + azure.count("*.listkeys")
    assert listed <= 1 + len(keys)


def test_k12_the_key_that_works_is_remembered(world, azure):
    one = world().ready()
    one.assert_scores()
    secondary = one.endpoint.keys.secondary
    azure.fault("arm.listKeys", delay=1.0)  # long enough for the other key to be seen at work
    one.endpoint.keys.primary = "CANARY-new-primary"
    one.assert_scores(20)
    tried = [r.headers["authorization"] for r in one.upstream.requests]
    assert tried[-1] == f"Bearer {secondary}" and len(tried) == 22
    until(lambda: azure.count("arm.listKeys") == 2, "the keys are listed again")
    until(lambda: one.status()["routes"][0]["key_in_use"] == "secondary", "it is shown")
    one.assert_scores(5)
    assert len(one.upstream.requests) == 27
    one.gateway.secrets.append("CANARY-new-primary")


@pytest.mark.parametrize("kind", ["Key", "AMLToken", "AADToken"])
def test_k11_a_new_credential_is_fetched_once_for_everybody(world, azure, kind):
    azure.refresh_in = None
    one = world(auth_mode=kind).ready()
    one.assert_scores()
    calls = {"Key": "arm.listKeys", "AMLToken": "arm.token", "AADToken": "entra.token"}[kind]
    before = azure.count(calls)
    good = revoke(one, azure, kind)
    load = Load(one.gateway, callers=16).wait(200)
    load.stop()
    assert not load.wrong, (load.wrong[:3], one.gateway.log())
    assert good()
    assert azure.count(calls) == before + 1
    assert one.gateway.log().count("the endpoint refused the credential") <= 2


def revoke(one, azure, kind):
    """What is held is refused from now on; a new one is accepted."""
    if kind == "Key":
        one.endpoint.keys.primary, one.endpoint.keys.secondary = "CANARY-k1", "CANARY-k2"
        one.gateway.secrets += ["CANARY-k1", "CANARY-k2"]
        return lambda: True
    held = one.upstream.requests[-1].headers["authorization"]
    check = azure.check_scoring
    azure.check_scoring = lambda target, authorization: (
        (401, "Jwt is expired") if authorization == held else check(target, authorization))
    return lambda: one.upstream.requests[-1].headers["authorization"] != held


@pytest.mark.parametrize("kind", ["AMLToken", "AADToken"])
def test_k10_a_machine_that_slept(world, azure, kind):
    """The world is an hour on, the monotonic clock is not: every token is dead without our knowing.
    The first request finds out, and nobody notices."""
    azure.endpoint_lifetime, azure.endpoint_refresh_after = 1800, 900
    azure.token_lifetime = 1800
    one = world(auth_mode=kind).ready()
    one.assert_scores()
    azure.skew = 3600
    one.assert_scores(3)
    refused = [r for r in one.upstream.requests
               if azure.check_scoring("churn", r.headers["authorization"])]
    assert len(refused) == 2, "the one before the sleep, as of now, and the first after it"
    assert azure.count({"AMLToken": "arm.token", "AADToken": "entra.token"}[kind]) >= 2


@pytest.mark.parametrize("kind", ["Key", "AMLToken", "AADToken"])
def test_k13_a_refusal_that_lasts_is_502_and_no_storm(world, azure, kind):
    one = world(auth_mode=kind).ready()
    one.assert_scores()
    azure.check_scoring = lambda target, authorization: (401, "key_auth_access_denied")
    before = azure.count("*")
    for _ in range(20):
        assert_problem(one.post(), "credential_refused")
    # One look at the credential, one at the endpoint; a token of Entra is one call besides.
    assert azure.count("*") - before <= 3


def test_403_is_the_callers_to_see(world, azure):
    one = world().ready()
    one.assert_scores()
    before = azure.count("*")
    azure.check_scoring = lambda target, authorization: (403, "denied by policy")
    reply = one.post()
    assert (reply.status, reply.body) == (403, b"denied by policy")
    assert azure.count("*") == before


def test_a_body_that_was_not_kept(world, azure):
    """503 with Retry-After: 0, and by then the credential is new."""
    one = world(auth_mode="AMLToken", route={"replay_bytes": 1000}).ready()
    one.assert_scores()
    revoke(one, azure, "AMLToken")
    reply = one.post(body=b"x" * 100_000)
    assert_problem(reply, "no_credential")
    assert reply.headers["retry-after"] == "0"
    assert one.post(body=b"x" * 100_000).status == 200


def test_a_request_without_a_body_is_replayed(world, azure):
    one = world(auth_mode="AMLToken").ready()
    one.assert_scores()
    revoke(one, azure, "AMLToken")
    assert one.gateway.client().get("/score").status == 200


def test_static_keys_both_refused(upstream, gateway):
    from lib.config import key_auth  # pylint: disable=import-outside-toplevel
    up = upstream(handler=lambda request: Response(401, (), b"no"))
    one = gateway([{"path": "/score", "scoring_uri": up.url("/score"),
                    "auth": key_auth("CANARY-first-1", "CANARY-second-2")}])
    for _ in range(3):
        assert_problem(one.client().post("/score"), "credential_refused")
