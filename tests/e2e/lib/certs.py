# SPDX-License-Identifier: MIT
"""Certificates for the tests: one CA, a server certificate for every way in which one can be wrong,
and client certificates. Made once per session and kept in a directory."""

import datetime
import fcntl
import ipaddress
import os
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)
# Those that the examples call, as they are written there.
EXAMPLE_NAMES = ("*.region.inference.ml.azure.com", "*.westeurope.inference.ml.azure.com",
                 "*.northeurope.inference.ml.azure.com", "*.openai.azure.com")
GOOD_NAMES = ("localhost", "score.test", "127.0.0.1", "127.0.0.2", "127.0.0.3", "::1")


class Cert(NamedTuple):
    """Paths of PEM files: what the server sends (leaf first), its key, the leaf alone."""

    chain: str
    key: str
    leaf: str


class _Signed(NamedTuple):
    cert: x509.Certificate
    key: object


def _san(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _sign(cn, issuer=None, ca=False, names=(), start=-1, end=30, usage="server", key=None):
    """A certificate for CN, valid from START to END days from now; self-signed without ISSUER."""
    now = datetime.datetime.now(datetime.timezone.utc)
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, cn)])
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.cert.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + start * DAY)
        .not_valid_after(now + end * DAY)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not ca, content_commitment=False, key_encipherment=False,
                data_encipherment=False, key_agreement=False, key_cert_sign=ca, crl_sign=ca,
                encipher_only=False, decipher_only=False),
            critical=True)
    )
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_san(n) for n in names]), False)
    if not ca:
        oid = {"server": ExtendedKeyUsageOID.SERVER_AUTH,
               "client": ExtendedKeyUsageOID.CLIENT_AUTH}[usage]
        builder = builder.add_extension(x509.ExtendedKeyUsage([oid]), False)
    return _Signed(builder.sign(signer, hashes.SHA256()), key)


def _with_sha1(signed, issuer):
    """SIGNED again by ISSUER, an RSA key, with SHA-1, which the library itself refuses to do: the
    object identifiers of sha256WithRSAEncryption and sha1WithRSAEncryption differ in one byte."""
    def weaken(der):
        prefix = bytes.fromhex("06092a864886f70d0101")
        return der.replace(prefix + b"\x0b", prefix + b"\x05")

    signature = issuer.key.sign(weaken(signed.cert.tbs_certificate_bytes), padding.PKCS1v15(),
                                hashes.SHA1())
    der = weaken(signed.cert.public_bytes(serialization.Encoding.DER))
    return _Signed(x509.load_der_x509_certificate(der[:-len(signature)] + signature), signed.key)


def _pem(signed):
    return signed.cert.public_bytes(serialization.Encoding.PEM)


def _make(directory):
    def save(name, signed, *more):
        leaf = _pem(signed)
        (directory / f"{name}.leaf.pem").write_bytes(leaf)
        (directory / f"{name}.pem").write_bytes(leaf + b"".join(_pem(m) for m in more))
        key = directory / f"{name}.key"
        key.touch(mode=0o600)
        key.write_bytes(signed.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))

    # These two are good for decades, since the clock of a test may be years off.
    ca = _sign("scoregate test CA", ca=True, start=-7300, end=7300,
               key=rsa.generate_private_key(65537, 2048))
    other_ca = _sign("some other CA", ca=True)
    intermediate = _sign("scoregate test intermediate", ca, ca=True)
    save("ca", ca)
    save("other_ca", other_ca)
    save("good", _sign("good", ca, names=GOOD_NAMES, start=-7300, end=7300))
    save("example", _sign("example", ca, names=EXAMPLE_NAMES))
    save("second", _sign("second", ca, names=GOOD_NAMES))
    save("expired", _sign("expired", ca, names=GOOD_NAMES, start=-20, end=-1))
    save("not_yet_valid", _sign("future", ca, names=GOOD_NAMES, start=5))
    save("wrong_host", _sign("127.0.0.1", ca, names=("other.test", "192.0.2.1")))
    save("self_signed", _sign("self-signed", names=GOOD_NAMES))
    save("unknown_ca", _sign("unknown CA", other_ca, names=GOOD_NAMES), other_ca)
    through = _sign("through intermediate", intermediate, names=GOOD_NAMES)
    save("missing_intermediate", through)
    save("with_intermediate", through, intermediate)
    save("wildcard", _sign("wildcard", ca, names=("*.example.test",)))
    save("wildcard_tld", _sign("wildcard of a top-level domain", ca, names=("*.test",)))
    save("client_only", _sign("client only", ca, names=GOOD_NAMES, usage="client"))
    save("rsa1024", _sign("weak key", ca, names=GOOD_NAMES,
                          key=rsa.generate_private_key(65537, 1024)))
    save("sha1", _with_sha1(_sign("weak digest", ca, names=GOOD_NAMES), ca))
    save("client", _sign("scoregate client", ca, usage="client"))
    save("other_client", _sign("scoregate client", other_ca, usage="client"))
    for name in ("application", "other_application"):  # with which one signs in to Entra
        save(name, _sign(name, usage="client", key=rsa.generate_private_key(65537, 2048)))


class Certs:
    """certs.ca and certs.other_ca are paths of PEM files; every other attribute is a Cert."""

    def __init__(self, directory):
        self._directory = Path(directory)
        self._directory.mkdir(parents=True, exist_ok=True)
        done = self._directory / "done"
        with open(self._directory / "lock", "w") as lock:  # several pytest-xdist workers share it
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                _make(self._directory)
                done.touch()

    def __getattr__(self, name):
        paths = [str(self._directory / f"{name}{suffix}") for suffix in (".pem", ".key", ".leaf.pem")]
        if not os.path.exists(paths[0]):
            raise AttributeError(name)
        return paths[0] if name in ("ca", "other_ca") else Cert(*paths)
