# SPDX-License-Identifier: MIT
"""Several backends of a route: failover between regions, shares, blue and green, and what happens when
one goes and comes back. Each has a key of its own, which no other one is ever shown."""

import time
from collections import Counter

import pytest

from lib.config import key_auth
from lib.crowd import Crowd
from lib.problem import assert_problem
from lib.upstream import Response, ScriptedUpstream, closed_port
from lib.wait import until

KEYS = ("westCANARYk3y/1", "northCANARYk3y/2", "eastCANARYk3y/3")
DEPLOYMENT = "azureml-model-deployment"
QUICK = {"failures": 3, "open_ms": 100, "max_open_ms": 200, "recovery_ms": 0}


class Region:
    """A scoring endpoint that takes KEY and nothing else. answer: what it gives, None: 200 and its
    name. shown: every credential that it was ever shown."""

    def __init__(self, upstream, name, key, **options):
        self.name, self.key, self.answer = name, key, None
        self.shown = set()
        self.upstream = upstream(handler=self._serve, **options)

    def _serve(self, request):
        self.shown.add(request.headers.get("authorization"))
        return self.answer or Response(200, (), self.name.encode())

    def backend(self, **more):
        return {"uri": self.upstream.url("/score"), "auth": key_auth(self.key), **more}

    @property
    def count(self):
        return len(self.upstream.requests)


@pytest.fixture
def regions(upstream):
    """regions(n, …) -> [Region]; none of them may have been shown another one's key."""
    made = []

    def make(n, **options):
        made.extend(Region(upstream, f"region-{i}", KEYS[i], **options) for i in range(n))
        return list(made)

    yield make
    for one in made:
        assert one.shown <= {f"Bearer {one.key}"}, f"{one.name} was shown {one.shown}"


@pytest.fixture
def over(gateway):
    """over(backends, route keys…, top=…) -> gateway"""
    def make(backends, top=None, **route):
        return gateway([{"path": "/score", "backends": backends, **route}], **(top or {}))
    return make


def breakers(gate):
    return [b["breaker"] for b in gate.admin("/status").json()["routes"][0]["backends"]]


def available(gate):
    return gate.metric("scoregate_backend_available", route="/score")


def served_by(gate, n, method="POST"):
    """Which of the regions answered N requests, each 200."""
    with gate.client() as caller:
        answers = [caller.request(method, "/score", (), b"{}" if method == "POST" else None)
                   for _ in range(n)]
    assert all(a.status == 200 for a in answers), answers
    return Counter(a.text for a in answers)


# Priority

def test_the_first_region_serves_as_long_as_it_can(regions, over):
    west, north = regions(2)
    gate = over([west.backend(priority=1), north.backend(priority=2)])
    assert served_by(gate, 20) == {"region-0": 20}
    assert north.count == 0


def test_failover_where_connections_are_refused(regions, over):
    """A POST goes elsewhere, since nothing was sent; and soon nobody tries any more."""
    north = regions(1)[0]
    with closed_port() as closed:
        dead = {"uri": f"https://127.0.0.1:{closed.getsockname()[1]}/score",
                "auth": key_auth(KEYS[1]), "priority": 0}
        gate = over([dead, north.backend(priority=1)])
        assert served_by(gate, 30) == {"region-0": 30}
        assert breakers(gate) == ["open", "closed"] and available(gate) == 1
        tried = gate.metric("scoregate_retries_total", route="/score", reason="connection")
        assert 5 <= tried <= 8, "five failures open the breaker, then one is sent to see"


@pytest.mark.parametrize("method, answer", [
    ("POST", Response(429, (("Retry-After", "60"),))),
    ("POST", Response(503, (("Retry-After", "60"),))),
    ("POST", Response(424, (("ms-azureml-model-error-reason", "model_not_ready"),))),
    ("GET", Response(503))], ids=["429", "503", "424", "503 of a GET"])
def test_failover_where_the_endpoint_says_no(regions, over, method, answer):
    """Retry-After is about who says it: the other one is asked at once."""
    west, north = regions(2)
    gate = over([west.backend(priority=0), north.backend(priority=1)])
    west.answer = answer
    began = time.monotonic()
    assert served_by(gate, 3, method) == {"region-1": 3}
    assert time.monotonic() - began < 5


