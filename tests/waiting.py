"""Waiting for what will be so: tests wait for a condition, never for a time in which it should have come."""

import time
from collections.abc import Callable

ENOUGH = 90.0  # seconds: far more than anything takes on a busy machine, so that what never comes is a failure and no stuck suite


def until(true: Callable[[], object], seconds: float = ENOUGH) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not come"
        time.sleep(0.01)
