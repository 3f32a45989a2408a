# SPDX-License-Identifier: MIT
"""The files that every run needs, made anew in a directory of its own: certificates, the scoring
request and its answer, a large bodies, the compiled load generator."""

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
ROOT = HERE.parents[1]
DEBIAN_CAS = Path("/etc/ssl/certs/ca-certificates.crt")
KEY = "0123456789abcdefABCDEF0123456789"  # what the gateways inject
REQUEST_BYTES = 467
ANSWER = ('{"result": [5215.198131579869, 3726.995485888909], '
          '"model": "diabetes", "took_ms": 4, "ok": true}')
MIB = 1 << 20
LARGE, HUGE = 64 * MIB, 1024 * MIB


class Files:
    """Paths under DIRECTORY: ca (one certificate), bundle (that one behind Debian's), chain, key,
    request, large and huge (zeros that take no space), load (program)."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.ca, self.bundle = self._path("ca.pem"), self._path("bundle.pem")
        self.chain, self.key = self._path("server.pem"), self._path("server.key")
        self.request, self.load = self._path("request.json"), self._path("load")
        self.large, self.huge = self._path("large"), self._path("huge")
        self._make_certificates()
        self._make_bodies()
        subprocess.run(["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-o", self.load,
                        HERE / "load.c"], check=True)

    def _path(self, name):
        return self.directory / name

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")

    def _make_certificates(self):
        """RSA, as the real endpoints have."""
        ca_key, request = self._path("ca.key"), self._path("server.csr")
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", 2, "-subj",
                      "/CN=benchmark CA", "-keyout", ca_key, "-out", self.ca)
        self._openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-addext",
                      "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key,
                      "-out", request)
        self._openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", ca_key, "-days", 2,
                      "-copy_extensions", "copy", "-out", self.chain)
        self.bundle.write_bytes(DEBIAN_CAS.read_bytes() + self.ca.read_bytes())

    def _make_bodies(self):
        sample = (ROOT / "tests" / "data" / "sample-request.json").read_text().strip()
        self.request.write_text(sample.ljust(REQUEST_BYTES))
        for path, size in ((self.large, LARGE), (self.huge, HUGE)):
            with open(path, "wb") as f:
                f.truncate(size)
