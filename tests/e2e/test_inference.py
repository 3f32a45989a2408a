# SPDX-License-Identifier: MIT
"""The endpoint of tests/azure that scores keeps to Azure's rule of requests at once, tells the truth
about what it saw, and fails as it is told."""

import ssl
import threading

import pytest

from azure import Inference
from lib.client import Client
from lib.message import Closed
from lib.wait import until

REASON = "ms-azureml-model-error-reason"


@pytest.fixture
def inference():
    """inference(settings): an Inference without TLS."""
    made = []

    def make(**settings):
        made.append(Inference(**settings))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def post(caller, identifier=None, **headers):
    if identifier:
        headers["x-ms-client-request-id"] = identifier
    return caller.post("/score", headers=headers, body=b'{"data": []}')


def begin(one, n, **more):
    """N callers that have sent a request each."""
    callers = [Client(port=one.port) for _ in range(n)]
    for i, caller in enumerate(callers):
        caller.send_request("POST", "/score", {"x-ms-client-request-id": f"r{i}", **more}, b"{}")
    return callers


def statuses(callers):
    found = [caller.read_answer().status for caller in callers]
    for caller in callers:
        caller.close()
    return found


def test_a_request_is_scored_and_remembered(inference):
    one = inference(service_ms=1)
    with Client(port=one.port) as caller:
        answer = post(caller, "first")
        assert (answer.status, answer.body) == (200, b"[1, 2]")
        assert answer.headers["azureml-model-deployment"] == "blue"
        caller.send(b"POST /score HTTP/1.1\r\nHost: h\r\nx-ms-client-request-id: second\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
        assert caller.read_answer().status == 200
    seen = one.requests()
    assert [(r.id, r.target, r.deployment, r.status) for r in seen] == [
        ("first", "/score", "blue", 200), ("second", "/score", "blue", 200)]
    assert all(r.ended - r.arrived >= 0.001 for r in seen)
    figures = one.figures()
    assert (figures.statuses, figures.peak, figures.connections) == ({"200": 2}, 1, 1)
    one.begin()
    assert one.figures().statuses == {} and one.requests() == []


def test_the_rule(inference):
    """2 x max_concurrent x instances; the next one is answered 429 at once, with an empty text."""
    one = inference(deployments={"blue": {"capacity": 3, "max_concurrent": 2}}, enforce="endpoint",
                    service_ms=60000)
    callers = begin(one, 12)
    until(lambda: one.figures().in_flight == 12, "all places are taken")
    with Client(port=one.port) as caller:
        answer = post(caller)
        assert (answer.status, answer.body) == (429, b"")
        assert answer.headers["content-type"] == "text/plain"
        assert answer.headers[REASON] == "too_many_pending_request"
    one.set(service_ms=0)
    callers.pop().close()  # who goes frees his place
    until(lambda: one.figures().abandoned == 1, "it is seen")
    with Client(port=one.port) as caller:
        assert post(caller).status == 200
    figures = one.figures()
    assert (figures.peak, figures.limit, figures.too_many) == (12, 12, 1)
    for caller in callers:
        caller.close()


def test_scaling_and_traffic(inference):
    both = {"blue": {"capacity": 1}, "green": {"capacity": 2}}
    one = inference(enforce="endpoint", deployments=both)
    assert one.figures().limit == 2
    one.set(traffic={"blue": 90, "green": 10})
    assert one.figures().limit == 6
    one.set(traffic={"blue": 0, "green": 100}, deployments={**both, "green": {"capacity": 1}})
    assert one.figures().limit == 2
    with Client(port=one.port) as caller:
        assert {post(caller).headers["azureml-model-deployment"] for _ in range(20)} == {"green"}
        pinned = post(caller, **{"azureml-model-deployment": "blue"})
        assert pinned.headers["azureml-model-deployment"] == "blue"
        one.set(traffic={})
        assert post(caller).status == 404


def test_each_deployment_may_have_its_own_limit(inference):
    one = inference(enforce="deployment", service_ms=60000, traffic={"blue": 50, "green": 50},
                    deployments={"blue": {"capacity": 1}, "green": {"capacity": 5}})
    callers = begin(one, 2, **{"azureml-model-deployment": "blue"})
    until(lambda: one.figures().in_flight == 2, "blue is full")
    with Client(port=one.port) as caller:
        assert post(caller, **{"azureml-model-deployment": "blue"}).status == 429
    more = begin(one, 3, **{"azureml-model-deployment": "green"})
    until(lambda: one.figures().in_flight == 5, "green is not")
    for caller in callers + more:
        caller.close()


def test_half_of_them_may_wait(inference):
    """As in Azure: an instance works on max_concurrent, and lets as many wait."""
    one = inference(enforce="endpoint", queueing=True, service_ms=50)
    callers = begin(one, 2)
    assert statuses(callers) == [200, 200]
    first, second = one.requests()
    assert second.ended - first.arrived >= 0.1 and second.ended > first.ended


def test_how_busy_it_was(inference):
    one = inference(enforce="endpoint", service_ms=100)
    assert statuses(begin(one, 2)) == [200, 200]
    figures = one.figures()
    assert 0.05 < figures.full_s < figures.elapsed_s and 0 < figures.busy < 1
    assert figures.at_s[2] == pytest.approx(figures.full_s, abs=0.001)
    assert sum(figures.at_s.values()) == pytest.approx(figures.elapsed_s, abs=0.001)


def test_it_bears_200_callers(inference):
    one = inference(enforce="endpoint", deployments={"blue": {"capacity": 100}}, service_ms=[1, 5])
    wrong = []

    def run():
        with Client(port=one.port) as caller:
            wrong.extend(a for a in (post(caller) for _ in range(10)) if a.status != 200)

    threads = [threading.Thread(target=run) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    figures = one.figures()
    assert not wrong and figures.statuses == {"200": 2000} and figures.connections == 200


@pytest.mark.parametrize("kind, status, reason", [
    ("unavailable", 503, None), ("not-ready", 424, "model_not_ready"), ("no-deployment", 404, None),
    ("too-many", 429, "too_many_pending_request"), ("model-error", 424, "model_error")])
def test_answers_on_purpose(inference, kind, status, reason):
    one = inference()
    one.fault(kind, times=2)
    with Client(port=one.port) as caller:
        answers = [post(caller) for _ in range(3)]
    assert [a.status for a in answers] == [status, status, 200]
    assert answers[0].headers.get(REASON) == reason


def test_faults_follow_each_other(inference):
    one = inference()
    one.fault("unavailable", seconds=0.1)
    one.fault("not-ready", seconds=0.1)
    one.fault("answer", times=1, status=418, headers={"Retry-After": "1"}, body="tea")
    seen = []
    with Client(port=one.port) as caller:
        def score():
            answer = post(caller)
            seen.append(answer.status)
            return answer.status == 200
        until(score, "it serves")
    assert sorted(set(seen), key=seen.index) == [503, 424, 418, 200]
    one.fault("unavailable")
    one.clear()
    with Client(port=one.port) as caller:
        assert post(caller).status == 200
    with pytest.raises(ValueError):
        one.fault("unheard-of")


@pytest.mark.parametrize("kind", ["reset", "lost", "cut"])
def test_answers_that_do_not_come(inference, kind):
    one = inference()
    one.fault(kind, times=1)
    with Client(port=one.port) as caller, pytest.raises((Closed, ConnectionError)):
        post(caller, "r")
    assert [(r.id, r.status) for r in one.requests()] == [("r", kind)]
    assert one.figures().in_flight == 0


def test_refusing_connections(inference):
    one = inference()
    with Client(port=one.port) as caller:
        assert post(caller).status == 200
        one.listen(False)
        with pytest.raises((Closed, ConnectionError)):
            post(caller)
        with pytest.raises(ConnectionRefusedError):
            Client(port=one.port)
    one.listen()
    with Client(port=one.port) as caller:
        assert post(caller).status == 200
    one.refuse(0.2)
    with pytest.raises(ConnectionRefusedError):
        Client(port=one.port)

    def listens():
        try:
            return Client(port=one.port)
        except ConnectionRefusedError:
            return None
    until(listens, "it listens").close()


def test_killed_and_started_again(inference):
    one = inference(body="[3]")
    one.set(body="[4]")
    port = one.port
    caller = Client(port=port)
    assert post(caller).body == b"[4]"
    one.kill()
    with pytest.raises((Closed, ConnectionError)):
        post(caller)
    one.start()
    assert one.port == port
    with Client(port=port) as again:
        assert post(again).body == b"[4]"


def test_over_tls_as_azure_describes_it(azure, certs):
    workspace = azure.workspace("ws")
    churn = workspace.endpoint("churn")
    blue = churn.deployment("blue", capacity=2, max_concurrent=3)
    with Inference(certs.good, enforce="endpoint") as one:
        one.follow(churn)
        assert churn.scoring_uri == one.url("/score") and one.figures().limit == 12
        blue.scale(1)
        assert one.figures().limit == 6
        churn.deployment("green")
        churn.shift(blue=50, green=50)
        assert one.figures().limit == 8
        churn.undeploy("green")
        assert one.figures().limit == 6 and churn.traffic == {"blue": 50}
        context = ssl.create_default_context(cafile=str(certs.ca))
        caller = Client(port=one.port)
        caller.socket = context.wrap_socket(caller.socket, server_hostname="localhost")
        assert post(caller).status == 401
        assert post(caller, Authorization=f"Bearer {churn.keys.primary}").status == 200
        one.drop()
        with pytest.raises((Closed, ConnectionError, ssl.SSLError)):
            post(caller)
        caller.close()
