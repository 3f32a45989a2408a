# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests."""

import itertools

import pytest

from azure import Azure, Inference
from lib.certs import Certs
from lib.gateway import Gateway
from lib.held import Held
from lib.upstream import ScriptedUpstream


@pytest.fixture(scope="session")
def certs(tmp_path_factory, worker_id):
    base = tmp_path_factory.getbasetemp()
    return Certs((base if worker_id == "master" else base.parent) / "certs")


@pytest.fixture
def azure(certs):
    """A fake Azure with nothing in it."""
    with Azure(certs.good) as one:
        yield one
        assert not one.failures, "\n".join(one.failures)


@pytest.fixture
def upstream(certs):
    """Makes a ScriptedUpstream, with TLS and a good certificate unless told otherwise."""
    made = []

    def make(script=None, **options):
        options.setdefault("tls", certs.good)
        made.append(ScriptedUpstream(script, **options))
        return made[-1]

    yield make
    for one in made:
        one.stop()
    for one in made:
        one.check()


@pytest.fixture
def inference(certs):
    """Makes an Inference, which see, that keeps to Azure's rule unless told otherwise."""
    made = []

    def make(**settings):
        made.append(Inference(certs.good, **{"enforce": "endpoint", **settings}))
        return made[-1]

    yield make
    for one in made:
        one.stop()


@pytest.fixture
def held(upstream):
    """(a Held, the upstream that it handles)"""
    one = Held()
    yield one, upstream(handler=one)
    one.let_all()


@pytest.fixture
def gateway(certs, tmp_path, upstream):  # pylint: disable=unused-argument
    """Makes a running Gateway that trusts the tests' CA. Stopped, and looked over, before the
    upstreams stop."""
    made, numbers = [], itertools.count()

    def make(routes=(), **options):
        options.setdefault("ca", certs.ca)
        one = Gateway(tmp_path / f"gateway{next(numbers)}", routes, **options)
        made.append(one)
        return one

    yield make
    try:
        for one in made:
            one.finish()
    finally:
        for one in made:
            one.kill()


@pytest.fixture
def serve(upstream, gateway):
    """serve(script or handler=…, auth=…, route keys…) -> (gateway, upstream) with one route /score.
    UPSTREAM: options of the upstream; TOP: of the gateway."""
    def make(script=None, handler=None, upstream_options=None, top=None, **route):
        up = upstream(script, handler=handler, **(upstream_options or {}))
        return gateway([{"path": "/score", "scoring_uri": up.url("/score"), **route}],
                       **(top or {})), up

    return make


def pytest_terminal_summary(terminalreporter):
    """What the soaks have measured."""
    figures = [(report.nodeid.partition("::")[2], value)
               for reports in terminalreporter.stats.values() for report in reports
               if getattr(report, "when", None) == "call"
               for name, value in report.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("figures")
        for test, value in figures:
            terminalreporter.line(f"{test} {value}")
