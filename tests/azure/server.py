# SPDX-License-Identifier: MIT
"""The two servers of the fake: HTTP/1.1 with keep-alive, a thread per connection, over TLS or
plain. What is asked goes to azure.serve(); what may go wrong with an answer is done here."""

import email.utils
import http.server
import socket
import ssl
import struct
import threading

from .message import Call

MAX_BODY = 1 << 20


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    timeout = 120
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def date_time_string(self, timestamp=None):
        return email.utils.formatdate(timestamp or self.server.azure.now(), usegmt=True)

    def _read_body(self):
        """The body, or None if its length is not said."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return body
        length = self.headers.get("Content-Length")
        if length is None:
            return None if self.command in ("POST", "PUT", "PATCH") else b""
        return self.rfile.read(min(int(length), MAX_BODY))

    def _serve(self):
        body = self._read_body()
        host = self.headers.get("Host") or f"127.0.0.1:{self.server.port}"
        call = Call(self.command, self.path, self.headers, body or b"",
                    f"{self.server.scheme}://{host}")
        self.server.azure.serve(call, self, has_length=body is not None)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _serve

    # How an answer, or none, is sent. Called by Azure.serve().

    def send(self, answer, chunked=None, half=False):
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if value is not None:
                self.send_header(name, str(value))
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        body = answer.body[:len(answer.body) // 2] if half else answer.body
        if self.command == "HEAD":
            body = b""
        if chunked:
            for i in range(0, len(body), chunked):
                part = body[i:i + chunked]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            if not half:
                self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(body)
        self.wfile.flush()
        if half:
            self.end()

    def end(self, reset=False):
        """Ends the connection, in good order or with RST."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.socket(fileno=self.connection.detach()).close()


class Server(http.server.ThreadingHTTPServer):
    """Listens on 127.0.0.1, a port of the kernel's choice unless PORT says one."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, azure, tls=None, port=0):
        self.azure = azure
        self.scheme = "https" if tls else "http"
        self._context = None
        if tls:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(tls.chain, tls.key)
        self._lock = threading.Lock()
        self._open = set()
        super().__init__(("127.0.0.1", port), Handler)
        self.port = self.server_address[1]
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def server_bind(self):
        # Not HTTPServer's: it looks up the host's name.
        http.server.socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]

    def finish_request(self, request, client_address):
        """In the connection's own thread, the handshake too."""
        with self._lock:
            self._open.add(request)
        try:
            if self._context:
                request.settimeout(Handler.timeout)
                request = self._context.wrap_socket(request, server_side=True)
                with self._lock:
                    self._open.add(request)
            Handler(request, client_address, self)
        except (OSError, ValueError):
            pass  # the other side is gone, or has sent what is no HTTP
        finally:
            with self._lock:
                self._open.discard(request)
            try:
                request.close()
            except OSError:
                pass

    def shutdown_request(self, request):
        try:
            super().shutdown_request(request)
        finally:
            with self._lock:
                self._open.discard(request)

    def handle_error(self, request, client_address):
        self.azure.failed()

    def stop(self):
        self.shutdown()
        self.server_close()
        with self._lock:
            for request in self._open:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except (OSError, ValueError):
                    pass
        self._thread.join(5)
