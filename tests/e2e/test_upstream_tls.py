# SPDX-License-Identifier: MIT
"""TLS to the upstream: whom scoregate trusts, with what, and what it tells where it does not. T1 to T14
are the rows of the matrix. Whatever fails, the upstream never sees a request, let alone the key."""

import base64
import hashlib
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lib.config import key_auth
from lib.egress import EgressProxy
from lib.gateway import binary, environment
from lib.problem import assert_problem
from lib.upstream import Response, closed_port
from lib.wait import until

KEY = "CANARY-tls-key-0vNc41"
TLS = ssl.TLSVersion
TLS_1_0, TLS_1_1 = TLS(0x0301), TLS(0x0302)  # by number: the names are deprecated


def fine(request):  # pylint: disable=unused-argument
    return Response(200, (), b"fine")


def assert_fine(one):
    reply = one.client().post("/score")
    assert (reply.status, reply.body) == (200, b"fine")


def assert_refused(one, up, *reasons):
    caller = one.client()
    assert_problem(caller.post("/score"), *reasons)
    assert_problem(caller.get("/score"), *reasons)
    assert up.heads == [], "a request was sent to an upstream that is not trusted"


@pytest.fixture
def tls(serve):
    """tls(options of the upstream, route keys…) -> (gateway, upstream)."""
    def make(options=None, **route):
        return serve(handler=fine, upstream_options=options, auth=key_auth(KEY), **route)
    return make


@pytest.fixture
def named(gateway, upstream):
    """named(host, cert) -> (gateway, upstream): the scoring URI has HOST, whatever it resolves to."""
    proxies = []

    def make(host, cert):
        up = upstream(handler=fine, tls=cert)
        proxies.append(EgressProxy({"*": ("127.0.0.1", up.port)}))
        one = gateway([{"path": "/score", "scoring_uri": f"https://{host}/score",
                        "auth": key_auth(KEY)}], proxy=f"http://127.0.0.1:{proxies[-1].port}")
        return one, up

    yield make
    for proxy in proxies:
        proxy.stop()


@pytest.mark.parametrize("name", [
    "expired", "not_yet_valid", "wrong_host", "self_signed", "unknown_ca", "missing_intermediate",
    "client_only", "rsa1024", "sha1"])
def test_t1_t2_t3_t5_certificates_that_are_not_trusted(tls, certs, name):
    one, up = tls({"tls": getattr(certs, name)})
    assert_refused(one, up, "certificate_error")
    until(lambda: one.ended(reason="certificate_error") == 2, "the log of it")


@pytest.mark.parametrize("name", ["good", "with_intermediate"])
def test_t3_certificates_that_are(tls, certs, name):
    one, _ = tls({"tls": getattr(certs, name)})
    assert_fine(one)


@pytest.mark.parametrize("host, name, trusted", [
    ("score.test", "good", True), ("SCORE.test", "good", True), ("other.test", "good", False),
    ("score.example.test", "wildcard", True), ("a.b.example.test", "wildcard", False),
    ("example.test", "wildcard", False), ("score.test", "wildcard_tld", False)])
def test_t2_t5_names_and_wildcards(named, certs, host, name, trusted):
    one, up = named(host, getattr(certs, name))
    if trusted:
        assert_fine(one)
        assert up.requests[0].headers["host"].lower() == host.lower()
    else:
        assert_refused(one, up, "certificate_error")


@pytest.mark.parametrize("options", [
    {"maximum": TLS_1_0}, {"minimum": TLS_1_1, "maximum": TLS_1_1},
    {"maximum": TLS.TLSv1_2, "ciphers": "eNULL"}], ids=["1.0", "1.1", "null-cipher"])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_t6_old_versions_and_no_cipher(tls, options):
    one, up = tls(options)
    assert_refused(one, up, "tls_error")
    assert up.handshakes


@pytest.mark.parametrize("options, version", [
    ({"maximum": TLS.TLSv1_2}, "TLSv1.2"), ({"minimum": TLS.TLSv1_3}, "TLSv1.3")])
def test_t7_one_version_only(tls, options, version):
    one, up = tls(options)
    assert_fine(one)
    assert up.sessions[0].socket.version() == version


def test_t7_min_version(tls):
    one, up = tls({"maximum": TLS.TLSv1_2}, tls={"min_version": "1.3"})
    assert_refused(one, up, "tls_error")


def test_t7_max_version(tls):
    one, up = tls({"minimum": TLS.TLSv1_3}, tls={"max_version": "1.2"})
    assert_refused(one, up, "tls_error")


