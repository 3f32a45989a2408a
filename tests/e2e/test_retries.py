# SPDX-License-Identifier: MIT
"""Requests that are sent again, where the endpoint cannot have acted on them or says so, and those that
are not."""

import re
import time

import pytest

from lib.crowd import Crowd
from lib.problem import assert_problem
from lib.upstream import Response, ScriptedUpstream, closed_port
from lib.wait import until

ID = "x-ms-client-request-id"
REASON = "ms-azureml-model-error-reason"
MODEL_STATUS = "ms-azureml-model-error-statuscode"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

NOT_READY = Response(424, ((REASON, "model_not_ready"),), b"starting")
TOO_MANY = Response(429, ((REASON, "too_many_pending_request"),), b"too many")
SOON = ("Retry-After", "0")


def model_error(status, *headers):
    return Response(424, ((REASON, "model_error"), (MODEL_STATUS, str(status)), *headers), b"failed")


class First:
    """A handler that gives ANSWERS in turn, then the body back."""

    def __init__(self, *answers):
        self.answers, self.times = list(answers), []

    def __call__(self, request):
        self.times.append(time.monotonic())
        return self.answers.pop(0) if self.answers else Response(200, (), request.body)


def retries(gate, reason):
    return gate.metric("scoregate_retries_total", route="/score", reason=reason)


def assert_same_request(requests, n):
    """The upstream had N, which differ in nothing."""
    assert len(requests) == n
    assert len({(r.method, r.target, r.body, tuple(r.headers)) for r in requests}) == 1, requests


# What the endpoint says

AGAIN = {
    "429": ("POST", TOO_MANY),
    "429 of a GET": ("GET", TOO_MANY),
    "503 with Retry-After": ("POST", Response(503, (SOON,))),
    "503 of a GET": ("GET", Response(503)),
    "424 before the model has it": ("POST", NOT_READY),
    "424 of too many": ("POST", Response(424, ((REASON, "too_many_pending_request"),))),
    "424 of a model that said 429": ("POST", model_error(429)),
    "424 of a model that said 503, and when": ("POST", model_error(503, SOON)),
    "424 of a model that said 503 to a GET": ("GET", model_error(503)),
}


@pytest.mark.parametrize("method, answer", AGAIN.values(), ids=AGAIN)
def test_sent_again(serve, method, answer):
    gate, up = serve(handler=First(answer, answer))
    body = b'{"data": [1]}' if method == "POST" else None
    reply = gate.client().request(method, "/score", [("Content-Type", "application/json")], body)
    assert (reply.status, reply.body) == (200, body or b""), reply
    assert_same_request(up.requests, 3)
    assert retries(gate, "status") == 2


ONCE = {
    "503 that may have been acted on": ("POST", Response(503, (), b"busy")),
    "424 of a model that failed": ("POST", model_error(500)),
    "424 of a model that failed, to a GET": ("GET", model_error(500)),
    "424 of a model that said 503": ("POST", model_error(503)),
    "408": ("GET", Response(408)),
    "500": ("GET", Response(500)),
    "502": ("GET", Response(502)),
    "504": ("GET", Response(504)),
}


@pytest.mark.parametrize("method, answer", ONCE.values(), ids=ONCE)
def test_sent_once(serve, method, answer):
    gate, up = serve(handler=First(answer))
    reply = gate.client().request(method, "/score", (), b"{}" if method == "POST" else None)
    assert (reply.status, reply.body) == (answer.status, answer.body)
    assert reply.headers.get(REASON) == dict(answer.headers).get(REASON)
    assert len(up.requests) == 1 and retries(gate, "status") == 0


def test_a_status_that_the_operator_says(serve):
    gate, up = serve(handler=First(Response(504), Response(504)), idempotent=True,
                     retry={"statuses": [504]})
    assert gate.client().post("/score").status == 200
    assert_same_request(up.requests, 3)
    gate, up = serve(handler=First(Response(504)), retry={"statuses": [504]})
    assert gate.client().post("/score").status == 504, "it may have been acted on"


