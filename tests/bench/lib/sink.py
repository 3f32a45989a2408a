# SPDX-License-Identifier: MIT
"""An HTTPS upstream that reads every request body to its end before it answers, which nginx as an
upstream does not. Run as `python3 sink.py PORT CHAIN PRIVATE-KEY BEARER`."""

import socketserver
import ssl
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        with self.server.tls.wrap_socket(self.request, server_side=True) as connection:
            while self.one(connection):
                pass

    def one(self, connection):
        """Takes one request and answers it; False when there is none."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return False
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        fields = {name.lower(): value.strip() for name, _, value in
                  (line.partition(b":") for line in head.split(b"\r\n")[1:])}
        if fields.get(b"authorization") != self.server.expected:
            return False
        left = int(fields[b"content-length"]) - len(body)
        buffer = bytearray(1 << 16)
        while left > 0:
            n = connection.recv_into(buffer)
            if n == 0:
                return False
            left -= n
        connection.sendall(ANSWER)
        return True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A caller that goes away is no event."""


def main():
    port, chain, key, bearer = sys.argv[1:]
    with Server(("127.0.0.1", int(port)), Handler) as server:
        server.expected = b"Bearer " + bearer.encode()
        server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.tls.maximum_version = ssl.TLSVersion.TLSv1_2
        server.tls.load_cert_chain(chain, key)
        server.serve_forever()


if __name__ == "__main__":
    main()
