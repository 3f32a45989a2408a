# SPDX-License-Identifier: MIT
"""The page of examples/browser, in Chromium, with its README's configuration and command."""

import re
import urllib.request

import pytest
from lib.readme import EXAMPLES
from lib.wait import until
from servers import KEY, Process, free_port

pytestmark = pytest.mark.xdist_group("vendor")
EXAMPLE = EXAMPLES / "browser"
README = (EXAMPLE / "README.md").read_text()
NO_PREDICTIONS = ["–", "–"]


@pytest.fixture
def web(tmp_path):
    """The origin that the README's own command serves the folder at."""
    (command,) = re.findall(r"^    (python3 -m http\.server .*) 8000$", README, re.MULTILINE)
    port = free_port()
    server = Process(tmp_path, "web", [*command.split(), port, "--directory", EXAMPLE])
    origin = f"http://127.0.0.1:{port}"
    server.wait_for(lambda: urllib.request.urlopen(origin).status == 200)
    yield origin
    server.stop()


@pytest.fixture
def page(browser, vendor, gateway, web, certs):
    """Makes a gateway with the README's configuration, and a Browser that shows the page.
    SCORING_PATH: of the endpoint; MORE: further keys of the route; CONTEXT: as playwright's
    newContext takes them."""
    def make(scoring_path="/score", more="", **context):
        (config,) = re.findall(r"^```libconfig\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
        gate = gateway(start=False, secrets=[KEY])
        for old, new in (("8080", "0"), ("cors = {", f"{more} cors = {{"),
                         ("http://127.0.0.1:8000", web),
                         ("/etc/scoregate/diabetes.key", gate.secret_file("diabetes.key", KEY)),
                         ("https://NAME.REGION.inference.ml.azure.com/score",
                          vendor.url(scoring_path))):
            assert config.count(old) == 1
            config = config.replace(old, new)
        gate.write_config(f'{config}tls = {{ ca_file = "{certs.ca}"; }};\n'
                          'admin = { address = "127.0.0.1"; port = 0; };\n')
        gate.start()
        browser.visit(f"{web}/?uri={gate.url('/diabetes')}", **context)
        return browser, gate
    return make


def score(browser):
    browser.step("click", on="#score")
    browser.wait("() => !document.getElementById('score').disabled")


def predictions(browser):
    return browser.run("() => Array.from(document.querySelectorAll('output'), (o) => o.value)")


def request_is_logged(browser, gate):
    """The id that the page shows is in the log."""
    word, request_id = browser.step("text", of="#request").split()
    assert word == "Request"
    until(lambda: gate.ended(request_id=request_id) == 1)
    return True


def error(browser):
    return [browser.step("text", of=f"#{part}") for part in ("title", "detail", "reason")]


def test_it_shows_the_two_predictions(page, tmp_path):
    browser, gate = page(colorScheme="light", viewport={"width": 680, "height": 700})
    assert predictions(browser) == NO_PREDICTIONS
    score(browser)
    assert predictions(browser) == ["217.68", "224.79"]
    assert error(browser) == ["", "", ""]
    assert request_is_logged(browser, gate)
    assert browser.step("console") == []
    browser.step("picture", path=str(tmp_path / "page.png"))  # which the README shows
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")


def test_the_features_can_be_changed(page):
    browser, _ = page()
    browser.step("fill", on='[aria-label="bmi, row 1"]', value="0.0606183944448076")
    score(browser)
    first, second = predictions(browser)
    assert float(first) < 217 and second == "224.79"
    browser.step("fill", on='[aria-label="bmi, row 1"]', value="0.104808689473925")
    browser.step("press", key="Enter")
    browser.wait("() => document.querySelector('output').value === '217.68'")


def test_what_is_no_number_is_not_sent(page):
    browser, gate = page()
    browser.step("fill", on='[aria-label="age, row 2"]', value="")
    browser.step("click", on="#score")
    assert browser.run("() => document.querySelector('input:invalid').ariaLabel") == "age, row 2"
    assert gate.client().get("/nowhere").status == 404
    until(lambda: gate.ended() == gate.ended(reason="no_route") == 1)


def test_every_control_has_a_name(page):
    browser, _ = page(colorScheme="dark")
    said = browser.step("spoken")
    assert '- textbox "Scoring address"' in said and '- button "Score"' in said
    fields = re.findall(r'spinbutton "(.+), row ([12])"', said)
    assert len(fields) == len(set(fields)) == 20
    assert said.count("spinbutton") == 20


def test_an_error_of_scoregate(page):
    browser, gate = page(more="body_bytes = 100;")
    score(browser)
    title, detail, reason = error(browser)
    assert title == "Content Too Large" and "body_bytes" in detail
    assert reason == "Reason: body_too_large"
    assert predictions(browser) == NO_PREDICTIONS
    assert request_is_logged(browser, gate)


def test_an_error_of_the_endpoint(page):
    browser, _ = page(scoring_path="/nowhere")
    score(browser)
    title, detail, _ = error(browser)
    assert title == "The endpoint answered 404" and detail


def test_an_answer_that_is_something_else(page):
    browser, _ = page(scoring_path="/raw/score")  # which gives the request back
    score(browser)
    assert error(browser)[0] == "The answer is not two predictions"
    assert predictions(browser) == NO_PREDICTIONS


@pytest.mark.parametrize("elsewhere", ["another origin", "no gateway"])
def test_what_cannot_be_read(page, web, elsewhere):
    """The page names the line that the route needs."""
    browser, gate = page()
    origin = web
    if elsewhere == "no gateway":
        gate.stop()
    else:
        origin = web.replace("127.0.0.1", "localhost")
        browser.visit(f"{origin}/?uri={gate.url('/diabetes')}")
    score(browser)
    title, detail, _ = error(browser)
    assert title == "No answer that this page may read"
    assert f'cors = {{ origins = [ "{origin}" ]; }}' in detail
    if elsewhere == "another origin":
        until(lambda: gate.ended(reason="origin_not_allowed") == 1)
