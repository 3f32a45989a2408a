# SPDX-License-Identifier: MIT
"""Server-sent events: what a listener gets, when, and how its stream ends. test_streaming.py has
what holds for every body."""

import threading
import time

import pytest

from lib.message import LAST_CHUNK, chunk
from lib.wait import until

EVENTS = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
          b"Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\nTransfer-Encoding: chunked\r\n\r\n")
# Comments, all three line ends, a field without a value, and a character that chunks cut in two.
STREAM = (b"\xef\xbb\xbf: hello\n\nretry: 3000\r\nid: 7\r\nevent: score\r\ndata: {\"n\": 1}\r\n"
          b"data: \xe2\x82\xac\r\n\r\n:\n\ndata\rid\r\rdata: [DONE]\n\n")


class Feed:
    """A script that sends what is put(), to the streams by their number, as it is put."""

    def __init__(self):
        self._changed, self._data, self.streams = threading.Condition(), {}, 0

    def put(self, number, data):
        """None ends the stream."""
        with self._changed:
            self._data.setdefault(number, []).append(data)
            self._changed.notify_all()

    def _take(self, number):
        with self._changed:
            assert self._changed.wait_for(lambda: self._data.get(number), 20), "nothing was put"
            return self._data[number].pop(0)

    def __call__(self, s):
        while True:
            number = int(s.rxreq().target.rpartition("=")[2])
            s.tx(EVENTS)
            while (data := self._take(number)) is not None:
                s.tx(chunk(data))
            s.tx(LAST_CHUNK)


@pytest.fixture
def feed():
    return Feed()


def listen(gate, number=0, **fields):
    caller = gate.client()
    caller.send_request("GET", f"/score?stream={number}", {"Accept": "text/event-stream", **fields})
    answer = caller.read_head()
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    return caller, answer


def take(caller, n):
    """The next N bytes of the stream, however they were cut."""
    got = b""
    while len(got) < n:
        got += caller.reader.chunk()
    return got


def test_a_stream_passes_byte_for_byte(serve, feed):
    gate, up = serve(feed)
    for size in (1, 7, len(STREAM)):
        for at in range(0, len(STREAM), size):
            feed.put(0, STREAM[at:at + size])
        feed.put(0, None)
        caller, answer = listen(gate, **{"Last-Event-ID": "6", "Cache-Control": "no-cache"})
        assert caller.read_body(answer).body == STREAM
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-accel-buffering"] == "no"
    for request in up.requests:
        assert request.headers["accept"] == "text/event-stream"
        assert request.headers["last-event-id"] == "6"
        assert request.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("unwrap", [False, True])
def test_events_are_not_held_back(serve, feed, unwrap):
    """Not on a route that opens JSON either, which looks at all of an answer of that type."""
    gate, _ = serve(feed, unwrap_json=unwrap)
    caller, answer = listen(gate)
    for event in (b'data: "[1]"\n\n', b": nothing yet\n\n", b"data: 2\n\n", b"\n"):
        feed.put(0, event)
        assert take(caller, len(event)) == event
    feed.put(0, None)
    assert caller.read_body(answer).body == b""


def test_comments_keep_a_stream_open(serve, feed):
    """For much longer than it may stand still."""
    gate, _ = serve(feed, idle_timeout_ms=400)
    caller, answer = listen(gate)
    end = time.monotonic() + 1.2
    while time.monotonic() < end:
        feed.put(0, b":\n\n")
        assert take(caller, 3) == b":\n\n"
        time.sleep(0.05)  # the pace of the comments
    feed.put(0, b"data: at last\n\n")
    feed.put(0, None)
    assert caller.read_body(answer).body == b"data: at last\n\n"


def test_listeners_do_not_wait_for_each_other(serve, feed):
    """One worker has them all; the last to come is served first."""
    gate, _ = serve(feed, top={"workers": 1})
    listeners = [listen(gate, n) for n in range(40)]
    for turn in range(2):
        for number in reversed(range(len(listeners))):
            event = b"data: %d for %d\n\n" % (turn, number)
            feed.put(number, event)
            assert take(listeners[number][0], len(event)) == event
    for number, (caller, answer) in enumerate(listeners):
        feed.put(number, None)
        assert caller.read_body(answer).body == b""


@pytest.mark.parametrize("how", ["close", "rst"])
def test_a_listener_that_goes_ends_its_own_stream_only(serve, feed, how):
    gate, up = serve(feed)
    (goes, _), (stays, answer) = listen(gate, 0), listen(gate, 1)
    ended = {int(head.target[-1]): up.sessions[head.connection] for head in up.heads}
    for number, caller in ((0, goes), (1, stays)):
        feed.put(number, b"data: 1\n\n")
        assert take(caller, 9) == b"data: 1\n\n"
    getattr(goes, how)()

    def sends():  # between two events the upstream listens to nobody
        feed.put(0, b": are you there?\n\n")
        return ended[0].gone.is_set()

    until(sends, "the end of the stream")
    until(lambda: gate.ended(reason="caller_gone") == 1, "the log of it")
    assert not ended[1].gone.is_set()
    feed.put(1, b"data: 2\n\n")
    feed.put(1, None)
    assert stays.read_body(answer).body == b"data: 2\n\n"
