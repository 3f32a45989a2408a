# SPDX-License-Identifier: MIT
"""Every request that can be served is served, for minutes: under a limit that changes, over backends that
are killed, through reloads and a stop. `make check-soak` runs each for SOAK_SECONDS (120). Figures are
reported at the end; of those that a busy machine spoils, none is asserted."""

import os
import signal
import statistics
import time
from collections import Counter

import pytest

from lib.config import key_auth
from lib.crowd import Crowd, quantile
from lib.scorer import Scorer
from lib.serving import QUIET, Scaled, access_log, descriptors, load
from lib.soak import compile_load
from lib.wait import until
from test_reload import Reloadable

# Each takes both cores: beside others in `make check` it would disturb what they time.
pytestmark = pytest.mark.slow

SECONDS = int(os.environ.get("SOAK_SECONDS", "120"))
KEYS = ("westCANARYk3y/1", "northCANARYk3y/2")
MIB = 1 << 20


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    return compile_load(tmp_path_factory.mktemp("load"))


@pytest.fixture
def figure(record_property):
    """figure(text): a line for people."""
    return lambda text: record_property("figure", text)


@pytest.fixture
def scorer(certs):
    one = Scorer(certs)
    one.tell(endpoints={"/score": {"keys": [KEYS[0]]}})
    yield one
    one.stop()


@pytest.fixture
def scoring(scorer, gateway):
    """scoring(route keys…, top=…) -> a gateway with two workers before the fast scorer."""
    def make(top=None, **route):
        return gateway([{"path": "/score", "scoring_uri": scorer.url("/score"),
                         "auth": key_auth(KEYS[0]), **route}],
                       **{"workers": 2, "log": QUIET, **(top or {})})
    return make


def rest_until(end):
    """The load goes on meanwhile."""
    time.sleep(max(end - time.monotonic(), 0))


# A limit

class Phase:
    """A part of a run in which the limit is the same."""

    def __init__(self, name, scores, crowd):
        self._name, self._scores, self._crowd = name, scores, crowd
        self._from = len(crowd.outcomes)
        scores.begin()

    def end(self, figure):
        figures, outcomes = self._scores.figures(), self._crowd.outcomes[self._from:]
        median, most = quantile(outcomes, 0.5), quantile(outcomes, 1)
        figure(f"{self._name}: {len(outcomes)} answered, {figures.too_many} times 429 upstream, busy "
               f"{100 * figures.busy:.1f} %, peak {figures.peak}; took {median:.2f} s in the median, "
               f"{most:.2f} s at most ({most / median:.2f})")
        return figures, most / median


def test_200_callers_against_a_limit_of_4(azure, certs, gateway, inference, figure):
    """Nobody is told 429, the places are never free, and nobody waits for much longer than others; also
    while the endpoint is scaled out and in. Azure is asked for the scale once a minute, or ten seconds
    after the last time where the endpoint says 429."""
    one = Scaled(azure, certs, gateway, inference, instances=2, service_ms=[150, 250],
                 queue_timeout_ms=60000)
    crowd = Crowd(one.gateway, 200, agent=lambda n: f"caller-{n}")
    crowd.wait(220)
    phase = Phase("limit 4", one.scores, crowd)
    rest_until(time.monotonic() + SECONDS / 2)
    first, fair = phase.end(figure)
    assert fair < 2

    one.blue.scale(4)
    figure(f"scaled out to a limit of 8, followed after {one.followed(8):.1f} s")
    phase = Phase("limit 8", one.scores, crowd)
    rest_until(time.monotonic() + SECONDS / 4)
    second, _ = phase.end(figure)

    phase = Phase("scaled in to a limit of 4", one.scores, crowd)
    one.blue.scale(2)
    rest_until(time.monotonic() + SECONDS / 4)
    third, _ = phase.end(figure)
    crowd.stop()
    crowd.assert_all_fine()
    assert one.limit <= 4
    assert (first.too_many, first.peak) == (0, 4)
    assert (second.too_many, second.peak) == (0, 8)
    busy = [first.busy, second.busy, third.busy]
    assert min(busy) >= 0.95, busy