def test_retry_after_is_kept(serve):
    first = First(Response(429, (("Retry-After", "1"),)))
    gate, _ = serve(handler=first)
    assert gate.client().post("/score").status == 200
    assert 1.0 <= first.times[1] - first.times[0] < 3


def test_what_would_come_too_late_is_not_waited_for(serve):
    """The caller hears at once what the endpoint said."""
    gate, up = serve(handler=First(Response(429, (("Retry-After", "5"),), b"later")),
                     total_timeout_ms=3000)
    began = time.monotonic()
    reply = gate.client().post("/score")
    assert (reply.status, reply.body, reply.headers["retry-after"]) == (429, b"later", "5")
    assert time.monotonic() - began < 2 and len(up.requests) == 1


def test_attempts(serve):
    gate, up = serve(handler=lambda r: TOO_MANY, retry={"attempts": 3, "backoff_ms": 10})
    reply = gate.client().post("/score")
    assert (reply.status, reply.body) == (429, b"too many"), "the last answer is the caller's"
    assert_same_request(up.requests, 3)


def test_never(serve):
    gate, up = serve(handler=First(TOO_MANY), retry={"attempts": 1})
    assert gate.client().post("/score").status == 429
    assert len(up.requests) == 1


def test_a_body_above_replay_bytes_is_sent_once(serve):
    gate, up = serve(handler=First(TOO_MANY, TOO_MANY), replay_bytes=1000)
    caller = gate.client()
    assert caller.post("/score", bytes(1001)).status == 429
    assert len(up.requests) == 1
    assert caller.post("/score", bytes(1000)).body == bytes(1000)
    assert len(up.requests) == 3


def test_back_off_with_jitter(serve):
    first = First(*[TOO_MANY] * 3)
    gate, _ = serve(handler=first, retry={"backoff_ms": 200, "max_backoff_ms": 300})
    assert gate.client().post("/score").status == 200
    waits = [b - a for a, b in zip(first.times, first.times[1:])]
    for wait, most in zip(waits, (0.2, 0.3, 0.3)):
        assert most / 10 <= wait < most + 0.3, waits


# What becomes of connections

def test_an_endpoint_that_restarts(gateway, upstream, certs):
    """It refuses connections until it is back; nothing was sent, so a POST goes again, too."""
    with closed_port() as closed:
        port = closed.getsockname()[1]
        gate = gateway([{"path": "/score", "scoring_uri": f"https://127.0.0.1:{port}/score",
                         "retry": {"attempts": 20, "backoff_ms": 100, "max_backoff_ms": 500},
                         "breaker": {"failures": 0}}])
        crowd = Crowd(gate, 4, times=1)
        until(lambda: retries(gate, "connection") >= 8, "each has tried again")
    up = ScriptedUpstream(tls=certs.good, port=port)
    with up:
        assert all(o.status == 200 for o in crowd.join())
        assert len(up.requests) == 4


def test_an_endpoint_that_does_not_come_back(gateway):
    with closed_port() as closed:
        gate = gateway([{"path": "/score", "retry": {"attempts": 3, "backoff_ms": 10},
                         "scoring_uri": f"https://127.0.0.1:{closed.getsockname()[1]}/score"}])
        assert_problem(gate.client().post("/score"), "connection_refused")
        assert retries(gate, "connection") == 2


def reads_all_and_closes(s):
    s.rxreq()
    s.close()


def answers_once_then_closes(s):
    """Its second request is read as a whole, and not answered."""
    s.rxreq()
    s.txresp(200)
    s.rxreq()
    s.close()


@pytest.mark.parametrize("end", ["close", "rst"])
def test_a_post_that_may_have_been_acted_on_is_sent_once(serve, end):
    def script(s):
        s.rxreq()
        getattr(s, end)()
    gate, up = serve(script)
    assert_problem(gate.client().post("/score", b"pay"), "connection_closed")
    assert [r.body for r in up.requests] == [b"pay"] and up.accepted == 1


def test_a_post_on_a_connection_in_use_that_may_have_been_acted_on(serve):
    gate, up = serve(answers_once_then_closes)
    caller = gate.client()
    assert caller.post("/score", b"first").status == 200
    assert_problem(caller.post("/score", b"pay"), "connection_closed")
    assert [r.body for r in up.requests] == [b"first", b"pay"]


