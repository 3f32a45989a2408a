# SPDX-License-Identifier: MIT
"""Configurations that are wrong: exit status 78, every error with its file and line, in one go, the
same from serve, check and config."""

import re
import socket
from pathlib import Path

import pytest
from lib.cli import run

ROUTE = '{ path = "/score"; scoring_uri = "https://a.example/score"; }'
VM = 'identities = { vm = { type = "managed"; }; };\n'
NAMES = 'subscription = "s"; resource_group = "g"; workspace = "w"; name = "n";'
APP = 'type = "client-secret"; tenant = "t"; client_id = "c";'


def write(path, text, mode=0o600):
    path.write_text(text)
    path.chmod(mode)
    return path


def errors(tmp_path, text, name="c.conf"):
    """[(line or None, message)] of a config that is wrong, the same from every command."""
    config = write(tmp_path / name, text)
    said = None
    for command in ("check", "serve", "config"):
        result = run(command, "-c", config, cwd=tmp_path)
        assert result.returncode == 78, (result.stdout, result.stderr)
        assert result.stdout == ""
        assert said in (None, result.stderr)
        said = result.stderr
    found = []
    for line in said.splitlines():
        match = re.match(rf"{re.escape(str(config))}(?::(\d+))?: (.+)", line)
        assert match, f"an error without its file: {line!r}"
        found.append((int(match[1]) if match[1] else None, match[2]))
    return found


