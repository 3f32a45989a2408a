# SPDX-License-Identifier: MIT
"""An example as its reader has it: a folder, a machine, and endpoints at the names in its files."""

import shutil

from example_endpoint import Endpoint
from lib.machine import Machine
from lib.readme import EXAMPLES, commands
from lib.upstream import ScriptedUpstream


class Example:
    """The example NAME on a Machine, with its README's blocks in .commands. ENDPOINTS: {name of the
    host: a handler or script of an upstream}."""

    def __init__(self, name, tmp, certs, endpoints):
        self.directory = tmp / name
        shutil.copytree(EXAMPLES / name, self.directory)
        self.commands = commands(self.directory / "README.md")
        self._tls, self.upstreams = certs.example, {}
        self._places = {host: f"127.0.0.{n}" for n, host in enumerate(endpoints, 2)}
        self._endpoints = endpoints
        (tmp / "machine").mkdir()
        self.machine = Machine(tmp / "machine", self.directory, self._places, certs.ca)
        for host in endpoints:
            self.open(host)

    def open(self, host):
        """HOST can be reached from now on."""
        endpoint = self._endpoints[host]
        how = {"handler": endpoint} if isinstance(endpoint, Endpoint) else {"script": endpoint}
        self.upstreams[host] = ScriptedUpstream(
            tls=self._tls, listener=self.machine.listen(self._places[host]), **how)

    def close(self, host):
        self.upstreams[host].stop()
        self.upstreams[host].check()

    def finish(self):
        try:
            self.machine.finish()
        finally:
            for host in self.upstreams:
                self.close(host)

    def write(self, name, text, mode=0o600):
        """A file beside the README, as its reader has made it."""
        (self.directory / name).touch(mode=mode)
        (self.directory / name).write_text(text + "\n")
