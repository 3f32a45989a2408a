# SPDX-License-Identifier: MIT
"""What stands in for Azure OpenAI and for a serverless endpoint: a script of a ScriptedUpstream
that takes nothing which their published API does not have (paths, version, key header, body), and
answers in its shapes, streams included. OpenAI's own client judges it: test_vendor_openai.py."""

import base64
import json
import queue
import re
import struct

from lib.message import LAST_CHUNK, chunk
from lib.upstream import response_bytes

JSON = ("Content-Type", "application/json")
EVENTS = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
          b"apim-request-id: %s\r\nTransfer-Encoding: chunked\r\n\r\n")
VERSION = "2024-10-21"
SAFE = {name: {"filtered": False, "severity": "safe"}
        for name in ("hate", "self_harm", "sexual", "violence")}
CHAT = {"messages", "model", "temperature", "max_tokens", "max_completion_tokens", "stream",
        "stream_options", "user", "n", "stop", "seed", "top_p"}
EMBEDDINGS = {"input", "model", "encoding_format", "dimensions", "user"}
REPLY = ["Hello", ", ", "grüße", " 日本", "!"]


class Refused(Exception):
    def __init__(self, answer_status, code, message, headers=(), **more):
        super().__init__(message)
        self.status, self.headers = answer_status, headers
        self.error = {"code": code, "message": message, **more}


def no_resource():
    return Refused(404, "404", "Resource not found")