@pytest.mark.parametrize("text, line, words", [
    # Unknown keys, with the nearest known one
    ('listn = ( );', 1, ["listn", "listen"]),
    ('\n\nworker = 2;', 3, ["worker", "workers"]),
    ('limits = { conections = 5; };', 1, ["conections", "connections"]),
    ('log = { levl = "info"; };', 1, ["levl", "level"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; methds = [ "GET" ]; } );', 1,
     ["methds", "methods"]),
    ('routes = (\n  { path = "/a";\n    scoring_uri = "https://a.example/";\n    max_body = 5; } );', 4, ["max_body"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/";\n auth = { typ = "key"; }; } );', 2, ["typ", "type"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/";\n cors = { origin = [ "https://b.example" ]; }; } );',
     2, ["origin", "origins"]),
    ('tls = { verify = false; };', 1, ["verify"]),  # there is no such switch, on purpose
    ('insecure = true;', 1, ["insecure"]),
    # Types
    ('workers = "two";', 1, ["workers"]),
    ('workers = 2.5;', 1, ["workers"]),
    ('workers = true;', 1, ["workers"]),
    ('hosts = [ 1 ];', 1, ["hosts"]),
    ('admin = ( );', 1, ["admin"]),
    ('routes = "x";', 1, ["routes"]),
    ('routes = ( "x" );', 1, ["routes"]),
    ('log = { access = 1; };', 1, ["access"]),
    # Ranges, also those that libconfig cuts silently
    ('workers = 99999999999;', 1, ["workers"]),
    ('workers = 4294967297;', 1, ["workers"]),
    ('workers = -1;', 1, ["workers"]),
    ('workers = 99999999999999999999999;', 1, []),
    ('listen = ( { port = 65536; } );', 1, ["port"]),
    ('listen = ( { port = -1; } );', 1, ["port"]),
    ('drain_timeout_ms = 99999999999;', 1, ["drain_timeout_ms"]),
    ('limits = { connections = 0; };', 1, ["connections"]),
    ('limits = { header_bytes = 10; };', 1, ["header_bytes"]),
    ('limits = { client_header_timeout_ms = 0; };', 1, ["client_header_timeout_ms"]),
    # Choices
    ('log = { level = "inf"; };', 1, ["level", "info"]),
    ('log = { format = "xml"; };', 1, ["format", "json"]),
    ('tls = { min_version = "1.1"; };', 1, ["min_version", "1.2"]),
    ('tls = { min_version = "1.3"; max_version = "1.2"; };', 1, ["version"]),
    # Listeners
    ('listen = ( { address = "localhost"; } );', 1, ["address"]),
    ('listen = ( { address = "127.0.0.1/8"; } );', 1, ["address"]),
    ('listen = ( { unix = "relative.sock"; } );', 1, ["unix"]),
    ('listen = ( { unix = "/' + "x" * 108 + '"; } );', 1, ["unix"]),
    ('listen = ( { unix = "/run/a.sock"; address = "127.0.0.1"; } );', 1, ["unix"]),
    ('listen = ( { unix = "/run/a.sock"; port = 1; } );', 1, ["unix"]),
    ('listen = ( { address = "127.0.0.1"; mode = "0600"; } );', 1, ["mode"]),
    ('listen = ( { unix = "/run/a.sock"; mode = "0999"; } );', 1, ["mode"]),
    ('listen = ( { unix = "/run/a.sock"; group = "no-such-group-here"; } );', 1, ["no-such-group-here"]),
    ('listen = ( { unix = "/run/a.sock"; allow_users = [ "no-such-user-here" ]; } );', 1, ["no-such-user-here"]),
    ('listen = ( { address = "127.0.0.1"; allow_clients = [ "10.0.0.0/33" ]; } );', 1, ["10.0.0.0/33"]),
    ('listen = ( { address = "127.0.0.1"; allow_clients = [ "host.example" ]; } );', 1, ["host.example"]),
    ('listen = ( { address = "127.0.0.1"; allow_users = [ "root" ]; } );', 1, ["allow_users"]),
    ('hosts = [ "http://a.example" ];', 1, ["hosts"]),
    ('hosts = [ "a.example:8080" ];', 1, ["hosts"]),
    ('hosts = [ "*" ];', 1, ["hosts"]),
    # Routes
    ('routes = ( { scoring_uri = "https://a.example/"; } );', 1, ["path"]),
    ('routes = ( { path = "/a"; } );', 1, ["scoring_uri"]),
    (f'routes = ( {ROUTE},\n {ROUTE} );', 2, ["path", "already"]),
    (f'routes = ( {ROUTE},\n {{ path = "/score/swagger.json"; scoring_uri = "https://a.example/"; }} );', 2,
     ["path", "description"]),
    ('routes = ( { path = "a"; scoring_uri = "https://a.example/"; } );', 1, ["path"]),
    ('routes = ( { path = "/a/"; scoring_uri = "https://a.example/"; } );', 1, ["path"]),
    ('routes = ( { path = "/a/../b"; scoring_uri = "https://a.example/"; } );', 1, ["path"]),
    ('routes = ( { path = "/a?b"; scoring_uri = "https://a.example/"; } );', 1, ["path"]),
    ('routes = ( { path = "/a b"; scoring_uri = "https://a.example/"; } );', 1, ["path"]),
    ('routes = ( { path = ""; scoring_uri = "https://a.example/"; } );', 1, ["path"]),
    ('routes = ( { path = "/a"; scoring_uri = "http://a.example/"; } );', 1, ["allow_insecure_upstream"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; swagger_uri = "http://a.example/"; } );', 1,
     ["allow_insecure_upstream"]),
    ('routes = ( { path = "/a"; scoring_uri = "file:///etc/passwd"; } );', 1, ["scoring_uri"]),
    ('routes = ( { path = "/a"; scoring_uri = "ftp://a.example/"; } );', 1, ["scoring_uri"]),
    ('routes = ( { path = "/a"; scoring_uri = "a.example/score"; } );', 1, ["scoring_uri"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://"; } );', 1, ["scoring_uri"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://u:p@a.example/"; } );', 1, ["userinfo"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/#f"; } );', 1, ["fragment"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example:99999/"; } );', 1, ["port"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/a b"; } );', 1, ["scoring_uri"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; methods = [ "FETCH" ]; } );', 1, ["FETCH"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; methods = [ "post" ]; } );', 1, ["post", "POST"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; methods = [ ]; } );', 1, ["methods"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; set_headers = { Host = "x"; }; } );', 1, ["Host"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; set_headers = { Content-Length = "1"; }; } );', 1,
     ["Content-Length"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; set_headers = { X = "a\\nb"; }; } );', 1, ["set_headers"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/";\n set_headers = { Authorization = "x"; }; '
     'auth = { type = "key"; primary = "k"; }; } );', 2, ["Authorization"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; default_content_type = "json"; } );', 1,
     ["default_content_type"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; deployment = "a b"; } );', 1, ["deployment"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; response_timeout_ms = 0; } );', 1,
     ["response_timeout_ms"]),
    # Credentials
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "key"; }; } );', 1, ["primary"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { primary = "k"; }; } );', 1, ["type"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "key"; secondary = "k"; }; } );', 1,
     ["primary"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "kee"; primary = "k"; }; } );', 1,
     ["type", "key"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "key"; primary = ""; }; } );', 1,
     ["primary"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "key"; primary = { fil = "x"; }; }; } );',
     1, ["fil"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "key"; primary = { }; }; } );', 1,
     ["primary"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "key"; '
     'primary = { file = "/x"; env = "Y"; }; }; } );', 1, ["primary"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "key"; primary = "k"; '
     'header = "Host"; }; } );', 1, ["header"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "key"; primary = "k"; '
     'header = "a b"; }; } );', 1, ["header"]),
    # Identities
    ('identites = { };', 1, ["identites", "identities"]),
    ('identities = ( );', 1, ["identities", "NAME = {"]),
    ('identities = {\n vm = "managed"; };', 2, ["identities"]),
    ('identities = {\n vm = { }; };', 2, ["type"]),
    ('identities = { vm = {\n type = "manged"; }; };', 2, ["manged", "managed"]),
    ('identities = { vm = { type = "managed";\n cleint_id = "c"; }; };', 2, ["cleint_id", "client_id"]),
    ('identities = { vm = { type = "managed";\n secret = "s"; }; };', 2,
     ["secret", "managed", "client_id, object_id and resource_id"]),
    ('identities = { vm = { type = "managed"; client_id = "c";\n object_id = "o"; }; };', 2, ["object_id", "client_id", ":1"]),
    ('identities = { vm = { type = "managed"; resource_id = "vm"; }; };', 1, ["/subscriptions/"]),
    ('identities = { a = { type = "client-secret"; client_id = "c"; secret = "s"; }; };', 1, ["tenant"]),
    (f'identities = {{ a = {{ {APP} }}; }};', 1, ["secret is missing", "client-secret"]),
    (f'identities = {{ a = {{ {APP} secret = {{ file = "/nonexistent/s"; }}; }}; }};', 1, ["/nonexistent/s"]),
    ('identities = { a = { type = "certificate"; tenant = "t"; client_id = "c"; }; };', 1, ["certificate is missing"]),
    ('identities = { a = { type = "certificate"; tenant = "t"; client_id = "c";\n certificate = "/nonexistent/c.pem"; }; };',
     2, ["/nonexistent/c.pem"]),
    ('identities = { a = { type = "workload"; tenant = "a b"; }; };', 1, ["a b"]),
    (f'identities = {{\n a = {{ {APP} secret = {{ key_vault = "https://v.example"; name = "n"; identity = "b"; }}; }};\n'
     f' b = {{ {APP} secret = {{ key_vault = "https://v.example"; name = "n"; identity = "a"; }}; }}; }};', 2,
     ["circle", "a -> b -> a"]),
    # Azure
    ('azure = { cloud = "germany"; };', 1, ["cloud", "public"]),
    ('azure = { authority = "http://a.example"; };', 1, ["authority", "https"]),
    ('azure = { management = "https://a.example/?x"; };', 1, ["management", "query"]),
    ('azure = { api_version = "latest"; };', 1, ["api_version", "2024-10-01"]),
    # Endpoints by name
    (f'{VM}routes = ( {{ path = "/a"; online_endpoint = {{ {NAMES} }};\n scoring_uri = "https://a.example/"; '
     'identity = "vm"; } );', 3, ["scoring_uri", "online_endpoint", "web_service"]),
    (f'{VM}routes = ( {{ path = "/a"; online_endpoint = {{ {NAMES} }};\n web_service = {{ {NAMES} }}; '
     'identity = "vm"; } );', 3, ["online_endpoint", "web_service"]),
    (f'{VM}routes = ( {{ path = "/a"; web_service = {{ name = "n"; }}; identity = "vm"; }} );', 2,
     ["subscription", "resource_group", "workspace"]),
    (f'{VM}routes = ( {{ path = "/a"; web_service = {{ {NAMES} nmae = "n"; }}; identity = "vm"; }} );', 2,
     ["nmae", "name"]),
    (f'routes = ( {{ path = "/a"; online_endpoint = {{ {NAMES} }}; }} );', 1, ["identity"]),
    ('identities = { machine = { type = "managed"; }; };\n'
     f'routes = ( {{ path = "/a"; online_endpoint = {{ {NAMES} }};\n identity = "machne"; }} );', 3, ["machne", "machine"]),
    (f'{VM}routes = ( {{ path = "/a"; scoring_uri = "https://a.example/";\n identity = "vm"; }} );', 3,
     ["identity", "online_endpoint"]),
    # Credentials that renew themselves
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/";\n auth = { type = "endpoint-key"; }; } );', 2,
     ["endpoint-key", "online_endpoint"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/";\n auth = { type = "endpoint-token"; }; } );', 2,
     ["endpoint-token", "online_endpoint"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/";\n auth = { type = "entra"; }; } );', 2, ["identity"]),
    (f'{VM}routes = ( {{ path = "/a"; scoring_uri = "http://a.example/"; identity = "vm"; auth = {{ type = "entra"; }}; }} );',
     2, ["allow_insecure_upstream"]),
    (f'{VM}routes = ( {{ path = "/a"; scoring_uri = "https://a.example/"; identity = "vm"; '
     'auth = { type = "entra"; scope = "https://ml.azure.com"; }; } );', 2, ["scope", "/.default"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "token"; }; } );', 1, ["file"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { file = "/t"; }; } );', 1, ["type", "token"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; auth = { type = "key"; primary = "k"; file = "/t"; }; } );',
     1, ["file", "token"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; '
     'auth = { type = "token"; file = "/t"; refresh_by = "2026-13-01T00:00:00Z"; }; } );', 1, ["refresh_by", "2026-13-01"]),
    # Key Vault
    (f'{VM}routes = ( {{ path = "/a"; scoring_uri = "https://a.example/"; auth = {{ type = "key"; primary = {{\n'
     'key_vault = "https://v.example/secrets"; name = "n"; identity = "vm"; }; }; } );', 3, ["key_vault", "path"]),
    (f'{VM}routes = ( {{ path = "/a"; scoring_uri = "https://a.example/"; auth = {{ type = "key"; primary = {{ '
     'key_vault = "https://v.example"; }; }; } );', 2, ["name", "identity"]),
    (f'{VM}routes = ( {{ path = "/a"; scoring_uri = "https://a.example/"; auth = {{ type = "key"; primary = {{ '
     'key_vault = "https://v.example"; name = "n";\n identity = "wm"; }; }; } );', 3, ["wm"]),
    # CORS
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; cors = { }; } );', 1, ["origins"]),
    ('routes = ( { path = "/a"; scoring_uri = "https://a.example/"; cors = { origins = [ "b.example" ]; }; } );', 1,
     ["b.example"]),
    # TLS and files
    ('tls = { ca_file = "/nonexistent/ca.pem"; };\nroutes = ( ' + ROUTE + ' );', 1, ["/nonexistent/ca.pem"]),
    ('tls = { pin = "sha256//short"; };', 1, ["pin"]),
    ('proxy = "gopher://p.example:70";', 1, ["proxy"]),
    ('hosts = [ "ok" ];\nproxy = { env = "NO_SUCH_VARIABLE"; };', 2, ["NO_SUCH_VARIABLE"]),
    # Grammar
    ('workers = ;', 1, []),
    ('workers = 1;\nlog = { level = "info";\nroutes = ( );\n', None, []),
    ('workers = 1;\nworkers = 2;', 2, ["workers"]),
    ('workers 1;', 1, []),
    ('hosts = [ "unfinished ];', 1, []),
    ('\x01', 1, []),
    ('@include "nothing-of-that-name.conf"', 1, ["nothing-of-that-name.conf"]),
], ids=lambda v: repr(v)[1:60] if isinstance(v, str) else None)
def test_error(tmp_path, text, line, words):
    found = errors(tmp_path, text + "\n")
    assert len(found) >= 1
    matching = [m for where, m in found if line is None or where == line]
    assert matching, f"nothing about line {line}: {found}"
    for word in words:
        assert any(word in m for m in matching), f"no {word!r} in {found}"


