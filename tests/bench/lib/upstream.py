# SPDX-License-Identifier: MIT
"""The scoring service of the benchmark: an nginx that answers from memory, and a sink for large
bodies. Both answer only who shows the key, so that no gateway is fast by not doing its job. TLS 1.2
only, as the real endpoints of managed services have long been."""

import os
import shutil
import sys
from pathlib import Path

from . import files
from .process import Failure, Process, free_port, listens

# path of the gateway -> listener of the upstream and path there. `new` and `resumed` close the
# connection after each answer, without and with resumption of TLS sessions.
ROUTES = {"/score": ("score", "/score"), "/up": ("sink", "/up"), "/large": ("score", "/large"),
          "/huge": ("score", "/huge"), "/new": ("new", "/score"), "/resumed": ("resumed", "/score")}
BODIES = ("/up", "/large", "/huge")
EVER = 1000000000  # requests per connection

CONFIG = """
    ssl_certificate {made.chain};
    ssl_certificate_key {made.key};
    ssl_protocols TLSv1.2;
    ssl_session_tickets off;
    default_type application/json;
    map $http_authorization $stranger {{ default 1; "Bearer {key}" 0; }}
    server {{
        {listen[score]}
        if ($stranger) {{ return 401; }}
        location = /score {{ return 200 '{answer}'; }}
        location = /large {{ alias {made.large}; }}
        location = /huge {{ alias {made.huge}; }}
    }}
    server {{
        {listen[new]}
        if ($stranger) {{ return 401; }}
        keepalive_timeout 0;
        location = /score {{ return 200 '{answer}'; }}
    }}
    server {{
        {listen[resumed]}
        if ($stranger) {{ return 401; }}
        keepalive_timeout 0;
        ssl_session_cache shared:sessions:1m;
        ssl_session_tickets on;
        location = /score {{ return 200 '{answer}'; }}
    }}
"""


# localhost may mean ::1 first: no gateway shall pay for trying an address in vain
LOOPBACK = ["127.0.0.1", "[::1]"] if Path("/proc/net/if_inet6").exists() else ["127.0.0.1"]


def program(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not path:
        raise Failure(f"{name} is not installed")
    return path


def nginx_config(directory, http):
    """An nginx.conf around the http block's content that leaves nothing outside DIRECTORY."""
    user = "user root;" if os.geteuid() == 0 else ""
    temporary = "\n".join(f"    {kind}_temp_path {directory}/{kind};"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = Path(directory) / "nginx.conf"
    path.write_text(f"""{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile 16384;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
{temporary}
    keepalive_timeout 1h;
    keepalive_requests {EVER};
{http}
}}
""")
    return path


class Upstream:
    """ports: by listener."""

    def __init__(self, made, core):
        directory = made.directory / "upstream"
        directory.mkdir()
        self.ports = {name: free_port() for name in ("score", "new", "resumed", "sink")}
        listen = {name: "".join(f"listen {host}:{port} ssl backlog=4096; " for host in LOOPBACK)
                  for name, port in self.ports.items()}
        config = nginx_config(
            directory, CONFIG.format(made=made, listen=listen, key=files.KEY, answer=files.ANSWER))
        self._processes = []
        for port, command in (
                ("score", [program("nginx"), "-c", config]),
                ("sink", [sys.executable, Path(__file__).with_name("sink.py"), self.ports["sink"],
                          made.chain, made.key, files.KEY])):
            process = Process(command, core, directory / "log")
            self._processes.append(process)
            process.wait(lambda port=port: listens(self.ports[port]), "listening")

    def stop(self):
        for process in self._processes:
            process.stop()
