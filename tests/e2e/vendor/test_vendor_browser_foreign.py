# SPDX-License-Identifier: MIT
"""Pages that may not call, in Chromium: whatever they try, the endpoint does not hear of it."""

import pytest
from browser import Site
from lib.wait import until

pytestmark = pytest.mark.xdist_group("vendor")
ORIGIN, SITE = "origin_not_allowed", "cross_site"

# By name: why the gateway refuses it, and what the page does. A browser names the origin of every
# request but a GET or HEAD that nobody may read; of those it says that they go to another site.
FETCHES = {
    "json": (ORIGIN, "{method: 'POST', body: '{}', headers: {'Content-Type': 'application/json'}}"),
    "text": (ORIGIN, "{method: 'POST', body: '{}'}"),
    "form": (ORIGIN, "{method: 'POST', body: new URLSearchParams({data: '1'})}"),
    "multipart": (ORIGIN, "{method: 'POST', body: new FormData()}"),
    "untyped": (ORIGIN, "{method: 'POST', body: new Blob(['{}'])}"),
    "empty": (ORIGIN, "{method: 'POST'}"),
    "keepalive": (ORIGIN, "{method: 'POST', body: '{}', keepalive: true}"),
    "credentials": (ORIGIN, "{method: 'POST', body: '{}', credentials: 'include'}"),
    "get": (ORIGIN, "{}"),
    "head": (ORIGIN, "{method: 'HEAD'}"),
    "put": (ORIGIN, "{method: 'PUT', body: '{}'}"),
    "header": (ORIGIN, "{headers: {'x-model': '7'}}"),
}
SILENT = {
    "no-cors post": (ORIGIN, "fetch(url, {method: 'POST', body: '{}', mode: 'no-cors'})"),
    "no-cors get": (SITE, "fetch(url, {mode: 'no-cors'})"),
    "beacon": (ORIGIN, "navigator.sendBeacon(url, '{}')"),
    "event source": (ORIGIN, "new EventSource(url)"),
    "web socket": (ORIGIN, "new WebSocket(url.replace('http:', 'ws:'))"),
    "image": (SITE, "new Image().src = url"),
    "image with cors": (ORIGIN, "Object.assign(new Image(), {crossOrigin: '', src: url})"),
    "video": (SITE, "Object.assign(document.createElement('video'), {src: url}).load()"),
    "worker": (SITE, "new Worker(URL.createObjectURL(new Blob([`importScripts('${url}')`])))"),
    "module": (ORIGIN, "import(url).catch(() => {})"),
    **{tag: (SITE, f"document.body.append(Object.assign(document.createElement('{tag}'), {more}))")
       for tag, more in (("script", "{src: url}"), ("iframe", "{src: url}"),
                         ("link", "{rel: 'stylesheet', href: url}"), ("object", "{data: url}"))},
}
SUBMIT = """document.body.innerHTML = '<form %s><input name="data" value="1">';
    document.forms[0].action = url;
    document.forms[0].submit()"""