def test_all_errors_at_once_in_the_order_of_the_file(tmp_path):
    found = errors(tmp_path, '''workers = -1;
hosts = [ "a b" ];
limits = { conections = 5;
  header_bytes = 1; };
log = { level = "loud"; };
routes = (
  { path = "x";
    scoring_uri = "http://a.example/";
    methods = [ "NOPE" ]; },
  { path = "/ok";
    scoring_uri = "https://a.example/"; extra = 1; }
);
drain_timeout_ms = -5;
''')
    assert [line for line, _ in found] == sorted(line for line, _ in found)
    assert {line for line, _ in found} == {1, 2, 3, 4, 5, 7, 8, 9, 11, 13}


def test_the_first_mistake_of_grammar_and_every_name_that_stands_twice(tmp_path):
    found = errors(tmp_path, 'workers = 1;\nhosts = [ ];\nworkers = 2;\nhosts = [ "a" ];\nlog = ;\n')
    assert [line for line, _ in found] == [3, 4, 5]


def test_errors_in_an_included_file(tmp_path):
    write(tmp_path / "more.conf", 'limits = {\n  conections = 1; };\n')
    config = write(tmp_path / "c.conf", 'workers = 1;\n@include "more.conf"\nhosts = 5;\n')
    result = run("check", "-c", config)
    assert result.returncode == 78
    assert f"{tmp_path}/more.conf:2: " in result.stderr
    assert f"{config}:3: " in result.stderr  # lines are counted on behind an include


