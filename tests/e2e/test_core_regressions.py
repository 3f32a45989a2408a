# SPDX-License-Identifier: MIT
"""Defects that were found in the core, one test for each."""

import os
import resource
import signal
import socket
import struct
import threading

import pytest

from lib.client import Client
from lib.message import LAST_CHUNK, Closed, chunk
from lib.upstream import Response
from lib.wait import until

MIB = 1 << 20
UPLOAD = (("Content-Length", str(2 * MIB)),)
PIECE = bytes(range(256)) * 256


def early(head, *parts):
    """A script: answers when the first byte of the body is there, reads no more of it."""
    def script(s):
        s.rxhead()
        s.rx(1)
        s.tx(head)
        for part in parts:
            s.tx(part)
        s.hang()
    return script


def begin_upload(caller, **more):
    caller.send_request("POST", "/score", UPLOAD, **more)
    caller.send(b"x" * 1000)


def test_a_long_chunked_answer_to_an_upload_that_goes_on(serve):
    parts = [chunk(PIECE)] * (48 * MIB // len(PIECE))
    gateway, _ = serve(early(b"HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n",
                             *parts, LAST_CHUNK))
    with gateway.client() as caller:
        begin_upload(caller)
        answer = caller.read_answer()
        assert answer.status == 413
        assert answer.body == PIECE * len(parts)
        assert caller.closed()


def test_an_early_answer_is_not_cut_when_the_upload_ends_first(serve):
    gateway, _ = serve(early(b"HTTP/1.1 413 Too Large\r\nContent-Length: %d\r\n\r\n" % (32 * MIB),
                             *[PIECE] * (32 * MIB // len(PIECE))))
    with gateway.client(receive_buffer=4096) as caller:
        begin_upload(caller)
        answer = caller.read_head()
        assert answer.status == 413
        caller.send(b"x" * (2 * MIB - 1000))
        assert caller.read_body(answer).body == PIECE * (32 * MIB // len(PIECE))
        assert caller.closed()


@pytest.mark.parametrize("upload", [False, True])
def test_an_http_1_0_caller_sees_that_an_answer_stalled(serve, upload):
    gateway, _ = serve(early(b"HTTP/1.1 413 Too Large\r\nTransfer-Encoding: chunked\r\n\r\n",
                             chunk(b"part")), idle_timeout_ms=300)
    with gateway.client() as caller:
        if upload:
            begin_upload(caller, version="HTTP/1.0")
        else:
            caller.send_request("POST", "/score", body=b"x", version="HTTP/1.0")
        answer = caller.read_head()
        with pytest.raises(Closed) as cut:
            caller.read_body(answer)
        assert isinstance(cut.value.__cause__, ConnectionResetError)


def test_no_call_is_lost_to_a_stop(serve):
    """Callers that keep their connection and have not been told that it ends."""
    gateway, _ = serve(handler=lambda request: Response(200, (), b"fine"))
    answered, lost = [], []

    def call_until_told(caller):
        try:
            while not caller.post("/score").will_close:
                answered.append(caller)
        except Closed as closed:
            lost.append(closed)

    callers = [threading.Thread(target=call_until_told, args=(gateway.client(),))
               for _ in range(16)]
    for caller in callers:
        caller.start()
    until(lambda: len(answered) > 200, "200 answers")
    gateway.send_signal(signal.SIGTERM)
    for caller in callers:
        caller.join(20)
    assert not lost
    assert gateway.wait() == 0


def test_an_http_1_0_caller_gets_more_than_a_byte_at_a_time(serve):
    gateway, _ = serve(handler=lambda request: Response(
        200, (("Transfer-Encoding", "chunked"),), chunk(PIECE) * 16 + LAST_CHUNK))
    with gateway.client() as caller:
        answer = caller.get("/score", version="HTTP/1.0")
        assert answer.body == PIECE * 16
        info = caller.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
        segments = struct.unpack_from("I", info, 152)[0]  # tcpi_data_segs_in
        assert segments < len(answer.body) / 1000


def test_admin_listener_waits_while_descriptors_are_out(gateway):
    one = gateway()
    limits = resource.prlimit(one.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(one.pid, resource.RLIMIT_NOFILE,
                     (len(os.listdir(f"/proc/{one.pid}/fd")), limits[1]))
    with Client(port=one.admin_port) as caller:
        caller.send_request("GET", "/healthz")
        until(lambda: "no admin callers for the moment" in one.log(), "the pause is logged")
        resource.prlimit(one.pid, resource.RLIMIT_NOFILE, limits)
        assert caller.read_answer("GET").status == 200
