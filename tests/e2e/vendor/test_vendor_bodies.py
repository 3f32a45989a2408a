# SPDX-License-Identifier: MIT
"""Bodies of every kind between a caller and Microsoft's scoring server: see bodies_score.py for
what the script makes of them, and text_score.py for JSON in JSON."""

import gzip
import hashlib
import json
import random
import socket
import struct
import urllib.parse
import zlib

import pytest
from lib.config import key_auth
from lib.wait import until
from servers import DATA, KEY

pytestmark = pytest.mark.xdist_group("vendor")
ROWS = json.loads((DATA / "sample-request.json").read_bytes())["data"]
JSON = ("Content-Type", "application/json")


@pytest.fixture
def gate(vendor, gateway):
    return gateway([
        {"path": "/bodies", "scoring_uri": vendor.url("/bodies/score"), "auth": key_auth(KEY)},
        {"path": "/text", "scoring_uri": vendor.url("/text/score"), "auth": key_auth(KEY)},
        {"path": "/opened", "scoring_uri": vendor.url("/text/score"), "auth": key_auth(KEY),
         "unwrap_json": True}])


@pytest.fixture
def caller(gate):
    return gate.client()


# Images

def png(width, height, pixels):
    def part(kind, content):
        return (struct.pack(">I", len(content)) + kind + content
                + struct.pack(">I", zlib.crc32(kind + content)))

    rows = b"".join(b"\0" + pixels[y * width:(y + 1) * width] for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head)
            + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b""))


def test_an_image_is_answered_with_an_image(caller):
    pixels = random.Random(5).randbytes(64 * 48)
    answer = caller.post("/bodies?do=image", png(64, 48, pixels), [("Content-Type", "image/png")])
    assert (answer.status, answer.phrase) == (201, "Created")
    assert answer.headers["content-type"] == "image/x-portable-graymap"
    assert answer.headers["x-image-size"] == "64x48"
    assert answer.headers["content-disposition"] == 'attachment; filename="negative.pgm"'
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.body == b"P5 64 48 255\n" + bytes(255 - pixel for pixel in pixels)


def test_the_type_of_an_image_is_the_callers(caller):
    answer = caller.post("/bodies?do=image", png(1, 1, b"x"), [("Content-Type", "image/gif")])
    assert (answer.status, answer.headers["accept-post"]) == (415, "image/png")


# The query

def test_the_model_answers_a_get(caller):
    predictions = [caller.get(f"/bodies?do=predict&row={','.join(map(str, row))}").json()
                   for row in ROWS]
    assert [p["prediction"] for p in predictions] == pytest.approx([217.67980824, 224.78900904],
                                                                   abs=0.001)


# Compressed

@pytest.mark.parametrize("accepted", ["gzip", "gzip, deflate, br;q=0.5", None])
def test_what_is_compressed_stays_so(caller, vendor, accepted):
    body = gzip.compress(b'{"data": [[1, 2, 3]]}')
    fields = [JSON, ("Content-Encoding", "gzip")]
    fields += [("Accept-Encoding", accepted)] if accepted else []
    answer = caller.post("/bodies?do=packed", body, fields)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert json.loads(gzip.decompress(answer.body)) == {
        "asked": {"data": [[1, 2, 3]]}, "accepted": accepted}
    direct = vendor.direct("POST", "/score?do=packed", fields, body, server="bodies")
    assert answer.body == direct.body


# Large

def test_megabytes_both_ways(caller):
    body = random.Random(8).randbytes(8 << 20)
    answer = caller.post("/bodies?do=reverse", body, [("Content-Type", "application/octet-stream")])
    assert answer.headers["x-body-sha256"] == hashlib.sha256(body).hexdigest()
    assert answer.body == body[::-1]


# Answers that the script makes itself

@pytest.mark.parametrize("status", [400, 403, 404, 409, 418, 422, 451, 500, 502, 504])
def test_errors_of_the_script_pass(caller, status):
    answer = caller.post(f"/bodies?do=fail&status={status}", b"{}")
    assert answer.status == status
    assert answer.body == b"the model says %d" % status
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["x-model-reason"] == "out of range"
    assert answer.headers["retry-after"] == "17"
    assert answer.headers["x-ms-run-function-failed"] == str(status >= 500)
    assert "proxy-status" not in answer.headers


# Events