def test_include_works(tmp_path):
    write(tmp_path / "routes.conf", f"routes = ( {ROUTE} );\n")
    (tmp_path / "sub").mkdir()
    write(tmp_path / "sub" / "log.conf", 'log = { level = "error"; };\n')
    config = write(tmp_path / "c.conf", 'workers = 3;\n@include "routes.conf"\n@include "sub/log.conf"\n')
    result = run("config", "-c", config)
    assert result.returncode == 0, result.stderr
    assert "/score" in result.stdout and '"error"' in result.stdout
    write(tmp_path / "loop.conf", '@include "loop.conf"\n')
    result = run("check", "-c", tmp_path / "loop.conf")
    assert result.returncode == 78 and "loop.conf" in result.stderr


@pytest.mark.parametrize("name", ["none.conf", "directory"])
def test_no_config_to_read(tmp_path, name):
    (tmp_path / "directory").mkdir()
    for command in ("serve", "check", "config"):
        result = run(command, "-c", tmp_path / name)
        assert result.returncode == 78
        assert str(tmp_path / name) in result.stderr


def test_the_default_config_is_named_with_a_hint():
    result = run("check", env={"SCOREGATE_CONFIG": "/nonexistent/scoregate.conf"})
    assert result.returncode == 78
    assert "/nonexistent/scoregate.conf" in result.stderr