class Service:
    """KIND: "openai" (Azure OpenAI, with an api-key) or "serverless" (Bearer). paced: whether a
    stream sends each event only once next() was called."""

    REQUEST_ID = "7f1e3c1a-0b7a-4a5e-9f6e-1d6d0c1b2a3f"

    def __init__(self, kind, key, deployments=("gpt", "embed")):
        self._kind, self._key, self._deployments = kind, key, deployments
        self._turns, self.paced = queue.Queue(), False
        self.asked = []  # (path, body) of all that was not refused

    def next(self):
        self._turns.put(True)

    def __call__(self, s):
        while True:
            request = s.rxreq()
            try:
                self._answer(s, request)
            except Refused as refused:
                s.tx(response_bytes(refused.status, (JSON, ("apim-request-id", self.REQUEST_ID),
                                                     *refused.headers),
                                    json.dumps({"error": refused.error}).encode()))

    def _answer(self, s, request):
        self._check_key(request)
        path, _, query = request.target.partition("?")
        operation, deployment = self._find(path, query)
        if operation == "models":
            self._send(s, self._models(request))
            return
        body = self._body(request, CHAT if operation == "chat/completions" else EMBEDDINGS)
        self._check_deployment(body.get("model") if deployment is None else deployment)
        self.asked.append((path, body))
        if operation == "embeddings":
            self._send(s, self._embed(body))
        else:
            self._chat(s, body)

    def _check_key(self, request):
        """The right credential, where it belongs, and no other field that looks like one."""
        fields = {"authorization": f"Bearer {self._key}"} if self._kind == "serverless" else {
            "api-key": self._key}
        shown = {name: request.headers.all(name)
                 for name in ("authorization", "api-key", "x-api-key", "ocp-apim-subscription-key",
                              "cookie", "openai-organization") if request.headers.all(name)}
        if shown != {name: [value] for name, value in fields.items()}:
            raise Refused(401, "401", "Access denied due to invalid subscription key or wrong API "
                          "endpoint. Make sure to provide a valid key for an active subscription "
                          "and use a correct regional API endpoint for your resource.")

    def _find(self, path, query):
        """(operation, deployment or None). The older paths want the version, the newer none."""
        operations = "(chat/completions|embeddings|models)"
        old = re.fullmatch(f"/openai/deployments/([^/]+)/{operations}", path)
        new = re.fullmatch(("/v1/" if self._kind == "serverless" else "/openai/v1/") + operations,
                           path)
        if (old and old[2] != "models" and self._kind == "openai"
                and query == f"api-version={VERSION}"):
            return old[2], old[1]
        if new and query == "":
            return new[1], None
        raise no_resource()

    def _models(self, request):
        if request.method != "GET":
            raise no_resource()
        return {"object": "list", "data": [{"id": name, "object": "model", "created": 1,
                                            "owned_by": "system"} for name in self._deployments]}

    @staticmethod
    def _body(request, known):
        if request.method != "POST":
            raise no_resource()
        if request.headers.get("content-type", "").split(";")[0] != "application/json":
            raise Refused(415, "415", "Unsupported media type")
        body = json.loads(request.body)
        strange = sorted(set(body) - known)
        if strange:
            raise Refused(400, None, f"Unrecognized request argument supplied: {strange[0]}",
                          type="invalid_request_error", param=strange[0])
        return body

    def _check_deployment(self, name):
        if name not in self._deployments:
            raise Refused(404, "DeploymentNotFound", "The API deployment for this resource does "
                          "not exist. If you created the deployment within the last 5 minutes, "
                          "please wait a moment and try again.")

    def _send(self, s, document):
        s.txresp(200, (JSON, ("apim-request-id", self.REQUEST_ID)), json.dumps(document).encode())

    @staticmethod
    def _embed(body):
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        vectors = [[float(len(text)), 0.5, -1.25] for text in texts]
        if body.get("encoding_format") == "base64":
            vectors = [base64.b64encode(struct.pack("<3f", *v)).decode() for v in vectors]
        return {"object": "list", "model": "text-embedding-3-small",
                "usage": {"prompt_tokens": 5, "total_tokens": 5},
                "data": [{"object": "embedding", "index": i, "embedding": v}
                         for i, v in enumerate(vectors)]}

    def _chat(self, s, body):
        messages = body.get("messages")
        if not messages or not all({"role", "content"} <= set(m) for m in messages):
            raise Refused(400, None, "Invalid type for 'messages'", type="invalid_request_error",
                          param="messages")
        self._refuse_by_content(messages[-1]["content"])
        if body.get("stream"):
            self._stream(s, body)
        else:
            self._send(s, {
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1730011875,
                "model": "gpt-4o", "system_fingerprint": "fp_1",
                "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}],
                "choices": [{"index": 0, "finish_reason": "stop", "content_filter_results": SAFE,
                             "logprobs": None, "message": {"role": "assistant", "refusal": None,
                                                           "content": "".join(REPLY)}}],
                "usage": {"prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}})

    @staticmethod
    def _refuse_by_content(text):
        if text == "too many":
            raise Refused(429, "429", "Requests to the ChatCompletions_Create Operation have "
                          "exceeded the call rate limit. Please retry after 60 seconds.",
                          headers=(("Retry-After", "60"), ("x-ratelimit-remaining-requests", "0")))
        if text == "violence":
            raise Refused(400, "content_filter", "The response was filtered due to the prompt "
                          "triggering Azure OpenAI's content management policy.", type=None,
                          param="prompt", status=400,
                          innererror={"code": "ResponsibleAIPolicyViolation",
                                      "content_filter_result": {
                                          "violence": {"filtered": True, "severity": "medium"}}})

    def _stream(self, s, body):
        def piece(delta, finish=None, **more):
            return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1730011875,
                    "model": "gpt-4o", "system_fingerprint": "fp_1",
                    "choices": [{"index": 0, "delta": delta, "finish_reason": finish,
                                 "logprobs": None, "content_filter_results": {}}], **more}

        events = [{"id": "", "object": "", "created": 0, "model": "", "choices": [],
                   "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}]},
                  piece({"role": "assistant", "content": "", "refusal": None}),
                  *(piece({"content": text}) for text in REPLY), piece({}, "stop")]
        if body.get("stream_options", {}).get("include_usage"):
            events.append({**piece({}), "choices": [], "usage": {
                "prompt_tokens": 9, "completion_tokens": 5, "total_tokens": 14}})
        s.tx(EVENTS % self.REQUEST_ID.encode())
        for event in events:
            if self.paced:
                self._turns.get(timeout=20)
            s.tx(chunk(b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"))
        s.tx(chunk(b"data: [DONE]\n\n") + LAST_CHUNK)
