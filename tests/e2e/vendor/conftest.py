# SPDX-License-Identifier: MIT
"""Fixtures of the tests with other parties' programs."""

import pytest
from servers import Vendor, installed, vendor_directory


@pytest.fixture(scope="session")
def vendor(tmp_path_factory, certs):
    if not installed():
        pytest.fail(f"Microsoft's scoring server is not in {vendor_directory()}: run "
                    "tests/e2e/vendor/install")
    one = Vendor(tmp_path_factory.mktemp("vendor"), certs.good)
    yield one
    one.stop()
