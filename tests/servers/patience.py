"""How long tests wait, on a machine however busy, for what must happen."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 60


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what nothing tells of."""
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it does not become so"
        time.sleep(0.005)
