# SPDX-License-Identifier: MIT
"""Microsoft's scoring server and the nginx in front of it, as processes."""

import os
import socket
import subprocess
from pathlib import Path

from lib.client import Client
from lib.gateway import ROOT
from lib.message import Closed
from lib.wait import until

HERE = Path(__file__).resolve().parent
DATA = ROOT / "tests" / "data"
KEY = "vendorKey0PrimaryCANARY7t5q"
# The entry scripts by the name that their paths begin with; "score" has the rest.
SCRIPTS = {"score": "score.py", "raw": "raw_score.py", "bodies": "bodies_score.py",
           "text": "text_score.py", "cors": "score.py", "power_bi": "power_bi_score.py"}
# And what the server's environment says besides.
SETTINGS = {"cors": {"AML_CORS_ORIGINS": "https://theirs.example"}}

NGINX = """
daemon off; master_process off; pid {tmp}/nginx.pid; error_log {tmp}/nginx.log;
events {{ }}
http {{
  access_log off; default_type text/plain; client_max_body_size 100m;
  client_body_temp_path {tmp}/body; proxy_temp_path {tmp}/proxy; fastcgi_temp_path {tmp}/fastcgi;
  uwsgi_temp_path {tmp}/uwsgi; scgi_temp_path {tmp}/scgi;
  map $http_authorization $allowed {{ default 0; "Bearer {key}" 1; }}
  proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off;
  proxy_set_header Host $host; proxy_set_header Connection "";
  proxy_set_header Authorization "";
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {cert.chain}; ssl_certificate_key {cert.key}; ssl_protocols TLSv1.2;
    if ($allowed = 0) {{ return 401 "key_auth_access_denied"; }}
    location / {{ proxy_pass http://unix:{tmp}/score.sock:/; }}
    {locations}
  }}
}}
"""
LOCATION = "location /{name}/ {{ proxy_pass http://unix:{tmp}/{name}.sock:/; }}"


def vendor_directory():
    return Path(os.environ.get("SCOREGATE_VENDOR_DIR") or ROOT / "build" / "vendor")


def installed():
    return (vendor_directory() / "installed.txt").exists()


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Process:
    """COMMAND with its output in TMP/NAME.log, running until stop()."""

    def __init__(self, tmp, name, command, env=None):
        self.log = tmp / f"{name}.log"
        with open(self.log, "wb") as out:
            self._process = subprocess.Popen(
                [str(c) for c in command], cwd=tmp, stdin=subprocess.DEVNULL, stdout=out,
                stderr=out, env={**os.environ, "HOME": str(tmp), **(env or {})})

    def wait_for(self, answers, timeout=60.0):
        """Until ANSWERS() is true; AssertionError with the log if the process ends before."""
        def ready():
            assert self._process.poll() is None, self.log.read_text()
            try:
                return answers()
            except (OSError, Closed):
                return False
        until(ready, f"{self.log.name[:-4]} is ready", timeout)

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Vendor:
    """The endpoint: .url() of its TLS front, .direct() to its scoring servers behind the front. A
    server runs from when it is first asked for."""

    def __init__(self, tmp, cert):
        self.tmp = tmp
        self.port = free_port()
        self._processes, self._servers = [], set()
        try:
            self._start_front(cert)
        except BaseException:
            self.stop()
            raise

    def _serve(self, name):
        if name in self._servers:
            return
        self._servers.add(name)
        sock = self.tmp / f"{name}.sock"
        models = self.tmp / f"{name}-models"
        (models / "diabetes" / "1").mkdir(parents=True)
        (models / "diabetes" / "1" / "diabetes-model.json").write_bytes(
            (DATA / "diabetes-model.json").read_bytes())
        server = Process(
            self.tmp, name,
            [vendor_directory() / "bin" / "gunicorn", "--bind", f"unix:{sock}",
             "--no-control-socket", "azureml_inference_server_http.server.entry:app"],
            {"AZUREML_ENTRY_SCRIPT": str(HERE / SCRIPTS[name]), "AZUREML_MODEL_DIR": str(models),
             "PYTHONDONTWRITEBYTECODE": "1", **SETTINGS.get(name, {})})
        self._processes.append(server)
        server.wait_for(lambda: self.direct("GET", "/", server=name).status == 200)

    def _start_front(self, cert):
        config = self.tmp / "nginx.conf"
        locations = "\n    ".join(LOCATION.format(name=name, tmp=self.tmp)
                                  for name in SCRIPTS if name != "score")
        config.write_text(NGINX.format(tmp=self.tmp, port=self.port, cert=cert, key=KEY,
                                       locations=locations))
        front = Process(self.tmp, "nginx", ["/usr/sbin/nginx", "-p", self.tmp, "-c", config])
        self._processes.append(front)
        front.wait_for(lambda: not Client(self.port).close())

    def url(self, path="/score"):
        """Of a service's "/score", or of another one's "/NAME/score"."""
        name = path.split("/")[1]
        self._serve(name if name in SCRIPTS else "score")
        return f"https://127.0.0.1:{self.port}{path}"

    def direct(self, method, target, headers=(), body=None, server="score"):
        """The answer of the server itself, past the front."""
        self._serve(server)
        with Client(unix=self.tmp / f"{server}.sock") as client:
            return client.request(method, target, headers, body)

    def stop(self):
        for process in reversed(self._processes):
            process.stop()
