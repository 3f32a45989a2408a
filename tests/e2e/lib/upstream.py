# SPDX-License-Identifier: MIT
"""An upstream that does what a script says, over TLS or plain, and records what it was sent.

A script is a function that gets a Session, one call per connection, in a thread of its own:

    def script(s):
        request = s.rxreq()
        s.txresp(200, body=b"first")
        s.rxreq()
        s.tx(b"HTTP/1.1 200 OK\\r\\nContent-Le")
        s.rst()

Most tests only need handler=lambda request: Response(200, body=b"…")."""

import socket
import ssl
import struct
import threading
import time
import traceback
from typing import NamedTuple

from .message import Closed, Headers, Reader, tokens
from .wait import until


class Response(NamedTuple):
    status: int = 200
    headers: tuple = ()
    body: bytes = b""


class Request:
    """One request as it came. connection and number count from 0: which connection, which request
    on it. complete: all of the body was read."""

    def __init__(self, connection, number, raw, first_line, headers):
        self.connection = connection
        self.number = number
        self.head = raw
        self.method, self.target, self.version = first_line.decode("latin-1").split(" ")
        self.headers = headers
        self.trailers = Headers()
        self.body = b""
        self.complete = False

    def __repr__(self):
        return f"<{self.method} {self.target} #{self.connection}.{self.number} {len(self.body)} B>"


