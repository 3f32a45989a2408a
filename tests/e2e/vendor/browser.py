# SPDX-License-Identifier: MIT
"""Chromium, driven by browser.mjs, and the web sites that its pages come from."""

import json
import os
import shutil
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from clients import clients_directory, node

# Debian's smallest build of Chromium: all of the engine and the network stack, no windows.
PROGRAM = "chromium-headless-shell"
# call(url, options): what a page can tell of the answer, or the name of the error that it gets.
BLANK = """<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,">
<title>A page</title>
<script>
async function call(url, options) {
  try {
    const r = await fetch(url, options);
    return {status: r.status, headers: Object.fromEntries(r.headers), body: await r.text()};
  } catch (error) {
    return {failed: error.name};
  }
}
</script>
"""


class Site:
    """A web server that answers every GET with a page, BLANK or what .pages has for the path. Every
    name below localhost leads to it, so one site has as many origins as one likes."""

    def __init__(self, tls=None):
        self.pages = {}
        self.requests = []  # (method, path, headers)
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                site.requests.append((self.command, self.path, self.headers))
                body = site.pages.get(self.path.partition("?")[0], BLANK).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.chain, tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,),
                                        daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def origin(self, host):
        return f"http://{host}:{self.port}"

    def stop(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Browser:
    """One Chromium with a fresh profile. HOME: a directory for it. ARGUMENTS: of its start."""

    def __init__(self, home, arguments=()):
        program = shutil.which(PROGRAM)
        if not program:
            pytest.fail(f"{PROGRAM} is not installed: run ./bootstrap deps browser")
        clean = {n: v for n, v in os.environ.items() if not n.lower().endswith("_proxy")}
        with open(home / "browser.log", "wb") as log:
            self._process = subprocess.Popen(
                [str(c) for c in node("browser.mjs")], cwd=clients_directory(), text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                env={**clean, "HOME": str(home)})
        self._log = home / "browser.log"
        self.version = self._ask({"executable": program, "arguments": [
            "--disable-quic", "--disable-sync", "--no-proxy-server", *arguments]})

    def _ask(self, question):
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the browser ended:\n{self._log.read_text()}"
        return json.loads(line)

    def steps(self, *steps):
        """The result of each step, as browser.mjs describes them."""
        answer = self._ask(steps)
        assert "results" in answer, f"{answer['failed']}\n" + "\n".join(answer.get("console", ()))
        return answer["results"]

    def step(self, do, **what):
        return self.steps({"do": do, **what})[0]

    def visit(self, url, grant=None, **options):
        """A new page, which remembers nothing, and a visit of URL; the answer's status. OPTIONS: as
        playwright's newContext takes them."""
        return self.steps({"do": "new", "options": options, "grant": grant},
                          {"do": "open", "url": url})[1]

    def run(self, text, value=None, frame=None):
        """What the JavaScript function TEXT returns for VALUE, in the page or one of its frames."""
        return self.step("run", text=text, value=value, frame=frame)

    def call(self, url, **options):
        """What the page can tell of the answer when it fetches URL."""
        return self.run("([url, options]) => call(url, options)", [url, options])

    def wait(self, text, value=None):
        """Until the JavaScript function TEXT returns something true, which is returned."""
        return self.step("wait", text=text, value=value)

    def stop(self):
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
