# SPDX-License-Identifier: MIT
"""A scoring service as a process of its own, fast enough for a soak, that takes nothing on trust: a
token must be signed by the fake's key, be for this endpoint and unexpired; a key must be one of those
that are valid at this moment. `python3 scorer.py CHAIN PRIVATE-KEY` tells its port, then reads lines
of JSON and answers each once it has done what it says:

    jwks       the public keys of who issues the tokens
    endpoints  {path: {"audiences": […]} or {"keys": […]}}; the others stay as they are

The answer: {"scored": {path: n}, "refused": {path: {reason: n}}, "shown": {path: how many different
credentials were accepted}}. It ends with its standard input."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

OK = (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 6\r\n\r\n[1, 2]")
NO = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s"


class Scorer:
    """The one of a test, which starts and stops it."""

    def __init__(self, certs):
        tests = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            [sys.executable, __file__, certs.good.chain, certs.good.key], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(tests), "PYTHONDONTWRITEBYTECODE": "1"})
        self.port = json.loads(self._process.stdout.readline())

    def url(self, path):
        return f"https://localhost:{self.port}{path}"

    def tell(self, **what):
        """Returns what it answers, when it has done it."""
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def stop(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Judge:
    def __init__(self):
        self._keys, self._claims = {}, {}
        self._endpoints = {}
        self._scored, self._refused, self._shown = Counter(), {}, {}

    def learn(self, what):
        for key in what.get("jwks", {}).get("keys", ()):
            self._keys[key["kid"]] = public_key(key)
        self._endpoints.update(what.get("endpoints", {}))
        return {"scored": self._scored, "refused": self._refused,
                "shown": {path: len(shown) for path, shown in self._shown.items()}}

    def ask(self, path, authorization):
        """None if all is well, else why not."""
        endpoint = self._endpoints.get(path)
        scheme, _, credential = authorization.partition(" ")
        if endpoint is None or scheme != "Bearer" or not credential:
            why = "key_auth_bad_header_forbidden"
        elif "keys" in endpoint:
            why = None if credential in endpoint["keys"] else "key_auth_access_denied"
        else:
            why = self._refuse_token(endpoint["audiences"], credential)
        if why:
            self._refused.setdefault(path, Counter())[why] += 1
        else:
            self._scored[path] += 1
            self._shown.setdefault(path, set()).add(credential)
        return why

    def _refuse_token(self, audiences, token):
        if token not in self._claims:  # the signature is looked at once, the time always
            self._claims[token] = self._verify(token)
        claims = self._claims[token]
        if claims is None or claims["aud"] not in audiences:
            return "key_auth_access_denied"
        return None if time.time() < claims["exp"] else "Jwt is expired"

    def _verify(self, token):
        from azure.tokens import Bad, parse
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding
        try:
            head, claims, signed, signature = parse(token)
            key = self._keys[head["kid"]] if head.get("alg") == "RS256" else None
            if key:
                key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            return claims if key else None
        except (Bad, KeyError, InvalidSignature):
            return None


def public_key(jwk):
    from azure.tokens import decode
    from cryptography.hazmat.primitives.asymmetric import rsa
    return rsa.RSAPublicNumbers(int.from_bytes(decode(jwk["e"]), "big"),
                                int.from_bytes(decode(jwk["n"]), "big")).public_key()


class Connection(asyncio.Protocol):
    def __init__(self, judge):
        self._judge, self._data = judge, b""

    def connection_made(self, transport):
        self._transport = transport

    def data_received(self, data):
        self._data += data
        while self._answer_one():
            pass

    def _answer_one(self):
        head, found, rest = self._data.partition(b"\r\n\r\n")
        if not found:
            return False
        first, *lines = head.decode("latin-1").split("\r\n")
        fields = {name.lower(): value.strip()
                  for name, _, value in (line.partition(":") for line in lines)}
        length = int(fields.get("content-length", 0))
        if len(rest) < length:
            return False
        self._data = rest[length:]
        why = self._judge.ask(first.split(" ")[1], fields.get("authorization", ""))
        self._transport.write(NO % (len(why), why.encode()) if why else OK)
        return True


async def serve(chain, key):
    loop, judge, over = asyncio.get_running_loop(), Judge(), asyncio.Event()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(chain, key)
    server = await loop.create_server(lambda: Connection(judge), "127.0.0.1", 0, ssl=tls,
                                      backlog=256)
    print(server.sockets[0].getsockname()[1], flush=True)
    said = b""

    def read():
        nonlocal said
        data = os.read(0, 65536)
        if not data:
            loop.remove_reader(0)
            over.set()
        *lines, said = (said + data).split(b"\n")
        for line in lines:
            print(json.dumps(judge.learn(json.loads(line))), flush=True)

    loop.add_reader(0, read)
    await over.wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
