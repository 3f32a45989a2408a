# SPDX-License-Identifier: MIT
"""An endpoint that was scaled to nothing, or is being deployed: with wait_for_ready_ms its callers wait
until it is there."""

import time

import pytest

from lib.crowd import Crowd
from lib.problem import assert_problem
from lib.upstream import closed_port
from lib.wait import until

COLD = {"503": "unavailable", "424 model_not_ready": "not-ready", "404": "no-deployment"}
STATUS = {"unavailable": 503, "not-ready": 424, "no-deployment": 404}

cold = pytest.mark.parametrize("kind", COLD.values(), ids=COLD)


@pytest.fixture
def waking(gateway, inference):
    """waking(route keys…) -> (gateway, Inference)"""
    def make(endpoint=None, **route):
        endpoint = endpoint or inference(enforce=None, service_ms=2)
        return gateway([{"path": "/score", "scoring_uri": endpoint.url(), **route}],
                       workers=2), endpoint
    return make


def not_ready(gate):
    """How often it was found that the endpoint is not ready."""
    return gate.metric("scoregate_retries_total", route="/score", reason="not_ready")


@cold
def test_held_until_it_is_ready(waking, kind):
    gate, endpoint = waking(wait_for_ready_ms=20000)
    endpoint.fault(kind)
    crowd = Crowd(gate, 24, times=2)
    until(lambda: not_ready(gate) >= 4, "it was asked again")
    assert not crowd.outcomes, "nobody is answered"
    endpoint.clear()
    crowd.join()
    crowd.assert_all_fine()
    figures = endpoint.figures()
    assert figures.statuses["200"] == 48
    asked = figures.statuses[str(STATUS[kind])]
    assert asked < 24 + 12, f"{asked} asked, where one of each worker would have done"


def test_held_while_it_takes_no_connections(waking):
    gate, endpoint = waking(wait_for_ready_ms=20000)
    endpoint.listen(False)
    crowd = Crowd(gate, 24, times=2)
    until(lambda: not_ready(gate) >= 4, "it was tried again")
    assert not crowd.outcomes, "nobody is answered"
    endpoint.listen()
    crowd.join()
    crowd.assert_all_fine()
    assert endpoint.figures().statuses == {"200": 48}


@cold
def test_it_does_not_become_ready(waking, kind):
    """Who asked hears what the endpoint says, or as who waited for him that it was not ready in time."""
    gate, endpoint = waking(wait_for_ready_ms=1000)
    endpoint.fault(kind)
    began = time.monotonic()
    crowd = Crowd(gate, 6, times=1)
    outcomes = crowd.join()
    assert time.monotonic() - began < 8
    assert {o.status for o in outcomes} <= {STATUS[kind], 503}, outcomes
    assert all(o.took > 0.3 for o in outcomes), "each has waited"
    assert all(o.status == STATUS[kind] or b'"not_ready"' in o.body for o in outcomes), outcomes


def test_it_never_listens(gateway):
    with closed_port() as closed:
        gate = gateway([{"path": "/score", "wait_for_ready_ms": 800,
                         "scoring_uri": f"https://127.0.0.1:{closed.getsockname()[1]}/score"}])
        began = time.monotonic()
        answer = gate.client(timeout=20.0).post("/score")
        assert 0.3 < time.monotonic() - began < 8
        assert_problem(answer, "connection_refused", "not_ready", "breaker_open")


@pytest.mark.parametrize("kind, status", [("no-deployment", 404), ("unavailable", 503)])
def test_not_unless_it_was_said(waking, kind, status):
    gate, endpoint = waking()
    endpoint.fault(kind)
    assert gate.client().post("/score").status == status
    assert len(endpoint.requests()) == 1 and not_ready(gate) == 0


def test_a_404_of_a_ready_endpoint_is_held_no_longer_than_was_said(waking):
    gate, endpoint = waking(wait_for_ready_ms=500)
    with gate.client() as caller:
        assert caller.post("/score").status == 200
        endpoint.fault("no-deployment")
        assert caller.post("/score").status == 404
        endpoint.clear()
        assert caller.post("/score").status == 200


def test_a_caller_that_goes_while_it_finds_out(waking):
    """Another one finds out in its place."""
    gate, endpoint = waking(wait_for_ready_ms=20000)
    endpoint.fault("unavailable")
    first = gate.client()
    first.send_request("POST", "/score", (), b"{}")
    until(lambda: not_ready(gate) >= 1, "the first one waits")
    crowd = Crowd(gate, 4, times=1)
    until(lambda: gate.metric("scoregate_in_flight", route="/score") == 5, "all wait")
    first.rst()
    endpoint.clear()
    crowd.join()
    crowd.assert_all_fine()
    assert endpoint.figures().statuses["200"] == 4


def test_an_endpoint_that_wakes_up_is_not_run_over(waking, inference):
    """It takes four at once when it wakes, and nobody hears of a 429."""
    gate, endpoint = waking(inference(deployments={"blue": {"capacity": 2}}, service_ms=20),
                            wait_for_ready_ms=20000, max_concurrent="auto")
    endpoint.fault("not-ready")
    crowd = Crowd(gate, 40, times=2)
    until(lambda: not_ready(gate) >= 4, "it was asked again")
    endpoint.clear()
    crowd.join()
    crowd.assert_all_fine()


def test_the_queue_of_the_gate_is_kept_while_it_is_cold(waking):
    gate, endpoint = waking(wait_for_ready_ms=20000, max_concurrent=2)
    endpoint.fault("unavailable")
    crowd = Crowd(gate, 20, times=1)
    until(lambda: not_ready(gate) >= 3, "it was asked again")
    endpoint.clear()
    crowd.join()
    crowd.assert_all_fine()
    assert endpoint.figures().peak <= 2