class Beat:
    """The test's end of the connection on which the script is told when to send the next event."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(10)
        self.port = self._listener.getsockname()[1]
        self._link = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()
        if self._link:
            self._link.close()

    def next(self):
        if not self._link:
            self._link, _ = self._listener.accept()
            self._link.settimeout(10)
        self._link.sendall(b".")

    def last(self):
        self._link.shutdown(socket.SHUT_WR)

    def script_is_over(self):
        """Asks for one event after the other until nobody is there to make it."""
        try:
            self._link.sendall(b".")
            self._link.setblocking(False)
            return self._link.recv(1) == b""
        except BlockingIOError:
            return False
        except ConnectionError:
            return True


def test_events_come_as_the_script_makes_them(caller):
    """It makes the next one only when the caller has had the last."""
    with Beat() as beat:
        caller.send_request("GET", f"/bodies?do=events&port={beat.port}",
                            [("Accept", "text/event-stream")])
        beat.next()
        answer = caller.read_head()
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        for number in range(5):
            assert caller.reader.chunk() == b"id: %d\ndata: event %d\n\n" % (number, number)
            if number < 4:
                beat.next()
        beat.last()
        assert caller.read_body(answer).body == b"data: [DONE]\n\n"
    assert caller.get(f"/bodies?do=predict&row={','.join(map(str, ROWS[0]))}").status == 200


def test_a_script_is_stopped_when_its_caller_goes(gate, caller):
    with Beat() as beat:
        caller.send_request("GET", f"/bodies?do=events&port={beat.port}")
        beat.next()
        caller.read_head()
        assert caller.reader.chunk()
        caller.close()
        until(beat.script_is_over, "the end of the script")
    until(lambda: gate.ended(reason="caller_gone") == 1, "the log of it")


# JSON in JSON

def ask(caller, route, text, **more):
    return caller.get(f"{route}?" + urllib.parse.urlencode({"text": text, **more}))


def wire(text):
    """TEXT as the server encodes it."""
    return json.dumps(text).encode()


def test_json_in_json_passes_as_it_is(caller, vendor):
    body = b'{"data": [[1, 2, 3], [4, 5, 6]]}'
    answer = caller.post("/text", body)
    assert answer.body == rb'"{\"result\": [6, 15]}"'
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == vendor.direct("POST", "/score", [JSON], body, server="text").body
    assert json.loads(answer.json()) == {"result": [6, 15]}


def test_unwrap_json_opens_it(caller):
    answer = caller.post("/opened", b'{"data": [[1, 2, 3], [4, 5, 6]]}')
    assert answer.status == 200
    assert answer.body == b'{"result": [6, 15]}'
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-ms-run-function-failed"] == "False"
    assert caller.post("/opened", b'{"data": [[1]]}').body == b'{"result": [1]}'


@pytest.mark.parametrize("text", [
    "[1, 2]", "{}", " [ ] ", '{"é": "日本 \\u00e9", "quote": "\\"", "line": "a\\nb"}',
    '{"a": "{\\"b\\": 1}"}'])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_unwrap_json_opens_objects_and_arrays(caller, text, framing):
    """Once: a string within stays one."""
    answer = ask(caller, "/opened", text, framing=framing)
    assert answer.body == text.encode()
    assert answer.headers["content-length"] == str(len(answer.body))
    assert "transfer-encoding" not in answer.headers


def test_unwrap_json_opens_large_results(caller):
    answer = caller.post("/opened", json.dumps({"data": [[n] for n in range(200_000)]}).encode())
    assert answer.body == json.dumps({"result": list(range(200_000))}).encode()
    assert answer.headers["content-length"] == str(len(answer.body))


@pytest.mark.parametrize("text", [
    "hello", "", "42", "null", "true", '"[1]"', "{not json}", '{"a": 1', "[1] 2", "[01]",
    "{'a': 1}"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_unwrap_json_leaves_other_strings(caller, text, framing):
    answer = ask(caller, "/opened", text, framing=framing)
    assert (answer.status, answer.body) == (200, wire(text))
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [400, 422, 500])
def test_unwrap_json_leaves_errors(caller, status):
    answer = ask(caller, "/opened", "[1, 2]", status=status)
    assert (answer.status, answer.body) == (status, wire("[1, 2]"))


@pytest.mark.parametrize("kind, opened", [
    ("application/json; charset=utf-8", True), ("application/vnd.model+json", True),
    ("text/plain; charset=utf-8", False), ("application/octet-stream", False)])
def test_unwrap_json_goes_by_the_type(caller, kind, opened):
    answer = ask(caller, "/opened", "[1, 2]", status=201, type=kind)
    assert (answer.status, answer.headers["content-type"]) == (201, kind)
    assert answer.body == (b"[1, 2]" if opened else wire("[1, 2]"))


def test_unwrap_json_leaves_what_is_compressed(caller):
    """The script does so although it is asked not to."""
    answer = ask(caller, "/opened", "[1, 2]", encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(answer.body) == wire("[1, 2]")


def test_unwrap_json_and_head(gate, caller):
    """A length that it tells is that of the answer to GET."""
    target = "/opened?" + urllib.parse.urlencode({"text": "[1, 2]"})
    head = gate.client().request("HEAD", target)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == "application/json"
    assert head.headers.get("content-length") in (None, "6")
    assert caller.get(target).body == b"[1, 2]"
