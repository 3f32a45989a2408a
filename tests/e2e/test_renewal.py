# SPDX-License-Identifier: MIT
"""Credentials renew themselves, whatever the identity service does meanwhile (rows K1 to K10, K15,
K16)."""

import re
import threading
import time

import pytest

from lib.cloud import SECRET, Load, World, client_secret, settings
from lib.problem import assert_problem
from lib.upstream import Response
from lib.wait import until


@pytest.fixture
def world(azure, certs, upstream, gateway):
    def make(**options):
        options.setdefault("auth_mode", "AADToken")
        if options["auth_mode"] == "AADToken":
            options.setdefault("route", {"auth": {"type": "entra"}})
        return World(azure, certs, upstream, gateway, **options)
    return make


def tokens(azure):
    """The calls for a scoring token."""
    return [c for c in azure.asked("entra.token") if "ml.azure.com" in c.form.get("scope", "")]


def entra_only(one):
    """Only the scoring token is fetched: nothing is found by name."""
    one.gateway.settings["routes"] = [{"path": "/score", "scoring_uri": one.upstream.url("/score"),
                                       "identity": "app", "auth": {"type": "entra"},
                                       **one.extra}]
    from lib import config  # pylint: disable=import-outside-toplevel
    one.gateway.write_config(config.text(one.gateway.settings))
    return one


@pytest.fixture
def entra(world):
    """A route with a scoring URI and an Entra token."""
    def make(start=True, extra=None, **options):
        one = world(start=False, **options)
        one.extra = extra or {}
        entra_only(one)
        return one.start() if start else one
    return make


def test_k1_a_cold_start_asks_once(entra, azure):
    azure.fault("entra.token", delay=1.0)
    one = entra()
    answers, lock = [], threading.Lock()

    def call():
        with one.gateway.client(timeout=30) as caller:
            reply = caller.post("/score")
            with lock:
                answers.append(reply.status)

    threads = [threading.Thread(target=call) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(40)
    assert answers == [200] * 200
    assert azure.count("entra.token") == 1


def test_k2_renewal_in_the_background(entra, azure):
    azure.token_lifetime, azure.refresh_in = 4, 2
    one = entra().ready()
    load = Load(one.gateway, callers=4)
    until(lambda: azure.count("entra.token") >= 4, "three renewals", 30)
    load.stop()
    assert not load.wrong and load.fine > 50
    calls = azure.asked("entra.token")
    gaps = [b.started - a.started for a, b in zip(calls, calls[1:])]
    assert all(1.0 < gap < 2.6 for gap in gaps), gaps
    shown = {r.headers["authorization"] for r in one.upstream.requests}
    assert len(shown) >= 3
    assert azure.peak("entra.token") == 1


def test_k2_the_old_token_serves_while_the_new_one_is_slow(entra, azure):
    azure.token_lifetime, azure.refresh_in = 6, 1
    one = entra().ready()
    fault = azure.fault("entra.token", delay=2.0)
    until(lambda: fault.used, "the renewal has begun")
    began = time.monotonic()
    one.assert_scores(20)
    assert time.monotonic() - began < 1.5 or azure.count("entra.token") > 2


@pytest.mark.parametrize("mode", ["AADToken", "AMLToken"])
def test_k2_a_token_is_not_shown_after_its_end(world, azure, mode):
    """Its end is a whole second; so is the Date of the answer that brings it."""
    azure.token_lifetime = azure.endpoint_lifetime = 3
    azure.refresh_in = azure.endpoint_refresh_after = 1
    one = world(auth_mode=mode, start=False)
    until(lambda: 0.5 < time.time() % 1 < 0.6, "half of a second is cut off")
    one.start().ready()
    azure.fault("entra.token", times=None, status=503)
    azure.fault("arm.token", times=None, status=503)
    load = Load(one.gateway, callers=4)
    name = "identity:app" if mode == "AADToken" else "route:/score:token"
    until(lambda: one.credential(name)["state"] == "expired", "the token ends")
    azure.clear()
    load.wait(20).stop()
    assert not load.wrong
    assert one.gateway.log().count("refused the credential") == 0


def test_k3_a_wrong_secret(entra, azure):
    one = entra(start=False)
    one.application.secrets[:] = ["another"]
    fault = azure.fault("entra.token", times=None, echo=True)
    one.start()
    until(lambda: one.credential("identity:app")["state"] == "rejected", "it is rejected")
    assert_problem(one.post(), "token_rejected")
    assert azure.count("entra.token") <= 2
    log = one.gateway.log()
    assert "failure=rejected" in log and fault.used and SECRET not in log
    azure.clear()
    one.application.secrets[:] = [SECRET]
    until(lambda: one.post().status == 200, "it is mended by itself", 20)


def test_k3_a_rejection_spares_the_token_that_lives(entra, azure):
    azure.token_lifetime, azure.refresh_in = 4, 1
    one = entra().ready()
    one.application.secrets[:] = ["another"]
    until(lambda: one.credential("identity:app")["state"] == "failing", "renewal fails")
    until(lambda: " trace_id=" in one.gateway.log() and " correlation_id=" in one.gateway.log(),
          "what Entra calls the refusal is told")
    one.assert_scores()
    until(lambda: one.credential("identity:app")["state"] == "rejected", "the token ends", 10)
    assert_problem(one.post(), "token_rejected")


def test_k4_retry_after_is_obeyed(entra, azure):
    azure.fault("entra.token", status=429, headers={"Retry-After": "3"})
    one = entra(extra={"response_timeout_ms": 10000})
    assert one.post().status == 200, "the request waits for it"
    first, second = azure.asked("entra.token")
    assert 3.0 <= second.started - first.started < 4.5


@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 503}, {"drop": "reset"},
                                   {"drop": "after"}])
