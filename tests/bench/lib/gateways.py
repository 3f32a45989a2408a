# SPDX-License-Identifier: MIT
"""The gateways side by side. All get the same job: listen on loopback, put `Authorization: Bearer
KEY` on each request, hand it on over kept-alive, verified TLS; one worker, no access log."""

from . import files
from .process import Process, free_port, listens
from .upstream import BODIES, EVER, ROUTES, nginx_config, program

SCOREGATE = """
listen = ( {{ address = "127.0.0.1"; port = 0; }} );
admin = {{ enabled = false; }};
workers = 1;
log = {{ level = "warning"; access = false; }};
limits = {{ connections = 8192; client_idle_timeout_ms = 3600000; }};
tls = {{ ca_file = "{ca}"; }};
routes = (
{routes}
);
"""
SCOREGATE_ROUTE = """  {{ path = "{path}"; scoring_uri = "https://localhost:{port}{target}";
    body_bytes = 2147483648L; auth = {{ type = "key"; primary = {{ file = "{key}"; }}; }}; }}"""

NGINX = """
    client_max_body_size 0;
    proxy_http_version 1.1;
    proxy_ssl_trusted_certificate {ca};
    proxy_ssl_verify on;
    proxy_ssl_server_name on;
    proxy_ssl_name localhost;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
{upstreams}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
{locations}
    }}
"""
NGINX_UPSTREAM = """    upstream {name} {{
        server 127.0.0.1:{port};
        keepalive 64;
        keepalive_timeout 1h;
        keepalive_requests {ever};
    }}"""
NGINX_LOCATION = """        location = {path} {{
            proxy_set_header Host localhost:{port};
            proxy_set_header Connection "";
            proxy_set_header Authorization "Bearer {key}";
            proxy_pass https://{name}{target};
            {more}
        }}"""
NGINX_STREAM = "proxy_request_buffering off; proxy_buffering off;"

HAPROXY = """
global
    nbthread 1
    maxconn 8192
defaults
    mode http
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout http-keep-alive 1h
    http-reuse always
frontend callers
    bind 127.0.0.1:{port}
    http-request set-header Authorization "Bearer {key}"
{uses}
{backends}
"""
HAPROXY_BACKEND = """backend {name}
    http-request set-header Host localhost:{port}
    http-request set-path {target}
    default-server ssl verify required ca-file {ca} verifyhost localhost sni str(localhost)
    server one 127.0.0.1:{port} pool-purge-delay 1h"""


class Gateway:
    """One column of the table: started anew for each group of figures, with the CA file of its
    choice. only: the groups that it takes part in, if not all."""

    only = None

    def __init__(self, name):
        self.name = name
        self.process = None

    def start(self, made, upstream, core, ca, wrapper=()):
        """WRAPPER: words put before the command, such as valgrind's."""
        runs = 1
        while (made.directory / f"{self.name}-{runs}").exists():
            runs += 1
        self.directory = made.directory / f"{self.name}-{runs}"
        self.directory.mkdir()
        self.port = free_port()
        command = self.configure(upstream, ca)
        self.process = Process([*wrapper, *command], core, self.directory / "log")
        self.process.wait(self.ready, "listening")

    def ready(self):
        return listens(self.port)

    def stop(self):
        """The exit status, None if it was not running."""
        process, self.process = self.process, None
        return process.stop() if process else None


class Nginx(Gateway):
    """buffered: nginx as nobody has configured it for large bodies, which then pass through files.
    single: one process, for a tool that looks at one."""

    def __init__(self, name, buffered=False, single=False):
        super().__init__(name)
        self.buffered, self.single = buffered, single
        if buffered:
            self.only = ("body",)

    def configure(self, upstream, ca):
        upstreams = "\n".join(NGINX_UPSTREAM.format(name=name, port=port, ever=EVER)
                              for name, port in upstream.ports.items())
        locations = "\n".join(
            NGINX_LOCATION.format(
                path=path, name=name, target=target, port=upstream.ports[name], key=files.KEY,
                more=NGINX_STREAM if path in BODIES and not self.buffered else "")
            for path, (name, target) in ROUTES.items())
        text = NGINX.format(ca=ca, port=self.port, upstreams=upstreams, locations=locations)
        single = ["-g", "master_process off;"] if self.single else []
        return [program("nginx"), "-c", nginx_config(self.directory, text), *single]


class Haproxy(Gateway):
    def configure(self, upstream, ca):
        uses = "\n".join(f"    use_backend {path[1:]} if {{ path {path} }}" for path in ROUTES)
        backends = "\n".join(
            HAPROXY_BACKEND.format(name=path[1:], target=target, ca=ca,
                                   port=upstream.ports[listener])
            for path, (listener, target) in ROUTES.items())
        config = self.directory / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=self.port, key=files.KEY, uses=uses,
                                         backends=backends))
        return [program("haproxy"), "-db", "-f", config]


class Scoregate(Gateway):
    def __init__(self, name, binary):
        super().__init__(name)
        self.binary = binary

    def configure(self, upstream, ca):
        key = self.directory / "key"
        key.touch(mode=0o600)
        key.write_text(files.KEY)
        routes = ",\n".join(
            SCOREGATE_ROUTE.format(path=path, target=target, port=upstream.ports[name], key=key)
            for path, (name, target) in ROUTES.items())
        config = self.directory / "scoregate.conf"
        config.write_text(SCOREGATE.format(ca=ca, routes=routes))
        return [self.binary, "serve", "-c", config, "--listen-file", self.directory / "listen"]

    def ready(self):
        listen = self.directory / "listen"
        if not listen.exists():
            return False
        self.port = int(listen.read_text().split()[2])
        return True
