# SPDX-License-Identifier: MIT
"""The fake in another process: the commands of its /_control, JSON in and out, and their client.

A POST carries one object whose members are done in this order, each answered under its own name:

    apply        more of what there is, as a description (see describe())
    set          {attribute of Azure: value}
    fault        {"kind": …, "times": …, further options of Fault}
    clear        a kind, or null for all
    secret       {"name", "value"}: a new version
    deployment   {"endpoint", "name", …}: a new one, or other options of one that there is
    undeploy     {"endpoint", "name"}
    traffic      {"endpoint", "traffic": {deployment: percent}}
    deny, allow  {"client_id", "kinds"}
    federated    {"path", "client_id", "lifetime"}: a new token into the file
    environment  a kind, or {"kind", "client_id"}
    count, peak  a kind
    keys         the name of an endpoint or service
    accepts      {"name", "authorization"}
    calls        a kind: what was asked; forget: true

A GET answers the URLs."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from .message import Answer

ORDER = ("apply", "set", "fault", "clear", "secret", "deployment", "undeploy", "traffic", "deny",
         "allow", "federated", "environment", "count", "peak", "keys", "accepts", "calls",
         "forget")


def describe(azure, description):
    """Adds what DESCRIPTION tells: applications, identities, workspaces with endpoints (and their
    deployments) and services, secrets, settings; each with the options of its method."""
    for name, value in description.get("settings", {}).items():
        set_attribute(azure, name, value)
    for options in description.get("applications", ()):
        azure.application(**options)
    for options in description.get("identities", ()):
        azure.identity(**options)
    for options in description.get("secrets", ()):
        azure.secret(**options)
    for options in description.get("workspaces", ()):
        options = dict(options)
        endpoints, services = options.pop("endpoints", ()), options.pop("services", ())
        workspace = azure.workspace(**options)
        for one in endpoints:
            one = dict(one)
            deployments = one.pop("deployments", ())
            endpoint = workspace.endpoint(**one)
            for deployment in deployments:
                endpoint.deployment(**deployment)
        for one in services:
            workspace.service(**one)


def set_attribute(azure, name, value):
    if name.startswith("_") or not hasattr(azure, name) or callable(getattr(azure, name)):
        raise ValueError(f"no attribute is called {name!r}")
    setattr(azure, name, value)


class Commands:
    def __init__(self, azure):
        self._azure = azure

    def urls(self):
        azure = self._azure
        return {"authority": azure.authority, "management": azure.management,
                "imds": azure.imds, "vault_url": azure.vault_url, "control": azure.control_url,
                "tenant": azure.tenant}

    def serve(self, call):
        if call.method == "GET":
            return Answer(200, self.urls())
        commands = call.json()
        try:
            if not isinstance(commands, dict) or set(commands) - set(ORDER):
                raise ValueError(f"the members are among {', '.join(ORDER)}")
            return Answer(200, {name: getattr(self, f"_{name}")(commands[name])
                                for name in ORDER if name in commands})
        except (ValueError, TypeError, KeyError) as problem:
            return Answer(400, {"problem": str(problem)})

    def _principal(self, client_id):
        found = self._azure.principal({"appid": client_id})
        if found is None:
            raise KeyError(client_id)
        return found

    def _apply(self, description):
        describe(self._azure, description)

    def _set(self, attributes):
        for name, value in attributes.items():
            set_attribute(self._azure, name, value)

    def _fault(self, options):
        if isinstance(options.get("body"), str):
            options["body"] = options["body"].encode("latin-1")
        self._azure.fault(**options)

    def _clear(self, kind):
        self._azure.clear(kind)

    def _secret(self, options):
        self._azure.secrets[options["name"].lower()].value = options["value"]

    def _deployment(self, options):
        options = dict(options)
        endpoint, name = self._azure.find(options.pop("endpoint")), options.pop("name")
        there = endpoint.deployments.get(name.lower())
        if there is None:
            endpoint.deployment(name, **options)
        else:
            there.change(**options)

    def _undeploy(self, options):
        self._azure.find(options["endpoint"]).undeploy(options["name"])

    def _traffic(self, options):
        self._azure.find(options["endpoint"]).shift(**options["traffic"])

    def _deny(self, options):
        self._principal(options["client_id"]).deny(*options["kinds"])

    def _allow(self, options):
        self._principal(options["client_id"]).allow(*options.get("kinds", ()))

    def _federated(self, options):
        self._azure.write_federated(options["path"], self._principal(options["client_id"]),
                                    options.get("lifetime", 3600))

    def _environment(self, wanted):
        wanted = {"kind": wanted} if isinstance(wanted, str) else wanted
        if wanted["kind"] == "workload":
            return self._azure.environment("workload", self._principal(wanted["client_id"]),
                                           wanted.get("token_file"))
        return self._azure.environment(wanted["kind"], client_id=wanted.get("client_id"))

    def _count(self, kind):
        return self._azure.count(kind)

    def _peak(self, kind):
        return self._azure.peak(kind)

    def _keys(self, name):
        keys = self._azure.find(name).keys
        return {"primary": keys.primary, "secondary": keys.secondary}

    def _accepts(self, options):
        return self._azure.check_scoring(options["name"], options["authorization"]) is None

    def _calls(self, kind):
        return [call.record() for call in self._azure.asked(kind or "*")]

    def _forget(self, yes):
        if yes:
            self._azure.forget()


class Control:
    """Talks to a /_control at URL: control("count", "arm.*"), control(set={…}, fault={…})."""

    def __init__(self, url):
        self.url = url
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def __call__(self, name=None, value=None, **commands):
        """What the one command NAME answers; without it, an object of all answers."""
        commands = commands if name is None else {name: value}
        request = urllib.request.Request(
            self.url, json.dumps(commands).encode(), {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=30) as answer:
                document = json.load(answer)
        except urllib.error.HTTPError as problem:
            raise ValueError(json.load(problem)["problem"]) from None
        return document if name is None else document[name]

    def count(self, kind="*"):
        return self("count", kind)


class Process(Control):
    """`python3 -m azure` with DESCRIPTION, running until stop(). TLS: a Cert. PREFIX: a command
    that starts it, as ("faketime", "+1h"). Its URLs are attributes: authority, management, imds,
    vault_url, tenant."""

    def __init__(self, tls, description=None, prefix=(), env=None):
        tests = Path(__file__).resolve().parent.parent
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "azure", tls.chain, tls.key, "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(tests), "PYTHONDONTWRITEBYTECODE": "1",
                 **(env or {})})
        self._process.stdin.write(json.dumps(description or {}).encode())
        self._process.stdin.close()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the fake ended with {self._process.wait()}")
        self.__dict__.update(json.loads(line))
        super().__init__(self.control)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
        self._process.stdout.close()
