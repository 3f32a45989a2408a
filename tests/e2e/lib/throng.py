# SPDX-License-Identifier: MIT
"""Many callers at once in one thread: they connect, some send, and what becomes of each is seen."""

import selectors
import socket
import time


class Member:
    def __init__(self, sock, began):
        self.socket, self.began = sock, began
        self.received, self.ended = b"", None  # when, once the other side has ended it

    @property
    def status(self):
        """Of the answer that came, or None."""
        return int(self.received[9:12]) if len(self.received) >= 12 else None


class Throng:
    """N connections to PORT. CONNECTED: how many were not refused by the kernel."""

    def __init__(self, port, n, first=b"", receive_buffer=None):
        self._selector, self.members, self.refused = selectors.DefaultSelector(), [], 0
        self._waiting = set()
        for _ in range(n):
            sock = socket.socket()
            if receive_buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            sock.settimeout(10)
            try:
                sock.connect(("127.0.0.1", port))
            except OSError:
                self.refused += 1
                sock.close()
                continue
            sock.setblocking(False)
            member = Member(sock, time.monotonic())
            self.members.append(member)
            self._waiting.add(member)
            self._selector.register(sock, selectors.EVENT_READ, member)
            if first:
                self._send(member, first)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def _end(self, member):
        if member.ended is None:
            member.ended = time.monotonic()
            self._waiting.discard(member)
            self._selector.unregister(member.socket)

    def _send(self, member, data):
        try:
            member.socket.send(data)
        except BlockingIOError:
            pass
        except OSError:
            self._end(member)

    def send(self, data):
        """DATA, or what fits of it, from all that are still connected."""
        for member in list(self._waiting):
            self._send(member, data)

    def look(self, wait=0.01, read=65536):
        """Takes what comes within WAIT seconds; returns how many are still connected."""
        for key, _ in self._selector.select(wait):
            member = key.data
            try:
                data = member.socket.recv(read)
            except BlockingIOError:
                continue
            except OSError:
                data = b""
            if data:
                member.received = (member.received + data)[:4096]
            else:
                self._end(member)
        return len(self._waiting)

    def until_ended(self, timeout, meanwhile=lambda: None):
        """Until all connections have been ended by the other side; MEANWHILE is called now and then."""
        deadline = time.monotonic() + timeout
        while self.look():
            meanwhile()
            assert time.monotonic() < deadline, f"{len(self._waiting)} are still connected"

    def until_answered(self, timeout, meanwhile=lambda: None):
        """Until each has an answer, or its end."""
        deadline = time.monotonic() + timeout
        while any(m.ended is None and m.status is None for m in self.members):
            self.look()
            meanwhile()
            assert time.monotonic() < deadline, "some have neither an answer nor an end"

    def lasted(self):
        return [m.ended - m.began for m in self.members if m.ended is not None]

    def close(self):
        for member in self.members:
            self._end(member)
            member.socket.close()
        self._selector.close()
