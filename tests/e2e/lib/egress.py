# SPDX-License-Identifier: MIT
"""An egress proxy (CONNECT) that leads every name to one upstream, so that any host name can be used
in a scoring URI without DNS."""

import re
import selectors
import socket

from .upstream import ScriptedUpstream


class EgressProxy(ScriptedUpstream):
    """TARGETS: {"name:port" or "*": (address, port)}; anything else gets REFUSAL. Every CONNECT head
    is in .heads."""

    def __init__(self, targets, refusal=b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"):
        self.targets = targets
        self.refusal = refusal
        super().__init__(self._tunnel)

    def _tunnel(self, s):
        request = s.rxhead()
        assert request.method == "CONNECT" and re.fullmatch(r"\S+:\d+", request.target)
        target = self.targets.get(request.target, self.targets.get("*"))
        if target is None:
            s.tx(self.refusal)
            return
        with socket.create_connection(target) as far:
            s.tx(b"HTTP/1.1 200 Connection established\r\n\r\n")
            if s.reader.buffer:
                far.sendall(s.reader.buffer)
            self._relay(s.socket, far)

    @staticmethod
    def _relay(near, far):
        with selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, far)
            selector.register(far, selectors.EVENT_READ, near)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(65536)
                    if not data:
                        return
                    key.data.sendall(data)
