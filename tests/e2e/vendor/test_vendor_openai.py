# SPDX-License-Identifier: MIT
"""OpenAI's own client, npm's openai, through the gateway to Azure OpenAI and to a serverless
endpoint, for which openai_service.py stands in. The client has a key that opens nothing."""

import json
import os
import subprocess

import pytest
from clients import clients_directory, node
from lib.config import key_auth
from lib.wait import until
from openai_service import REPLY, Service

KEY = "openaiKey0PrimaryCANARY4k2m"
HELLO = [{"role": "user", "content": "Hello?"}]


class Asked:
    """The client while it runs, with what it was asked."""

    def __init__(self, tmp, **asked):
        clean = {n: v for n, v in os.environ.items()
                 if not n.startswith(("OPENAI_", "AZURE_")) and not n.lower().endswith("_proxy")}
        self._process = subprocess.Popen(
            [str(c) for c in node("client_openai.mjs")], cwd=clients_directory(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**clean, "HOME": str(tmp)})
        self._process.stdin.write(json.dumps(asked))
        self._process.stdin.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()
        self._process.stderr.close()

    def line(self):
        said = self._process.stdout.readline()
        assert said, self._process.stderr.read()
        return json.loads(said)

    def lines(self):
        """All that it still says, until it ends well."""
        said = [json.loads(line) for line in self._process.stdout]
        assert self._process.wait(30) == 0, self._process.stderr.read()
        return said


class Kind:
    """A kind of endpoint with a gateway in front: its Service, and how its client is made."""

    def __init__(self, name, tmp, gateway, upstream, key=KEY):
        self.service = Service("serverless" if name == "serverless" else "openai", KEY)
        self.upstream = upstream(self.service)
        if name == "serverless":
            route = {"path": "/llama", "scoring_uri": self.upstream.url("/v1"),
                     "auth": key_auth(key)}
        else:
            route = {"path": "/openai", "scoring_uri": self.upstream.url("/openai"),
                     "auth": key_auth(key, header="api-key", prefix="")}
        self.gateway = gateway([{**route, "subpaths": True}])
        self._tmp, self._client = tmp, "azure" if name == "azure" else "openai"
        self._url = self.gateway.url(
            {"azure": "", "v1": "/openai/v1", "serverless": "/llama"}[name])

    def asked(self, *questions):
        return Asked(self._tmp, client=self._client, url=self._url, questions=questions)

    def ask(self, *questions):
        """What comes of each."""
        with self.asked(*questions) as client:
            return client.lines()


def chat(content="Hello?", model="gpt", **options):
    return {"do": "chat", "options": {
        "model": model, "messages": [{"role": "user", "content": content}], **options}}


def stream(**more):
    return {"do": "stream", **more, "options": {
        "model": "gpt", "messages": HELLO, "stream_options": {"include_usage": True}}}


@pytest.fixture(params=["azure", "v1", "serverless"])
def kind(request, tmp_path, gateway, upstream):
    return Kind(request.param, tmp_path, gateway, upstream)


def test_chat_and_embeddings(kind):
    """The client asks for embeddings in base64."""
    said = kind.ask(chat(temperature=0.2), {"do": "embed", "options": {
        "model": "embed", "input": ["one", "three"]}})
    assert said == [{"content": "".join(REPLY), "usage": 14, "filter": 0,
                     "request": Service.REQUEST_ID}, [[3, 0.5, -1.25], [5, 0.5, -1.25]]]
    (path, asked), (other_path, embed) = kind.service.asked
    assert path.endswith("/chat/completions") and other_path.endswith("/embeddings")
    assert asked == {"model": "gpt", "messages": HELLO, "temperature": 0.2}
    assert embed["encoding_format"] == "base64"


def test_a_stream_comes_as_it_is_sent(kind):
    """The next piece is sent when the client has told of the last."""
    kind.service.paced = True
    with kind.asked(stream()) as client:
        for piece in [None, "", *REPLY, None]:
            kind.service.next()
            assert client.line() == {"delta": piece}
        kind.service.next()
        assert client.lines() == [{"delta": None, "usage": 14}, {"over": "ended"}]


def test_a_stream_that_the_client_aborts(kind):
    kind.service.paced = True
    with kind.asked(stream(abort_at=REPLY[1])) as client:
        for piece in [None, "", *REPLY[:2]]:
            kind.service.next()
            assert client.line() == {"delta": piece}
        assert client.lines() == [{"over": "aborted"}]
    until(lambda: kind.gateway.ended(reason="caller_gone") == 1, "the log of it")

    def sends():
        kind.service.next()
        return kind.upstream.sessions[0].gone.is_set()

    until(sends, "the end of the stream upstream")


def test_errors_are_those_of_the_service(kind):
    expected = [
        (chat("violence"), {"error": "BadRequestError", "status": 400, "code": "content_filter",
                            "filtered": True}),
        (chat(model="gpt-9"), {"error": "NotFoundError", "status": 404,
                               "code": "DeploymentNotFound"}),
        (chat("too many"), {"error": "RateLimitError", "status": 429, "code": "429",
                            "retry_after": "60"}),
        (chat(logit=1), {"error": "BadRequestError", "status": 400,
                         "message": "400 Unrecognized request argument supplied: logit"})]
    for said, (_, error) in zip(kind.ask(*(question for question, _ in expected)), expected,
                                strict=True):
        assert said | error == said


@pytest.mark.parametrize("kind", ["v1"], indirect=True)
def test_the_list_of_models(kind):
    assert kind.ask({"do": "models"}) == [["gpt", "embed"]]


def test_a_key_that_is_refused(tmp_path, gateway, upstream):
    one = Kind("azure", tmp_path, gateway, upstream, key="anotherKeyCANARY")
    [said] = one.ask(chat())
    assert (said["error"], said["status"]) == ("InternalServerError", 502)
    assert one.service.asked == []


@pytest.mark.parametrize("kind", ["azure"], indirect=True)
def test_the_keys_of_clients_stay_here(kind):
    """Whatever they show; the service refuses all but the route's."""
    for fields in ([("api-key", "mine")], [("Authorization", "Bearer mine")],
                   [("Api-Key", "mine"), ("authorization", "mine"), ("Cookie", "a=mine"),
                    ("X-Api-Key", "mine"), ("Ocp-Apim-Subscription-Key", "mine")]):
        answer = kind.gateway.client().post(
            "/openai/deployments/gpt/chat/completions?api-version=2024-10-21",
            json.dumps({"messages": HELLO}).encode(),
            [("Content-Type", "application/json"), *fields])
        assert answer.status == 200
    assert all("mine" not in str(request.headers) for request in kind.upstream.requests)