def test_what_may_have_been_acted_on_goes_nowhere_else(upstream, regions, over):
    def script(s):
        s.rxreq()
        s.close()
    north = regions(1)[0]
    west = upstream(script)
    gate = over([{"uri": west.url("/score"), "auth": key_auth(KEYS[1]), "priority": 0},
                 north.backend(priority=1)])
    assert_problem(gate.client().post("/score", b"pay"), "connection_closed")
    assert (len(west.requests), north.count) == (1, 0)
    assert served_by(gate, 1, "GET") == {"region-0": 1}
    assert all(r.headers["authorization"] == f"Bearer {KEYS[1]}" for r in west.requests)


def test_all_are_down(over):
    with closed_port() as one, closed_port() as other:
        gate = over([{"uri": f"https://127.0.0.1:{s.getsockname()[1]}/score"} for s in (one, other)],
                    breaker={"failures": 2, "open_ms": 5000},
                    retry={"attempts": 2, "backoff_ms": 1})
        with gate.client() as caller:
            for _ in range(2):
                assert_problem(caller.post("/score"), "connection_refused")
            answer = caller.post("/score")
        assert_problem(answer, "breaker_open")
        assert 1 <= int(answer.headers["retry-after"]) <= 6
        assert breakers(gate) == ["open", "open"] and available(gate) == 0


def test_a_refused_key_of_one_is_no_business_of_the_others(regions, over):
    west, north = regions(2)
    gate = over([west.backend(priority=0), north.backend(priority=1)])
    west.answer = Response(401, (), b"key_auth_access_denied")
    north_answers = served_by(gate, 5)
    assert north_answers == {"region-1": 5}


# Weight

def test_shares(regions, over):
    one, two, three = regions(3)
    gate = over([one.backend(weight=3), two.backend(weight=1), three.backend(weight=0)])
    assert served_by(gate, 40) == {"region-0": 30, "region-1": 10}
    assert three.count == 0


def test_the_share_of_one_that_is_gone_goes_to_the_others(regions, over):
    one, two, three = regions(3)
    gate = over([one.backend(weight=2), two.backend(weight=1), three.backend(weight=1)],
                breaker={"failures": 1, "open_ms": 60000, "max_open_ms": 60000})
    one.upstream.stop()
    assert served_by(gate, 41).keys() == {"region-1", "region-2"}
    assert abs(two.count - three.count) <= 2, "as their weights are"
    assert breakers(gate) == ["open", "closed", "closed"]


# Blue and green

def test_blue_and_green(gateway, inference):
    """One endpoint, one key, nine to one; what the caller wants does not count."""
    endpoint = inference(deployments={"blue": {"capacity": 9}, "green": {}}, enforce=None,
                         traffic={"blue": 100}, credentials=[KEYS[0]])
    gate = gateway([{"path": "/score", "auth": key_auth(KEYS[0]), "backends": [
        {"uri": endpoint.url(), "deployment": "blue", "weight": 9},
        {"uri": endpoint.url(), "deployment": "green", "weight": 1}]}])
    with gate.client() as caller:
        answers = [caller.post("/score", b"{}", [(DEPLOYMENT, "green")]) for _ in range(50)]
    assert Counter(a.headers[DEPLOYMENT] for a in answers) == {"blue": 45, "green": 5}
    assert Counter(r.deployment for r in endpoint.requests()) == {"blue": 45, "green": 5}


def test_green_is_gone(gateway, inference):
    """404 is an answer like any other: it is the caller's, and blue is not blamed."""
    endpoint = inference(deployments={"blue": {}}, enforce=None)
    gate = gateway([{"path": "/score", "backends": [
        {"uri": endpoint.url(), "deployment": "blue"},
        {"uri": endpoint.url(), "deployment": "green"}]}])
    with gate.client() as caller:
        assert sorted(caller.post("/score").status for _ in range(10)) == [200] * 5 + [404] * 5


# Hedging