def test_k5_one_quick_retry(entra, azure, fault):
    azure.fault("entra.token", **fault)
    one = entra()
    one.assert_scores()
    first, second = azure.asked("entra.token")
    assert second.started - first.started < 0.9


def test_k5_down_for_good_is_503_or_504(entra, azure):
    azure.token_lifetime, azure.refresh_in = 2, 1
    one = entra(extra={"response_timeout_ms": 700}).ready()
    azure.fault("entra.token", times=None, status=503)
    until(lambda: one.credential("identity:app")["state"] == "expired", "the token ends")
    assert_problem(one.post(), "response_timeout", "no_credential")
    assert one.gateway.admin("/readyz").status == 503
    azure.clear()
    until(lambda: one.post().status == 200, "it comes back by itself", 20)


GARBAGE = {
    "html": b"<html><body>Sign in</body></html>", "empty": b"", "cut": b'{"access_token": "abc',
    "deep": b"[" * 100_000, "huge": b" " * (10 << 20), "nul": b'{"access_token": "a\\u0000b"}',
    "trailing": b'{"token_type":"Bearer","expires_in":3600,"access_token":"abc"} x',
    "twice": b'{"token_type":"Bearer","expires_in":3600,"access_token":"a","access_token":"b"}',
    "blank in the token": b'{"token_type":"Bearer","expires_in":3600,"access_token":"a b"}',
    "line end in the token": b'{"token_type":"Bearer","expires_in":3600,"access_token":"a\\r\\nX: y"}',
    "not Bearer": b'{"token_type":"mac","expires_in":3600,"access_token":"abc"}',
    "no lifetime": b'{"token_type":"Bearer","access_token":"abc"}',
    "negative": b'{"token_type":"Bearer","expires_in":-1,"access_token":"abc"}',
    "zero": b'{"token_type":"Bearer","expires_in":0,"access_token":"abc"}',
    "too long a life": b'{"token_type":"Bearer","expires_in":1e12,"access_token":"abc"}',
}


@pytest.mark.parametrize("name", GARBAGE)
def test_k6_k7_garbage_is_not_used(entra, azure, name):
    azure.token_lifetime, azure.refresh_in = 30, 1
    one = entra().ready()
    one.assert_scores()
    fault = azure.fault("entra.token", times=None, body=GARBAGE[name],
                        headers={"Content-Type": "application/json"})
    until(lambda: fault.used, "garbage came")
    until(lambda: "cannot be fetched" in one.gateway.log(), "the log says so")
    one.assert_scores()
    assert one.credential("identity:app")["state"] == "failing"
    azure.clear()
    until(lambda: one.credential("identity:app")["state"] == "usable", "it is renewed", 20)
    shown = {r.headers["authorization"] for r in one.upstream.requests}
    assert all(re.fullmatch(r"Bearer [\w-]+\.[\w-]+\.[\w-]+", s) for s in shown)