def test_a_get_goes_again(serve):
    gate, up = serve([reads_all_and_closes, answers_once_then_closes])
    assert gate.client().get("/score").status == 200
    assert_same_request(up.requests, 2)


def test_a_post_goes_again_on_the_operators_word(serve):
    gate, up = serve([reads_all_and_closes, answers_once_then_closes], idempotent=True)
    assert gate.client().post("/score", b"look").status == 200
    assert_same_request(up.requests, 2)


def test_posts_under_load_while_answers_are_lost(gateway, inference):
    """Each request that was scored and then lost is told of, and was scored once."""
    endpoint = inference(service_ms=2, enforce=None)
    gate = gateway([{"path": "/score", "scoring_uri": endpoint.url()}], workers=2)
    crowd = Crowd(gate, 16)
    for _ in range(10):
        crowd.wait(40)
        endpoint.fault("lost", times=2)
    crowd.wait(100)
    outcomes = crowd.stop()
    seen = [r.id for r in endpoint.requests()]
    assert len(seen) == len(set(seen)), "a POST was sent twice"
    lost = {r.id for r in endpoint.requests() if r.status == "lost"}
    assert len(lost) == 20
    assert {o.id for o in outcomes if o.status == 502} == lost
    assert all(o.status == 200 for o in outcomes if o.id not in lost)


def test_gets_under_load_while_connections_break(gateway, inference):
    endpoint = inference(service_ms=2, enforce=None)
    gate = gateway([{"path": "/score", "scoring_uri": endpoint.url(), "breaker": {"failures": 0}}],
                   workers=2)
    crowd = Crowd(gate, 16, method="GET")
    for kind in ("lost", "reset", "lost", "reset"):
        crowd.wait(100)
        endpoint.fault(kind, times=4)
    crowd.wait(100)
    crowd.stop()
    crowd.assert_all_fine()
    assert gate.metric("scoregate_retries_total", route="/score", reason="connection") >= 16


# What keeps retries from making it worse

def test_the_budget(serve):
    """Of a down endpoint's load a fifth is added, besides ten to begin with and one per second."""
    gate, up = serve(handler=lambda r: TOO_MANY, retry={"attempts": 4, "backoff_ms": 1})
    began = time.monotonic()
    with gate.client() as caller:
        assert {caller.post("/score").status for _ in range(300)} == {429}
    seconds = time.monotonic() - began
    repeated = len(up.requests) - 300
    assert 60 <= repeated <= 60 + 10 + seconds + 1, repeated
    assert retries(gate, "status") == repeated


def test_no_budget(serve):
    gate, up = serve(handler=lambda r: TOO_MANY, retry={"budget_percent": 0})
    assert gate.client().post("/score").status == 429
    assert len(up.requests) == 1


# Ids

def logged(gate, name):
    """The fields of the access log's line of the request NAME."""
    def find():
        lines = [line for line in gate.log().splitlines() if " request " in line and name in line]
        assert len(lines) <= 1, lines
        return lines and dict(word.split("=", 1) for word in lines[0].split() if "=" in word)
    return until(find, f"{name} is in the log")


def test_an_id_that_scoregate_gives_is_the_same_on_all_sides(serve):
    gate, up = serve(handler=First(TOO_MANY, TOO_MANY))
    reply = gate.client().post("/score")
    name = reply.headers[ID]
    assert re.fullmatch(UUID, name)
    assert [r.headers[ID] for r in up.requests] == [name] * 3
    line = logged(gate, name)
    assert (line["request_id"], line["status"], line["attempts"]) == (name, "200", "3")


def test_an_id_of_the_callers_is_the_same_on_all_sides(serve):
    gate, up = serve(handler=First(TOO_MANY))
    reply = gate.client().post("/score", b"{}", [(ID, "batch-7/row-12")])
    assert reply.headers[ID] == "batch-7/row-12"
    assert [r.headers[ID] for r in up.requests] == ["batch-7/row-12"] * 2
    line = logged(gate, "batch-7/row-12")
    assert (line["status"], line["attempts"]) == ("200", "2")