HELLO = 100  # fewer bytes than any ClientHello has
RAW = {
    "plain-http": lambda s: (s.rx(HELLO), s.tx(b"HTTP/1.1 400 Bad Request\r\n\r\n"), s.hang(2)),
    "garbage": lambda s: (s.rx(HELLO), s.tx(bytes(range(256)) * 4), s.hang(2)),
    "alert": lambda s: (s.rx(HELLO), s.tx(b"\x15\x03\x03\x00\x02\x02\x28"), s.hang(2)),
    "fin-before-hello": lambda s: s.fin(),
    "fin-after-hello": lambda s: (s.rx(HELLO), s.fin()),
    "rst-after-hello": lambda s: (s.rx(HELLO), s.rst()),
    "half-a-record": lambda s: (s.rx(HELLO), s.tx(b"\x16\x03\x03\x10\x00\x02"), s.fin()),
}


@pytest.mark.parametrize("script", RAW.values(), ids=RAW)
def test_t8_no_handshake(gateway, upstream, script):
    up = upstream(script, raw=True)
    one = gateway([{"path": "/score", "scoring_uri": up.url(), "auth": key_auth(KEY)}])
    assert_problem(one.client().post("/score"), "tls_error")


def test_t8_reset_before_hello(gateway, upstream):
    """It may strike before or after the connection counts as open."""
    up = upstream(lambda s: s.rst(), raw=True)
    one = gateway([{"path": "/score", "scoring_uri": up.url(), "auth": key_auth(KEY)}])
    assert_problem(one.client().post("/score"), "tls_error", "connection_refused",
                   "connection_failed")


def test_t9_handshake_hangs(gateway, upstream):
    up = upstream(lambda s: s.hang(), raw=True)
    one = gateway([{"path": "/score", "scoring_uri": up.url(), "auth": key_auth(KEY),
                    "connect_timeout_ms": 400}])
    assert_problem(one.client().post("/score"), "connect_timeout")
    until(up.sessions[0].gone.is_set, "the end of the dial")


def refused_config(one):
    """The config of ONE, which is not started, is refused by serve and check alike; what they say."""
    said = []
    for command in ("serve", "check"):
        done = subprocess.run([binary(), command, "-c", str(one.config)], capture_output=True,
                              text=True, timeout=20, check=False, env=environment())
        assert done.returncode == 78, done
        said.append(done.stderr + done.stdout)
        assert KEY not in said[-1]
    return said


@pytest.mark.parametrize("uri", ["http://127.0.0.1:1/score", "file:///etc/passwd",
                                 "ftp://127.0.0.1/score", "127.0.0.1/score"])
def test_t10_only_https(gateway, uri):
    one = gateway([{"path": "/score", "scoring_uri": uri, "auth": key_auth(KEY)}], start=False)
    for said in refused_config(one):
        assert f"{one.config}:" in said and "scoring_uri" in said


@pytest.mark.parametrize("uri", ["file:///etc/passwd", "ftp://127.0.0.1/score"])
def test_t10_insecure_means_http_and_nothing_else(gateway, uri):
    one = gateway([{"path": "/score", "scoring_uri": uri, "allow_insecure_upstream": True}],
                  start=False)
    refused_config(one)


def test_t10_http_if_the_operator_says_so(serve):
    one, _ = serve(handler=fine, upstream_options={"tls": None}, allow_insecure_upstream=True)
    assert_fine(one)


@pytest.mark.parametrize("where", ["top", "route"])
@pytest.mark.parametrize("content", [None, b"", b"no certificate at all\n",
                                     b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
                         ids=["missing", "empty", "text", "corrupt"])
def test_t12_ca_file_that_cannot_be_used(gateway, tmp_path, content, where):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    route = {"path": "/score", "scoring_uri": "https://127.0.0.1:1/score"}
    if where == "route":
        one = gateway([{**route, "tls": {"ca_file": str(path)}}], start=False)
    else:
        one = gateway([route], ca=path, start=False)
    for said in refused_config(one):
        assert str(path) in said


@pytest.mark.parametrize("explicit", [True, False], ids=["ca_file", "system"])
def test_t12_no_ca_from_the_environment(gateway, upstream, certs, explicit):
    up = upstream(handler=fine, tls=certs.unknown_ca)
    names = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "CURL_SSL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")
    one = gateway([{"path": "/score", "scoring_uri": up.url(), "auth": key_auth(KEY)}],
                  ca=certs.ca if explicit else None, env={n: certs.other_ca for n in names})
    assert_refused(one, up, "certificate_error")


def test_t12_the_environment_gives_nothing_away(gateway, upstream, tmp_path):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password letmein\n")
    (tmp_path / ".curlrc").write_text('insecure\nheader = "X-Curlrc: yes"\n')
    log = tmp_path / "keys.log"
    up = upstream(handler=fine)
    with closed_port() as port:
        nowhere = f"http://127.0.0.1:{port.getsockname()[1]}"
        one = gateway([{"path": "/score", "scoring_uri": up.url()}],
                      env={"HOME": str(tmp_path), "NETRC": str(tmp_path / ".netrc"),
                           "SSLKEYLOGFILE": str(log), "ALL_PROXY": nowhere, "all_proxy": nowhere,
                           "http_proxy": nowhere})
        assert_fine(one)
    assert "authorization" not in up.requests[0].headers
    assert "x-curlrc" not in up.requests[0].headers
    assert not log.exists(), "the TLS keys were written"


