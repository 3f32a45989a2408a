# SPDX-License-Identifier: MIT
"""Pages from other machines, in Chromium. Since version 142 it asks its user before a page of the
internet may reach the local network or the machine itself, and that is all: until the user says yes
nothing is sent, afterwards the gateway is called as by any page. The preflights of before, with
Access-Control-Request-Private-Network, to which cors.private_network is the answer, are gone.
Version 156 did not ask about pages of the local network yet, as the draft says that it should."""

import json

import pytest
from lib.config import key_auth
from lib.wait import until
from servers import DATA, KEY
from test_vendor_browser_foreign import FETCHES, NAVIGATIONS, act, assert_refused, fetch

pytestmark = pytest.mark.xdist_group("vendor")
SAMPLE = (DATA / "sample-request.json").read_text()
SITES = ["https://public.example", "https://intranet.example"]
SCORE = {"method": "POST", "headers": {"Content-Type": "application/json"}, "body": SAMPLE}


def visit(browser, origin, allowed):
    """ALLOWED: by the user."""
    browser.visit(origin + "/", grant={origin: ["local-network-access"]} if allowed else None,
                  ignoreHTTPSErrors=True)


@pytest.mark.parametrize("private_network", [True, False])
@pytest.mark.parametrize("origin", SITES)
def test_a_page_that_the_user_allows_scores(browser, vendor, gateway, origin, private_network):
    gate = gateway([{"path": "/score", "scoring_uri": vendor.url(), "auth": key_auth(KEY),
                     "cors": {"origins": [origin], "private_network": private_network}}])
    visit(browser, origin, allowed=True)
    answer = browser.call(gate.url("/score"), **SCORE)
    assert answer.get("status") == 200, (answer, browser.step("console"))
    assert json.loads(answer["body"]) == pytest.approx([217.67980824, 224.78900904], abs=0.001)


@pytest.mark.parametrize("origin", ["https://public.example", "http://public.example"])
def test_otherwise_nothing_is_sent(browser, serve, origin):
    """A page that came without TLS cannot even be allowed."""
    gate, up = serve(cors={"origins": [origin], "private_network": True})
    visit(browser, origin, allowed=False)
    for wanted in (SCORE, {"method": "POST", "body": SAMPLE}, {}):
        assert browser.call(gate.url("/score"), **wanted) == {"failed": "TypeError"}
    blocked = [line for line in browser.step("console") if "has been blocked" in line]
    assert len(blocked) == 3 and all("`loopback`" in line for line in blocked)
    gate.client().get("/nowhere")
    until(lambda: gate.ended(reason="no_route"))  # nothing can come later than that
    assert gate.ended() == gate.ended(reason="no_route")
    assert up.accepted == 0


@pytest.mark.parametrize("name", ["json", "text", "get"])
def test_the_users_word_is_not_the_gateways(browser, serve, name):
    gate, up = serve(cors={"origins": [SITES[1]], "private_network": True})
    reason, options = FETCHES[name]
    visit(browser, SITES[0], allowed=True)
    assert fetch(browser, gate, options) == {"failed": "TypeError"}
    assert_refused(gate, up, reason)


@pytest.mark.parametrize("name", NAVIGATIONS)
def test_navigations_are_left_to_the_gateway(browser, serve, name):
    """The user is not asked about them."""
    gate, up = serve()
    reason, code = NAVIGATIONS[name]
    visit(browser, "http://public.example", allowed=False)
    act(browser, gate, code)
    assert_refused(gate, up, reason)