def test_k7_digits_in_a_string_are_a_lifetime(entra, azure):
    azure.fault("entra.token", change={"expires_in": "3599"})
    one = entra()
    one.assert_scores()
    assert azure.count("entra.token") == 1


def test_k8_the_earlier_end_wins(entra, azure):
    """The token says less than the answer."""
    azure.token_lifetime = 20
    azure.fault("entra.token", change={"expires_in": 3600})
    one = entra().ready()
    assert one.credential("identity:app")["expires_in_s"] <= 20


def test_k15_a_slow_identity_service_holds_no_other_route(azure, certs, upstream, gateway):
    app = azure.application(secret=SECRET)
    up = upstream(handler=lambda request: Response(200))
    azure.fault("entra.token", times=None, delay=30)
    one = gateway([{"path": "/score", "scoring_uri": up.url("/score"), "identity": "app",
                    "auth": {"type": "entra"}, "response_timeout_ms": 1000},
                   {"path": "/open", "scoring_uri": up.url("/score")}],
                  identities={"app": client_secret(azure, app)}, azure=settings(azure, certs),
                  secrets=[SECRET])
    waiting = one.client()
    waiting.send_request("POST", "/score", body=b"{}")
    began = time.monotonic()
    with one.client() as caller:
        for _ in range(50):
            assert caller.post("/open").status == 200
    reply = waiting.read_answer()
    assert_problem(reply, "response_timeout")
    assert 0.9 < time.monotonic() - began < 5


def test_k15_who_leaves_while_waiting_is_forgotten(entra, azure):
    azure.fault("entra.token", delay=2)
    one = entra()
    caller = one.gateway.client()
    caller.send_request("POST", "/score", body=b"{}")
    until(lambda: azure.count("entra.token"), "the token is asked for")
    caller.close()
    until(lambda: one.gateway.ended(reason="caller_gone") == 1, "the caller is gone")
    one.assert_scores()
    assert len(one.upstream.requests) == 1


def test_k16_stopping_while_a_token_is_fetched(entra, azure):
    fault = azure.fault("entra.token", times=None, delay=30)
    one = entra()
    until(lambda: azure.count("entra.token") and fault, "the token is asked for")
    began = time.monotonic()
    assert one.gateway.stop() == 0
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("kind", ["Key", "AMLToken"])
def test_the_management_token_is_renewed_when_it_is_refused(world, azure, kind):
    """ARM's 401 is answered with a new token, once."""
    azure.fault("arm.endpoint", status=401)
    one = world(auth_mode=kind, route={}).ready()
    one.assert_scores()
    assert azure.count("arm.endpoint") == 2 and azure.count("entra.token") == 2


def test_imds_that_is_not_there_yet(world, azure):
    azure.identity(system=True)
    azure.fault("imds.token", times=1, drop="reset")
    azure.fault("imds.token", times=1, status=500)
    one = world(identity={"type": "managed"})
    until(lambda: one.post().status == 200, "it comes", 20)
    assert azure.peak("imds.token") <= 2, "one at a time for each resource"


def test_times_of_the_services_clock(entra, azure):
    """Azure's clock is an hour ahead of ours: absolute times are read against its Date."""
    azure.skew = 3600
    one = entra().ready()
    assert 3000 < one.credential("identity:app")["expires_in_s"] <= 3600


@pytest.mark.parametrize("skew", [3600, -3600])
def test_times_of_the_services_clock_for_endpoint_tokens(world, azure, skew):
    azure.skew = skew
    azure.endpoint_lifetime, azure.endpoint_refresh_after = 600, 300
    one = world(auth_mode="AMLToken", route={}).ready()
    one.assert_scores()
    assert 550 < one.credential("route:/score:token")["expires_in_s"] <= 600
