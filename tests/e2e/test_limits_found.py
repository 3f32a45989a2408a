# SPDX-License-Identifier: MIT
"""Azure's own limit of requests at once is looked up for endpoints that are found by name, followed,
and done without where it cannot be known."""

import re

import pytest

from azure import Inference
from lib.cloud import World
from lib.wait import until

LIMITED = "requests at once are limited as by Azure"
LEARNT = "the limit of requests at once is learnt"
RIGHT = "onlineEndpoints/deployments/read"


@pytest.fixture
def world(azure, certs, upstream, gateway):
    """world(deployments={name: options}, …): the World, with these deployments at its endpoint."""
    def make(deployments=None, start=True, **options):
        one = World(azure, certs, upstream, gateway, start=False, **options)
        for name, more in (deployments or {}).items():
            one.endpoint.deployment(name, **more)
        return one.start() if start else one
    return make


def limits(one):
    """Every limit that the log has told, in order."""
    return [int(n) for n in re.findall(rf"{LIMITED}.* limit=(\d+)", one.gateway.log())]


def told(one, text, times=1):
    until(lambda: one.gateway.log().count(text) >= times, f"{text!r} is told")
    assert one.gateway.log().count(text) == times, one.gateway.log()


def test_the_limit_is_found(world, azure):
    one = world({"blue": {"capacity": 3, "max_concurrent": 2}, "green": {"capacity": 9}}).ready()
    told(one, LIMITED)
    assert limits(one) == [12]
    assert 'why="2 x (blue 2 x 3)"' in one.gateway.log()
    call, = azure.asked("arm.deployments")
    assert call.query == {"api-version": azure.asked("arm.endpoint")[0].query["api-version"]}
    assert one.credential("route:/score:deployments")["state"] == "usable"
    one.assert_scores()


def test_over_deployments_and_pages(world, azure):
    azure.page_size = 1
    one = world({"blue": {"capacity": 3}, "green": {"capacity": 4}, "idle": {"capacity": 5}},
                start=False)
    one.endpoint.shift(blue=90, green=10)
    one.start().ready()
    told(one, LIMITED)
    assert limits(one) == [14]
    assert azure.count("arm.deployments") == 3


def test_of_a_pinned_deployment(world):
    one = world({"blue": {"capacity": 3}, "green": {"capacity": 4}}, route={"deployment": "green"})
    told(one, LIMITED)
    assert limits(one) == [8]


def test_without_the_right(world, azure):
    """It is told once, names the right, and nothing else suffers."""
    one = world({"blue": {}}, start=False)
    one.application.deny("arm.deployments")
    one.start().ready()
    told(one, RIGHT)
    line = next(line for line in one.gateway.log().splitlines() if RIGHT in line)
    assert "route:/score:deployments" in line and "AuthorizationFailed" in line
    one.assert_scores(3)
    assert limits(one) == [] and azure.count("arm.deployments") == 1
    assert one.gateway.admin("/readyz").status == 200
    assert one.credential("route:/score:deployments")["state"] == "unavailable"


@pytest.mark.parametrize("fault", [
    {"status": 404}, {"status": 503}, {"status": 429, "headers": {"Retry-After": "60"}},
    {"status": 200, "body": b"<html>"}, {"status": 200, "body": b'{"value":[{"name":7}]}'},
    {"drop": "reset"}, {"drop": "middle"}, {"delay": 60}])
def test_nothing_depends_on_it(world, azure, fault):
    azure.fault("arm.deployments", times=None, **fault)
    one = world({"blue": {}}).ready()
    until(lambda: azure.count("arm.deployments"), "the list is asked for")
    one.assert_scores(3)
    assert limits(one) == []


def test_on_kubernetes_it_is_learnt(world):
    one = world({"blue": {"endpointComputeType": "Kubernetes"}}).ready()
    told(one, LEARNT)
    assert limits(one) == []
    one.assert_scores()


def test_traffic_to_nobody(world):
    one = world().ready()  # no deployment at all
    told(one, LEARNT)
    assert "no deployment with an instance takes requests" in one.gateway.log()


@pytest.mark.parametrize("limit", [0, 3])
def test_nobody_asks_who_has_said_the_limit(world, azure, limit):
    one = world({"blue": {}}, route={"max_concurrent": limit}).ready()
    one.assert_scores()
    assert azure.count("arm.deployments") == 0


def test_web_services_have_none(world, azure):
    one = world(version=1).ready()
    one.assert_scores()
    assert azure.count("arm.deployments") == 0


def test_two_routes_to_one_endpoint_ask_once(world, azure):
    one = world({"blue": {"capacity": 2}}, start=False)
    one.gateway.settings["routes"].append({**one.route, "path": "/other"})
    from lib import config  # pylint: disable=import-outside-toplevel
    one.gateway.write_config(config.text(one.gateway.settings))
    one.start().ready()
    told(one, LIMITED, times=2)
    assert limits(one) == [4, 4] and azure.count("arm.deployments") == 1


def test_too_many_requests_make_it_look_again(world, azure, certs):
    """The scale went down unseen. Azure's answers tell, and the new limit is there long before the
    minute is over; once in ten seconds it is looked at, however many answers tell."""
    one = world({"blue": {"capacity": 2}}, start=False)
    with Inference(certs.good) as scoring:
        scoring.follow(one.endpoint)
        one.start().ready()
        until(lambda: limits(one) == [4], "the limit is found")
        scoring.fault("too-many")
        one.endpoint.deployments["blue"].scale(1)

        def crowded():
            one.post()
            return limits(one) == [4, 2]

        until(crowded, "the limit is followed", 20)
        scoring.clear()
        first, *later = azure.asked("arm.deployments")
        assert len(later) == 1 and 9.5 < later[0].started - first.started < 12


@pytest.mark.slow
def test_a_change_of_scale_is_followed_within_a_minute(world, azure):
    one = world({"blue": {"capacity": 1}, "green": {"capacity": 4}}).ready()
    until(lambda: limits(one) == [2], "the limit is found")
    one.endpoint.deployments["blue"].scale(3)
    until(lambda: limits(one) == [2, 6], "the scale is followed", 65)
    one.endpoint.shift(blue=50, green=50)
    until(lambda: limits(one) == [2, 6, 14], "the traffic is followed", 65)
    one.application.deny("arm.deployments")
    until(lambda: one.gateway.log().count(LEARNT) == 1, "it is not known any more", 65)
    assert azure.count("arm.deployments") >= 3 and RIGHT in one.gateway.log()
    one.assert_scores()