def test_junk(tmp_path):
    for junk in (bytes(range(256)), b"\x00" * 100, b"{" * 100000, b"(" * 100000, b'a = "' + b"x" * 100000,
                 b"a = " * 10000, b"/* no end", b"\xff\xfe", b"=" * 1000, b"@include " * 100, b"a" * 2_000_000):
        config = tmp_path / "junk.conf"
        config.write_bytes(junk)
        config.chmod(0o600)
        result = run("check", "-c", config)
        assert result.returncode == 78
        assert "junk.conf" in result.stderr
        assert len(result.stderr) < 100_000


def test_a_private_key_is_closed_to_others(tmp_path, certs):
    """The certificate of an identity: the file with the key counts."""
    key, certificates = Path(certs.client.key).read_text(), Path(certs.client.chain).read_text()
    chain = write(tmp_path / "chain.pem", certificates, 0o644)
    for mode, fine in ((0o640, True), (0o644, False)):
        apart = write(tmp_path / "app.key", key, mode)
        whole = write(tmp_path / "app.pem", certificates + key, mode)
        for files in (f'certificate = "{whole}";', f'certificate = "{chain}"; certificate_key = "{apart}";'):
            text = f'identities = {{ a = {{ type = "certificate"; tenant = "t"; client_id = "c"; {files} }}; }};\n'
            if fine:
                assert run("check", "-c", write(tmp_path / "c.conf", text)).returncode == 0
            else:
                [(line, message)] = errors(tmp_path, text)
                assert line == 1 and "0644" in message and "chmod o-rwx" in message
                assert run("check", "--insecure-permissions", "-c", tmp_path / "c.conf").returncode == 0


def test_an_empty_config_is_fine(tmp_path):
    """The defaults alone: it listens and serves no route."""
    assert run("check", "-c", write(tmp_path / "c.conf", "")).returncode == 0


def test_large_numbers_that_fit(tmp_path):
    config = write(tmp_path / "c.conf", 'routes = ( { path = "/a"; scoring_uri = "https://a.example/";\n'
                                        '  body_bytes = 8589934592; replay_bytes = 1048576; } );\n')
    result = run("config", "-c", config)
    assert result.returncode == 0, result.stderr
    assert "8589934592" in result.stdout


def test_bad_config_opens_no_socket(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
        config = write(tmp_path / "c.conf", f'listen = ( {{ address = "127.0.0.1"; port = {port}; }} );\nbad = 1;\n')
        result = run("serve", "-c", config, "--listen-file", tmp_path / "listen")
    assert result.returncode == 78  # not 1 because of the port
    assert not (tmp_path / "listen").exists()


def test_tls_files_are_looked_at(tmp_path, certs):
    for tls in (f'ca_file = "{write(tmp_path / "junk.pem", "no certificate")}";',
                f'client_certificate = "{certs.client.chain}"; client_key = "{certs.good.key}";',
                f'client_certificate = "{certs.client.chain}"; client_key = "/nonexistent.key";',
                f'client_key = "{certs.client.key}";'):
        found = errors(tmp_path, f"workers = 1;\ntls = {{ {tls} }};\nroutes = ( {ROUTE} );\n")
        assert found and all(line in (2, 3) for line, _ in found), found
    good = write(tmp_path / "good.conf", f'tls = {{ ca_file = "{certs.ca}"; client_certificate = "{certs.client.chain}"; '
                                         f'client_key = "{certs.client.key}"; }};\nroutes = ( {ROUTE} );\n')
    assert run("check", "-c", good).returncode == 0
