# SPDX-License-Identifier: MIT
"""Fixtures of the tests with other parties' programs."""

import pytest
from example import Example
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
def example(vendor, gateway, certs, tmp_path):
    """example(NAME, scoring path of the endpoint): an Example with scoregate running."""
    def make(name, scoring_path="/score"):
        one = Example(name, tmp_path, gateway(start=False, secrets=[KEY]))
        one.serve(vendor.url(scoring_path), certs.ca)
        return one
    return make
