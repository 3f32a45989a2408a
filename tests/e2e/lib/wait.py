# SPDX-License-Identifier: MIT
"""Waiting for a condition: polled, never slept for."""

import time


def until(condition, what="the condition", timeout=10.0):
    """Returns the first true value of CONDITION(), which is polled every 10 ms."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true in {timeout} s")
        time.sleep(0.01)