def test_200_callers_against_a_limit_that_is_learnt(gateway, inference, figure):
    endpoint = inference(deployments={"blue": {"capacity": 2}}, service_ms=[40, 60])
    gate = gateway([{"path": "/score", "scoring_uri": endpoint.url(), "max_concurrent": "auto",
                     "queue_timeout_ms": 60000}], workers=2, log=QUIET)
    crowd = Crowd(gate, 200, agent=lambda n: f"caller-{n}")
    crowd.wait(400)
    phase = Phase("learnt, 4", endpoint, crowd)
    rest_until(time.monotonic() + SECONDS)
    _, fair = phase.end(figure)
    crowd.stop()
    crowd.assert_all_fine()
    assert fair < 3


# Backends that are killed

def test_two_regions_one_of_which_is_killed_every_two_seconds(gateway, inference, figure):
    pair = [inference(enforce=None, service_ms=3, credentials=[key]) for key in KEYS]
    gate = gateway([{"path": "/score", "idempotent": True, "backends": [
        {"uri": one.url(), "auth": key_auth(key)} for one, key in zip(pair, KEYS)]}],
        workers=2, log=QUIET)
    crowds = [Crowd(gate, 16, method=method, agent=method) for method in ("GET", "POST")]
    end, kills = time.monotonic() + SECONDS, 0
    while (now := time.monotonic()) < end:
        one = pair[kills % 2]
        one.kill()
        one.start()
        kills += 1
        rest_until(now + 2)
    for crowd in crowds:
        outcomes = crowd.stop()
        figure(f"{kills} kills: {len(outcomes)} {outcomes[0].id[:4].strip('-')} requests, "
               f"{len(crowd.failed)} failed; p50 {1000 * quantile(outcomes, 0.5):.1f} ms, "
               f"p99.9 {1000 * quantile(outcomes, 0.999):.0f} ms, "
               f"at most {1000 * quantile(outcomes, 1):.0f} ms")
    for crowd in crowds:
        crowd.assert_all_fine()


# Reload and stop

def test_100_reloads_under_full_load(scoring, program, tmp_path, figure):
    """Routes, limits, retries, workers: something changes each time. Row L9."""
    gate = scoring()
    one, changed = Reloadable(gate), []
    route = gate.settings["routes"][0]
    changes = [lambda i: {"routes": [{**route, "max_concurrent": 16 + i % 8}]},
               lambda i: {"routes": [route, {**route, "path": f"/other-{i}"}]},
               lambda i: {"routes": [{**route, "response_timeout_ms": 60000 + i}]},
               lambda i: {"workers": 2 + i % 3}]
    with load(program, tmp_path, gate, "/score", 64, SECONDS) as running:
        began = time.monotonic()
        for i in range(100):
            rest_until(began + SECONDS * (i + 0.5) / 101)
            at = time.monotonic()
            one.reload(**changes[i % len(changes)](i))
            changed.append(time.monotonic() - at)
            assert running.running
    figure(f"{running.figure()}; {len(changed)} reloads, each in "
           f"{1000 * statistics.median(changed):.0f} ms, {1000 * max(changed):.0f} ms at most")
    assert not running.failed, running.failed[:5]
    assert (one.reloads(), one.failures()) == (100, 0)


def test_sigterm_with_200_in_flight(gateway, inference, figure):
    endpoint = inference(enforce=None, service_ms=3000)
    gate = gateway([{"path": "/score", "scoring_uri": endpoint.url()}], workers=2, log=QUIET,
                   drain_timeout_ms=30000)
    crowd = Crowd(gate, 200, times=1)
    until(lambda: endpoint.figures().in_flight == 200, "all are at the endpoint")
    began = time.monotonic()
    assert gate.stop(signal.SIGTERM) == 0
    figure(f"200 in flight, stopped within {time.monotonic() - began:.1f} s, "
           f"{Counter(o.status for o in crowd.join())}")
    crowd.assert_all_fine()
    assert endpoint.figures().statuses == {"200": 200}


def test_sigterm_with_200_of_which_196_wait(gateway, inference, figure):
    """Those who wait for their turn are in flight, too."""
    endpoint = inference(deployments={"blue": {"capacity": 2}}, service_ms=50)
    gate = gateway([{"path": "/score", "scoring_uri": endpoint.url(), "max_concurrent": 4}],
                   workers=2, log=QUIET, drain_timeout_ms=30000)
    crowd = Crowd(gate, 200, times=1)
    until(lambda: gate.metric("scoregate_in_flight", route="/score") > 150, "most are here")
    assert gate.stop(signal.SIGTERM) == 0
    outcomes = crowd.join()
    lost = [o for o in outcomes if o.status != 200 and "refused" not in o.why]
    figure(f"{Counter(o.status or o.why for o in outcomes)}")
    assert not lost and len(outcomes) == 200