def test_https_proxy_and_no_proxy_of_the_environment(gateway, upstream):
    up = upstream(handler=fine)
    with EgressProxy({"score.test:443": ("127.0.0.1", up.port)}) as proxy:
        one = gateway([{"path": "/score", "scoring_uri": "https://score.test/score"},
                       {"path": "/near", "scoring_uri": up.url()}],
                      env={"https_proxy": f"http://127.0.0.1:{proxy.port}", "no_proxy": "127.0.0.1"})
        caller = one.client()
        assert caller.post("/score").status == 200
        assert caller.post("/near").status == 200
        assert [h.target for h in proxy.heads] == ["score.test:443"]
        one.finish()


@pytest.mark.parametrize("setting", [{"verify": False}, {"insecure": True}, {"verify_peer": False},
                                     {"verify_host": False}, {"ca_file": ""}])
def test_t13_verification_cannot_be_switched_off(gateway, setting):
    one = gateway([{"path": "/score", "scoring_uri": "https://127.0.0.1:1/score"}], ca=None,
                  tls=setting, start=False)
    for said in refused_config(one):
        assert next(iter(setting)) in said


@pytest.mark.parametrize("protocols", [["h2"], ["h2", "http/1.1"]])
def test_t14_http_1_1_is_spoken(tls, protocols):
    one, up = tls({"alpn": protocols})
    assert_fine(one)
    assert up.requests[0].version == "HTTP/1.1"
    assert up.sessions[0].socket.selected_alpn_protocol() in (None, "http/1.1")


# Beyond the matrix

def test_client_certificate(tls, certs):
    one, up = tls({"client_ca": certs.ca},
                  tls={"client_certificate": certs.client.chain, "client_key": certs.client.key})
    assert_fine(one)
    assert "scoregate client" in str(up.sessions[0].socket.getpeercert()["subject"])


@pytest.mark.parametrize("version", [TLS.TLSv1_2, TLS.TLSv1_3], ids=["1.2", "1.3"])
def test_client_certificate_that_is_wanted_and_not_there(tls, certs, version):
    one, up = tls({"client_ca": certs.ca, "minimum": version, "maximum": version})
    # With TLS 1.3 the refusal comes when the handshake is over for the client.
    assert_problem(one.client().post("/score"), "tls_error", "connection_closed")
    assert up.heads == []


def pin_of(cert):
    with open(cert.leaf, "rb") as file:
        key = x509.load_pem_x509_certificate(file.read()).public_key()
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256//" + base64.b64encode(hashlib.sha256(der).digest()).decode()


def test_pin(tls, certs):
    one, _ = tls(tls={"pin": f"{pin_of(certs.second)};{pin_of(certs.good)}"})
    assert_fine(one)


def test_pin_of_another_key(tls, certs):
    one, up = tls(tls={"pin": pin_of(certs.second)})
    assert_refused(one, up, "certificate_error")


def test_each_route_trusts_its_own_ca(gateway, upstream, certs):
    """Two trust configurations side by side do not lend each other anything."""
    ours = upstream(handler=fine, tls=certs.good)
    theirs = upstream(handler=fine, tls=certs.unknown_ca)
    other = {"ca_file": certs.other_ca}
    one = gateway([{"path": "/ours", "scoring_uri": ours.url()},
                   {"path": "/theirs", "scoring_uri": theirs.url(), "tls": other},
                   {"path": "/ours-wrong", "scoring_uri": ours.url(), "tls": other},
                   {"path": "/theirs-wrong", "scoring_uri": theirs.url()}])
    caller = one.client()
    for _ in range(2):
        assert caller.post("/ours").status == caller.post("/theirs").status == 200
        assert_problem(caller.post("/ours-wrong"), "certificate_error")
        assert_problem(caller.post("/theirs-wrong"), "certificate_error")
    assert len(ours.requests) == len(theirs.requests) == 2


@pytest.mark.parametrize("version", [TLS.TLSv1_2, TLS.TLSv1_3], ids=["1.2", "1.3"])
def test_sessions_are_resumed(serve, version):
    """A new connection costs no full handshake."""
    def script(s):
        s.rxreq()
        s.txresp(200, (("Connection", "close"),), b"fine")
        resumed.append(s.socket.session_reused)

    resumed = []
    one, _ = serve(script, upstream_options={"minimum": version, "maximum": version})
    for _ in range(3):
        assert_fine(one)
    until(lambda: len(resumed) == 3, "three connections")
    assert resumed == [False, True, True]
