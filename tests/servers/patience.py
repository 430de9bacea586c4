"""How long tests wait, on a machine however busy, for what must happen."""

from __future__ import annotations

import faulthandler
import signal
import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 60


def end_if_it_hangs() -> None:
    """In a forked child: it is killed by then, and its threads' stacks tell where it stood."""
    faulthandler.register(signal.SIGALRM, chain=True)
    signal.alarm(PATIENCE_S)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what nothing tells of."""
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "it does not become so"
        time.sleep(0.005)
