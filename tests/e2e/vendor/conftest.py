# SPDX-License-Identifier: MIT
"""Fixtures of the tests with other parties' programs."""

import pytest
from browser import Browser, Site
from example_client import ExampleClient
from servers import KEY, Vendor, installed, vendor_directory


@pytest.fixture(scope="session")
def vendor(tmp_path_factory, certs):
    if not installed():
        pytest.fail(f"Microsoft's scoring server is not in {vendor_directory()}: run "
                    "tests/e2e/vendor/install")
    one = Vendor(tmp_path_factory.mktemp("vendor"), certs.good)
    yield one
    one.stop()


@pytest.fixture
def example_client(vendor, gateway, certs, tmp_path):
    """example_client(NAME, scoring path of the endpoint): an ExampleClient with scoregate running."""
    def make(name, scoring_path="/score"):
        one = ExampleClient(name, tmp_path, gateway(start=False, secrets=[KEY]))
        one.serve(vendor.url(scoring_path), certs.ca)
        return one
    return make


@pytest.fixture(scope="session")
def site():
    """A web site on this machine."""
    with Site() as one:
        yield one


@pytest.fixture(scope="session")
def chromium(tmp_path_factory, certs):
    """A Browser. It takes https://public.example and http://public.example for sites of the
    internet, https://intranet.example for one of the local network; all of them are here."""
    with Site(certs.good) as public, Site() as plain, Site(certs.good) as intranet:
        names = {"public.example:443": public, "public.example:80": plain,
                 "intranet.example:443": intranet}
        spaces = {public: "public", plain: "public", intranet: "local"}
        one = Browser(tmp_path_factory.mktemp("browser"), [
            "--host-resolver-rules=" + ",".join(
                f"MAP {name} 127.0.0.1:{site.port}" for name, site in names.items()),
            "--ip-address-space-overrides=" + ",".join(
                f"127.0.0.1:{site.port}={space}" for site, space in spaces.items())])
        yield one
        one.stop()


@pytest.fixture
def browser(chromium, gateway):  # pylint: disable=unused-argument
    """The Browser, whose page is gone, with its connections, before the gateways stop."""
    yield chromium
    chromium.step("leave")