NAVIGATIONS = {
    **{f"form {kind}": (ORIGIN, SUBMIT % f'method="post" enctype="{kind}"')
       for kind in ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")},
    "form get": (SITE, SUBMIT % ""),
    "location": (SITE, "location = url"),
    "window": (SITE, "window.open(url)"),
}
ACTS = {**SILENT, **NAVIGATIONS}


def fetch(browser, gate, options, frame=None):
    """What the page can tell of the answer of the route."""
    return browser.run(f"(url) => call(url, {options})", gate.url("/score"), frame)


def act(browser, gate, code, frame=None):
    """The page does CODE with the URL of the route, and waits for nothing."""
    browser.run(f"(url) => {{ {code}; }}", gate.url("/score"), frame)


@pytest.fixture
def guarded(serve, site):
    """A gateway whose route serves one origin, and is careless otherwise; its upstream."""
    return serve(cors={"origins": [site.origin("intranet.localhost")], "headers": ["*"]},
                 default_content_type="application/json", methods=["GET", "POST", "PUT"])


def assert_refused(gate, up, reason):
    """All that came to the route ended with REASON; after a 421 Chromium comes twice."""
    until(lambda: gate.ended(reason=reason), f"a request ends with {reason}")
    assert gate.ended(reason=reason) == gate.ended(path="/score")
    assert up.accepted == 0


# Another site

@pytest.mark.parametrize("name", FETCHES)
def test_a_page_of_another_site_cannot_fetch(browser, site, guarded, name):
    reason, options = FETCHES[name]
    browser.visit(site.origin("evil.localhost") + "/")
    assert fetch(browser, guarded[0], options) == {"failed": "TypeError"}
    assert_refused(*guarded, reason)


@pytest.mark.parametrize("name", ACTS)
def test_a_page_of_another_site_cannot_make_it_happen(browser, site, guarded, name):
    reason, code = ACTS[name]
    browser.visit(site.origin("evil.localhost") + "/")
    act(browser, guarded[0], code)
    assert_refused(*guarded, reason)


# No origin that has a name

@pytest.mark.parametrize("name", FETCHES)
def test_a_sandboxed_frame_cannot_fetch(browser, site, guarded, name):
    reason, options = FETCHES[name]
    site.pages["/sandbox"] = '<iframe name="box" sandbox="allow-scripts" src="/"></iframe>'
    browser.visit(site.origin("intranet.localhost") + "/sandbox")  # allowed, but for the sandbox
    assert browser.run("() => self.origin", frame="box") == "null"
    assert fetch(browser, guarded[0], options, "box") == {"failed": "TypeError"}
    assert_refused(*guarded, reason)


@pytest.mark.parametrize("name", ["no-cors post", "image", "form text/plain", "form get"])
def test_a_data_url_cannot_make_it_happen(browser, site, guarded, name):
    reason, code = ACTS[name]
    site.pages["/data"] = '<iframe name="box" src="data:text/html,<!doctype html><body>"></iframe>'
    browser.visit(site.origin("intranet.localhost") + "/data")
    assert browser.run("() => self.origin", frame="box") == "null"
    act(browser, guarded[0], code, "box")
    assert_refused(*guarded, reason)


# Another port of the gateway's own host

@pytest.mark.parametrize("name", FETCHES)
def test_a_page_of_another_port_cannot_fetch(browser, site, guarded, name):
    reason, options = FETCHES[name]
    browser.visit(site.origin("127.0.0.1") + "/")
    assert fetch(browser, guarded[0], options) == {"failed": "TypeError"}
    assert_refused(*guarded, reason)


@pytest.mark.parametrize("name", ACTS)
def test_a_page_of_another_port_cannot_make_it_happen(browser, site, guarded, name):
    reason, code = ACTS[name]
    browser.visit(site.origin("127.0.0.1") + "/")
    act(browser, guarded[0], code)
    assert_refused(*guarded, reason)


# DNS rebinding

def test_a_name_that_is_not_the_gateways_is_refused(browser, guarded):
    gate, up = guarded
    assert browser.visit(f"http://evil.localhost:{gate.port}/score") == 421
    assert_refused(gate, up, "host_not_ours")


@pytest.mark.parametrize("options", ["{}", FETCHES["json"][1], FETCHES["text"][1]])
def test_a_rebound_page_is_refused(browser, upstream, gateway, options):
    """The page was loaded from its own server; then its name, and so its origin, leads to the
    gateway. No request of it is cross-origin for the browser."""
    up = upstream()
    with Site() as attacker:
        browser.visit(attacker.origin("evil.localhost") + "/")
    gate = gateway([{"path": "/score", "scoring_uri": up.url()}],
                   listen=[{"address": "127.0.0.1", "port": attacker.port}])
    answer = browser.run(f"() => call('/score', {options})")
    assert answer["status"] == 421
    assert '"host_not_ours"' in answer["body"]
    assert_refused(gate, up, "host_not_ours")
