# SPDX-License-Identifier: MIT
"""The wall clock jumps while the gateway runs (row K9): no token is fetched for it, none is kept
longer, nobody notices."""

import pytest

from lib.cloud import Load, World
from lib.faketime import WallClock
from lib.wait import until


@pytest.fixture
def jumping(azure, certs, upstream, gateway, tmp_path):
    """jump(seconds) sets the gateway's wall clock that far off, from its next look at it."""
    clock = WallClock(tmp_path)
    azure.endpoint_lifetime, azure.endpoint_refresh_after = 4, 2
    azure.token_lifetime, azure.refresh_in = 4, 2
    world = World(azure, certs, upstream, gateway, auth_mode="AMLToken", env=clock.env)
    return world, clock.jump


@pytest.mark.parametrize("seconds", [3600, -3600, 10 * 365 * 86400])
def test_k9_a_jump_of_the_wall_clock(jumping, azure, seconds):
    one, jump = jumping
    one.ready()
    load = Load(one.gateway, callers=4).wait(50)
    before = azure.count("arm.token"), azure.count("entra.token")
    jump(seconds)
    # Three renewals of each, at their pace.
    first = len(azure.asked("arm.token"))
    until(lambda: azure.count("arm.token") >= first + 3, "three renewals", 20)
    load.stop()
    assert not load.wrong, (load.wrong[:3], one.gateway.log())
    calls = azure.asked("arm.token")[before[0]:]
    gaps = [b.started - a.started for a, b in zip(calls, calls[1:])]
    assert all(1.0 < gap < 3.5 for gap in gaps), gaps
    assert azure.count("entra.token") - before[1] <= 6
    year = one.gateway.log().splitlines()[-1][:4]
    assert seconds < 10**8 or int(year) >= 2035, "the clock did jump"