def response_bytes(status=200, headers=(), body=b"", phrase="OK"):
    """An answer; Content-Length is added unless HEADERS say how the body ends."""
    names = {n.lower() for n, _ in headers}
    lines = [f"HTTP/1.1 {status} {phrase}"]
    lines += [f"{n}: {v}" for n, v in headers]
    if not names & {"content-length", "transfer-encoding"} and status not in (204, 304):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class Session:
    """One connection, from the upstream's side. Everything blocks for at most upstream.timeout."""

    def __init__(self, upstream, number, sock):
        self.upstream = upstream
        self.number = number
        self.socket = sock
        self.reader = Reader(self._recv)
        self.requests = 0
        self.gone = threading.Event()  # the gateway has ended the connection, or its side of it
        self.over = threading.Event()  # the script has returned
        self._closed = False

    def _recv(self, n):
        try:
            data = self.socket.recv(n)
        except ssl.SSLEOFError:
            data = b""
        except (ssl.SSLError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise
            self.gone.set()
            raise ConnectionError(str(error)) from error
        if not data:
            self.gone.set()
        return data

    # Receiving

    def rxhead(self):
        """The head of the next request; Closed if the gateway ends the connection instead."""
        request = Request(self.number, self.requests, *self.reader.head())
        self.requests += 1
        with self.upstream.lock:
            self.upstream.heads.append(request)
        return request

    def rxbody(self, request):
        """The rest of REQUEST; it is in upstream.requests afterwards."""
        headers = request.headers
        if "transfer-encoding" in headers:
            assert headers.get("transfer-encoding") == "chunked" and "content-length" not in headers
            request.body, request.trailers = self.reader.chunked()
        elif "content-length" in headers:
            request.body = self.reader.exactly(int(headers["content-length"]))
        request.complete = True
        with self.upstream.lock:
            self.upstream.requests.append(request)
        return request

    def rxreq(self):
        """A whole request."""
        return self.rxbody(self.rxhead())

    def rx(self, n):
        """Exactly N bytes."""
        return self.reader.exactly(n)

    # Sending

    def tx(self, data):
        """All of DATA; ConnectionError if the gateway is gone."""
        try:
            self.socket.sendall(data)
        except TimeoutError:
            raise
        except (ssl.SSLError, OSError) as error:
            self.gone.set()
            raise ConnectionError(str(error)) from error

    def txresp(self, status=200, headers=(), body=b""):
        self.tx(response_bytes(status, headers, body))

    def drip(self, data, interval=0.02):
        """DATA one byte at a time."""
        for i in range(len(data)):
            self.tx(data[i:i + 1])
            time.sleep(interval)

    # Ending

    def close(self):
        """In good order: close_notify if TLS, then FIN."""
        self.close_notify()
        self.fin()

    def close_notify(self):
        """Says that nothing more comes, and leaves the TCP connection open."""
        if isinstance(self.socket, ssl.SSLSocket):
            timeout = self.socket.gettimeout()
            self.socket.settimeout(0)
            try:
                self.socket.unwrap()
            except (OSError, ValueError):
                pass  # the other close_notify is not waited for
            self.socket.settimeout(timeout)

    def fin(self):
        """FIN without close_notify. What still comes is dropped, lest the kernel reset instead."""
        if self._closed:
            return
        self._closed = True
        with socket.socket(fileno=self.socket.detach()) as raw:
            try:
                raw.shutdown(socket.SHUT_WR)
                raw.settimeout(5.0)
                while raw.recv(65536):
                    pass
                self.gone.set()
            except TimeoutError:
                pass
            except OSError:
                self.gone.set()

    def rst(self):
        self._closed = True
        self.gone.set()
        raw = socket.socket(fileno=self.socket.detach())
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raw.close()

    def hang(self, timeout=None):
        """Nothing more is sent; returns when the gateway ends the connection (True) or at TIMEOUT.
        What comes meanwhile is read and dropped."""
        self.socket.settimeout(timeout or self.upstream.timeout)
        try:
            while self.reader.some():
                pass
        except Closed:
            return True
        except TimeoutError:
            return False

    def end(self):
        """At the end of a script: in good order, unless the script has ended it another way."""
        if not self._closed:
            self.close()


def serve(handler):
    """A script that answers each request with what HANDLER(request) returns, on one connection."""
    def script(s):
        while True:
            request = s.rxreq()
            s.txresp(*handler(request))
            if "close" in tokens(request.headers, "connection"):
                return
    return script


class ScriptedUpstream:
    """SCRIPT: a function, or a list of them, one per connection, the last for all further ones.
    TLS: the Cert to present, None for plain. MINIMUM, MAXIMUM: ssl.TLSVersion. CIPHERS: as OpenSSL
    writes them. CLIENT_CA: a client certificate signed by it is required. RAW: the script gets the
    connection before any handshake. PORT, HOST: where to listen; LISTENER:
    instead, a socket that does."""

    def __init__(self, script=None, handler=None, *, tls=None, minimum=None, maximum=None,
                 ciphers=None, alpn=None, client_ca=None, raw=False, host="127.0.0.1", port=0,
                 backlog=128, timeout=20.0, receive_buffer=None, listener=None):
        if script is None:
            script = serve(handler or (lambda request: Response()))
        self.scripts = list(script) if isinstance(script, (list, tuple)) else [script]
        self.timeout = timeout
        self.lock = threading.Lock()
        self.heads = []        # every request of which the head was read
        self.requests = []     # every request that was read to its end
        self.sessions = []     # every connection whose handshake succeeded
        self.handshakes = []   # what was wrong with the handshakes that failed
        self.accepted = 0      # TCP connections
        self.failures = []     # scripts that failed: (connection, traceback)
        self._context = None if tls is None or raw else self._tls_context(
            tls, minimum, maximum, ciphers, alpn, client_ca)
        self.tls = tls is not None
        self.host = host
        self._listener = listener or socket.create_server((host, port), backlog=backlog)
        if receive_buffer:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.port = self._listener.getsockname()[1]
        self._open = set()
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @staticmethod
    def _tls_context(cert, minimum, maximum, ciphers, alpn, client_ca):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        weak = (maximum is not None and maximum < ssl.TLSVersion.TLSv1_2)
        # Level 0, or OpenSSL would refuse to serve the weak certificates and versions of the tests.
        context.set_ciphers(f"{ciphers or ('ALL' if weak else 'DEFAULT')}:@SECLEVEL=0")
        if minimum is not None:
            context.minimum_version = minimum
        elif weak:
            context.minimum_version = ssl.TLSVersion.TLSv1
        if maximum is not None:
            context.maximum_version = maximum
        if alpn:
            context.set_alpn_protocols(alpn)
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        context.load_cert_chain(cert.chain, cert.key)
        return context

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        self.stop()
        if kind is None:
            self.check()

    @property
    def authority(self):
        return f"{self.host}:{self.port}"

    def url(self, path="/score", host=None):
        return f"{'https' if self.tls else 'http'}://{host or self.host}:{self.port}{path}"

    def _accept(self):
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self.lock:
                if self._stopping:
                    sock.close()
                    return
                self.accepted += 1
                self._open.add(sock)
            threading.Thread(target=self._connection, args=(sock,), daemon=True).start()

    def _connection(self, sock):
        sock.settimeout(self.timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context:
            try:
                wrapped = self._context.wrap_socket(sock, server_side=True)
            except (ssl.SSLError, OSError) as error:
                with self.lock:
                    self.handshakes.append(str(error))
                    self._open.discard(sock)
                sock.close()
                return
        else:
            wrapped = sock
        with self.lock:
            self._open.discard(sock)
            self._open.add(wrapped)
            number = len(self.sessions)
            session = Session(self, number, wrapped)
            self.sessions.append(session)
        self._run(session, self.scripts[min(number, len(self.scripts) - 1)])
        with self.lock:
            self._open.discard(wrapped)

    def _run(self, session, script):
        try:
            script(session)
        except (Closed, ConnectionError):
            session.gone.set()
        except Exception:  # a script's own assertions too: told by check()
            if not self._stopping:
                with self.lock:
                    self.failures.append((session.number, traceback.format_exc()))
        finally:
            session.end()
            session.over.set()

    def wait_requests(self, n, timeout=10.0):
        """Until N requests have been read to their end; returns them."""
        until(lambda: len(self.requests) >= n, f"{n} requests upstream", timeout)
        return self.requests

    def wait_session(self, n=0, timeout=10.0):
        """Until connection N stands; returns its Session."""
        until(lambda: len(self.sessions) > n, f"connection {n} upstream", timeout)
        return self.sessions[n]

    def stop(self):
        with self.lock:
            if self._stopping:
                return
            self._stopping = True
            for sock in self._open:
                try:
                    socket.socket.shutdown(sock, socket.SHUT_RDWR)  # not SSLSocket's own
                except OSError:
                    pass
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        self._thread.join(5)

    def check(self):
        """Fails if a script has failed."""
        assert not self.failures, f"the script of connection {self.failures[0][0]} failed:\n" \
                                  f"{self.failures[0][1]}"


def closed_port(host="127.0.0.1"):
    """A bound socket that does not listen: connections to its port are refused while it is held."""
    sock = socket.socket()
    sock.bind((host, 0))
    return sock


class BlackHole:
    """A port that answers no SYN: its queue of connections is full and nobody accepts."""

    def __init__(self, host="127.0.0.1"):
        self.listener = socket.create_server((host, 0), backlog=0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        while True:
            filler = socket.socket()
            filler.settimeout(0.2)
            self.fillers.append(filler)
            try:
                filler.connect((host, self.port))
            except TimeoutError:
                return

    def close(self):
        for sock in (*self.fillers, self.listener):
            sock.close()
