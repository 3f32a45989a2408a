# SPDX-License-Identifier: MIT
"""HTTP/1.1 messages as bytes: a buffered reader over anything with recv(), header fields, bodies.
Strict about framing, so that a wrong byte on the wire is seen."""


class Closed(Exception):
    """The peer ended the connection before the message was complete; .partial has what came."""

    def __init__(self, what, partial=b""):
        super().__init__(f"connection ended {what}; got {partial[-200:]!r}")
        self.partial = bytes(partial)


class Headers(list):
    """(name, value) pairs in the order of the wire; looked up whatever the case."""

    def all(self, name):
        return [v for n, v in self if n.lower() == name.lower()]

    def get(self, name, default=None):
        found = self.all(name)
        assert len(found) <= 1, f"{name} comes {len(found)} times: {found}"
        return found[0] if found else default

    def __contains__(self, name):
        return bool(self.all(name))

    def __getitem__(self, key):
        if not isinstance(key, str):
            return super().__getitem__(key)
        value = self.get(key)
        if value is None:
            raise KeyError(key)
        return value


def parse_fields(lines):
    fields = Headers()
    for line in lines:
        name, colon, value = line.partition(b":")
        assert colon and name and name.strip() == name, f"malformed field line {line!r}"
        fields.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
    return fields


def tokens(headers, name):
    return [t.strip().lower() for v in headers.all(name) for t in v.split(",") if t.strip()]


class Reader:
    """Reads from RECV(n) -> bytes (b"" at the end; ConnectionError counts as the end too)."""

    def __init__(self, recv):
        self._recv = recv
        self.buffer = bytearray()

    def fill(self, what):
        try:
            data = self._recv(65536)
        except ConnectionError as error:
            raise Closed(f"{what} ({error})", self.buffer) from error
        if not data:
            raise Closed(what, self.buffer)
        self.buffer += data

    def until(self, mark, what="in a line"):
        start = 0
        while True:
            at = self.buffer.find(mark, start)
            if at >= 0:
                data = bytes(self.buffer[:at])
                del self.buffer[:at + len(mark)]
                return data
            start = max(0, len(self.buffer) - len(mark) + 1)
            self.fill(what)

    def some(self, limit=65536):
        """At least one byte."""
        if not self.buffer:
            self.fill("in a body")
        data = bytes(self.buffer[:limit])
        del self.buffer[:limit]
        return data

    def exactly(self, n):
        parts, have = [], 0
        while have < n:
            try:
                part = self.some(n - have)
            except Closed as error:
                raise Closed(f"after {have} of {n} bytes", b"".join(parts)) from error
            parts.append(part)
            have += len(part)
        return b"".join(parts)

    def to_end(self):
        data = bytearray()
        while True:
            try:
                data += self.some()
            except Closed as error:
                if error.__cause__ is not None:
                    raise
                return bytes(data)

    def head(self):
        """(raw head with its empty line, first line, Headers)."""
        raw = self.until(b"\r\n\r\n", "in a head")
        lines = raw.split(b"\r\n")
        return raw + b"\r\n\r\n", lines[0], parse_fields(lines[1:])

    def chunk(self):
        """The next chunk's data; b"" for the last one (whose trailers are still to be read)."""
        size = self.until(b"\r\n", "in a chunk size")
        digits = size.partition(b";")[0].strip()
        assert digits and all(c in b"0123456789abcdefABCDEF" for c in digits), f"chunk size {size!r}"
        n = int(digits, 16)
        if n == 0:
            return b""
        data = self.exactly(n)
        assert self.exactly(2) == b"\r\n", "no CRLF after a chunk"
        return data

    def trailers(self):
        lines = []
        while True:
            line = self.until(b"\r\n", "in the trailers")
            if not line:
                return parse_fields(lines)
            lines.append(line)

    def chunked(self):
        """(body, trailers)."""
        body = bytearray()
        while True:
            try:
                data = self.chunk()
            except Closed as error:
                raise Closed("in a chunked body", bytes(body) + error.partial) from error
            if not data:
                return bytes(body), self.trailers()
            body += data


def chunk(data):
    """DATA as one chunk."""
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
