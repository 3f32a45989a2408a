# SPDX-License-Identifier: MIT
"""Debian's nginx and haproxy as proxies in front of a lenient origin, to compare with: what both
refuse, scoregate must refuse."""

import os
import re
import socket
import subprocess
import threading
from contextlib import contextmanager

from .wait import until

NGINX = """
daemon off; master_process off; pid {tmp}/nginx.pid; error_log {tmp}/nginx.log;
events {{ worker_connections 512; }}
http {{
  access_log off; client_header_timeout 700ms; client_body_timeout 700ms; keepalive_timeout 2s;
  client_body_temp_path {tmp}/body; proxy_temp_path {tmp}/proxy; fastcgi_temp_path {tmp}/fastcgi;
  uwsgi_temp_path {tmp}/uwsgi; scgi_temp_path {tmp}/scgi;
  client_max_body_size 100m;
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://127.0.0.1:{origin}; proxy_http_version 1.1;
                  proxy_set_header Connection ""; }}
  }}
}}
"""

HAPROXY = """
global
  maxconn 512
defaults
  mode http
  timeout connect 2s
  timeout client 700ms
  timeout server 3s
  timeout http-request 700ms
  timeout http-keep-alive 2s
  option http-buffer-request
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  server s 127.0.0.1:{origin}
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class LenientOrigin:
    """Answers 200 to whatever a proxy sends it, once the body is complete, and ends the connection.
    Never 4xx: every refusal is the proxy's own."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    @staticmethod
    def _complete(data):
        head, end, body = data.partition(b"\r\n\r\n")
        if not end:
            return False
        if re.search(rb"\ntransfer-encoding:[^\n]*chunked", head, re.IGNORECASE):
            return re.search(rb"(^|\n)0[^\n]*\r\n(.*\r\n)*\r\n$", body) is not None
        length = re.search(rb"\ncontent-length: *(\d+)", head, re.IGNORECASE)
        return not length or len(body) >= int(length[1])

    def _serve(self, sock):
        data = b""
        with sock:
            sock.settimeout(10)
            try:
                while not self._complete(data):
                    more = sock.recv(65536)
                    if not more:
                        return
                    data += more
                body = b"" if data.startswith(b"HEAD ") else b"origin"
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n"
                             b"Connection: close\r\n\r\n" + body)
            except OSError:
                pass

    def close(self):
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()


def _answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return sock.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def _start(tmp, name, command, port):
    with open(tmp / f"{name}.out", "wb") as out:
        process = subprocess.Popen(command, cwd=tmp, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def ready():
        assert process.poll() is None, (tmp / f"{name}.out").read_text()
        return _answers(port)

    try:
        until(ready, f"{name} serves", 20)
    except AssertionError:
        process.kill()
        process.wait()
        raise
    return process


def available():
    return all(os.access(f"/usr/sbin/{name}", os.X_OK) for name in ("nginx", "haproxy"))


@contextmanager
def yardsticks(tmp):
    """{"nginx": port, "haproxy": port}."""
    origin = LenientOrigin()
    processes, ports = [], {"nginx": free_port(), "haproxy": free_port()}
    try:
        for name, text in (("nginx", NGINX), ("haproxy", HAPROXY)):
            (tmp / f"{name}.conf").write_text(
                text.format(tmp=tmp, port=ports[name], origin=origin.port))
        for name, command in (
                ("nginx", ["/usr/sbin/nginx", "-p", str(tmp), "-c", str(tmp / "nginx.conf")]),
                ("haproxy", ["/usr/sbin/haproxy", "-db", "-f", str(tmp / "haproxy.conf")])):
            processes.append(_start(tmp, name, command, ports[name]))
        yield ports
    finally:
        for process in processes:
            process.kill()
            process.wait()
        origin.close()