# Rows L1, L2, L8

def test_l1_64_callers(scoring, scorer, program, tmp_path, figure):
    gate = scoring()
    with load(program, tmp_path, gate, "/score", 64, SECONDS) as running:
        pass
    figure(running.figure())
    assert not running.failed and len(running.samples) > 100 * SECONDS
    assert scorer.tell()["scored"] == {"/score": len(running.samples)}


def test_l2_1000_callers_at_half_of_the_peak(scoring, scorer, program, tmp_path, figure):
    gate = scoring()
    with load(program, tmp_path, gate, "/score", 1000, 5) as peak:
        pass  # after which memory is as high as it gets
    assert not peak.failed
    rate = len(peak.samples) // 10
    seen = []  # (when, memory, descriptors, connections upstream)
    with load(program, tmp_path, gate, "/score", 1000, SECONDS, rate=rate) as running:
        began = time.monotonic()
        while running.running:
            seen.append((time.monotonic() - began, gate.rss(), descriptors(gate),
                         gate.metric("scoregate_upstream_connections", route="/score")))
            rest_until(began + len(seen))
    steady = [s for s in seen if SECONDS / 4 < s[0] < SECONDS - 1]
    half = len(steady) // 2
    growth = statistics.mean(s[1] for s in steady[half:]) - statistics.mean(
        s[1] for s in steady[:half])
    figure(f"{running.figure()}, half of {2 * rate}/s; memory {steady[-1][1] / MIB:.1f} MiB, grew by "
           f"{growth / MIB:.2f} MiB; descriptors {min(s[2] for s in steady)} to "
           f"{max(s[2] for s in steady)}; connections upstream at most {max(s[3] for s in seen):.0f}")
    assert not running.failed
    assert growth < MIB
    assert max(s[2] for s in steady) < 1000 + max(s[3] for s in seen) + 100
    assert scorer.tell()["scored"] == {"/score": len(peak.samples) + len(running.samples)}


def check_accounts(outcomes, log, upstream):
    """Each request is known by its id to the caller, the log and the endpoint, which say the same."""
    assert len({o.id for o in outcomes}) == len(outcomes)
    assert set(log) == {o.id for o in outcomes}
    rows = {}
    for r in upstream:
        rows.setdefault(r.id, []).append(r.status)
    assert set(rows) <= set(log), "nothing came upstream that nobody sent"
    for o in outcomes:
        (status, attempts, _), = log[o.id]
        at_endpoint = rows.get(o.id, [])
        assert status == (o.status or 0), (o, log[o.id])
        assert len(at_endpoint) <= 1, f"a POST was acted on twice: {o}, {at_endpoint}"
        assert len(at_endpoint) <= attempts
        assert (o.status == 200) == (at_endpoint == [200]), (o, log[o.id], at_endpoint)


def test_l8_every_request_is_accounted_for(gateway, inference, figure):
    """A hundred a second, half with ids of their own, through reloads and restarts of the endpoint."""
    endpoint = inference(enforce=None, service_ms=[1, 20], credentials=[KEYS[0]])
    gate = gateway([{"path": "/score", "scoring_uri": endpoint.url(), "auth": key_auth(KEYS[0])}],
                   workers=2, log={**QUIET, "access": True})
    one = Reloadable(gate)
    crowds = [Crowd(gate, 20, rate=50, ids=ids) for ids in (True, False)]
    began = time.monotonic()
    for i in range(1, 13):
        rest_until(began + SECONDS * i / 13)
        one.reload(drain_timeout_ms=3000 + i)
        if i % 2:
            endpoint.refuse(0.1)
    rest_until(began + SECONDS)
    outcomes = [o for crowd in crowds for o in crowd.stop()]
    until(lambda: len(access_log(gate)) >= len(outcomes), "all is written down")
    figure(f"{len(outcomes)} requests, {one.reloads()} reloads, 6 restarts: "
           f"{dict(Counter(o.status or o.why for o in outcomes))}, "
           f"attempts {dict(Counter(row[1] for rows in access_log(gate).values() for row in rows))}")
    check_accounts(outcomes, access_log(gate), endpoint.requests())
    assert sum(o.status == 200 for o in outcomes) > 0.95 * len(outcomes)