def test_a_slow_answer_is_hedged(held, regions, over):
    """The first one keeps it; the other one is asked after a moment, and the first is let go."""
    slow, up = held
    north = regions(1)[0]
    gate = over([{"uri": up.url("/score"), "auth": key_auth(KEYS[1])}, north.backend(priority=1)],
                hedge_after_ms=50)
    assert gate.client().get("/score").body == b"region-0"
    assert (len(slow.arrived), north.count) == (1, 1)
    assert gate.metric("scoregate_retries_total", route="/score", reason="hedge") == 1


def test_what_may_not_be_sent_twice_is_not_hedged(held, regions, over):
    slow, up = held
    north = regions(1)[0]
    gate = over([{"uri": up.url("/score"), "auth": key_auth(KEYS[1])}, north.backend(priority=1)],
                hedge_after_ms=50)
    caller = gate.client()
    caller.send_request("POST", "/score", (), b"pay")
    slow.wait(1)
    assert caller.silent(0.3)
    slow.let_all()
    assert caller.read_answer().body == b"pay"
    assert (len(slow.arrived), north.count) == (1, 0)


# A backend that comes back

def test_a_backend_that_comes_back_is_taken_back(certs, regions, over):
    north = regions(1)[0]
    with closed_port() as closed:
        port = closed.getsockname()[1]
        gate = over([{"uri": f"https://127.0.0.1:{port}/score", "auth": key_auth(KEYS[1])},
                     north.backend(priority=1)], breaker=QUICK)
        assert served_by(gate, 10) == {"region-0": 10}
        assert breakers(gate)[0] == "open"
    with ScriptedUpstream(handler=lambda r: Response(200, (), b"back"), tls=certs.good,
                          port=port) as back:
        with gate.client() as caller:
            until(lambda: caller.post("/score").body == b"back", "it is taken back")
        assert served_by(gate, 10) == {"back": 10}
        assert breakers(gate) == ["closed", "closed"] and available(gate) == 2
        assert {r.headers["authorization"] for r in back.requests} == {f"Bearer {KEYS[1]}"}


def test_it_is_taken_back_gently(regions, over):
    """With a tenth of its share at first, more and more within recovery_ms."""
    west, north = regions(2)
    gate = over([west.backend(priority=0), north.backend(priority=1)],
                breaker={**QUICK, "recovery_ms": 60000})
    west.answer = Response(503, (("Retry-After", "1"),))
    assert served_by(gate, 5) == {"region-1": 5}
    assert breakers(gate)[0] == "open"
    west.answer = None
    with gate.client() as caller:
        until(lambda: caller.post("/score").body == b"region-0", "one is sent to see")
    shares = served_by(gate, 100)
    assert 1 <= shares["region-0"] <= 30, shares


def test_a_probe_that_fails_costs_nobody_a_request(regions, over):
    west, north = regions(2)
    gate = over([west.backend(priority=0), north.backend(priority=1)],
                breaker={**QUICK, "open_ms": 10, "max_open_ms": 20})
    west.answer = Response(503, (("Retry-After", "1"),))
    with gate.client() as caller:
        def probed():
            answer = caller.post("/score")
            assert (answer.status, answer.body) == (200, b"region-1")
            return west.count >= 10
        until(probed, "it was tried again and again")
    north_served = north.count
    assert north_served > 10


# Killed and started again

def test_two_regions_that_are_killed_in_turn(gateway, inference):
    """What may be sent twice never fails: it goes to the one that is there."""
    pair = [inference(enforce=None, service_ms=3, credentials=[KEYS[i]]) for i in range(2)]
    gate = gateway([{"path": "/score", "idempotent": True, "backends": [
        {"uri": one.url(), "auth": key_auth(KEYS[i])} for i, one in enumerate(pair)]}], workers=2)
    crowd = Crowd(gate, 16)
    crowd.wait(100)
    for one in (*pair, *pair):
        one.kill()
        crowd.wait(300)
        one.start()
        until(lambda one=one: one.requests(), "it is taken back", 20)
        crowd.wait(50)
    outcomes = crowd.stop()
    crowd.assert_all_fine()
    assert len({o.id for o in outcomes}) == len(outcomes)
