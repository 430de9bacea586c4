"""What a script in the real server says when its worker is there, and who waits for it reads."""

from __future__ import annotations

import sys
from typing import Final

READY: Final = "the worker is ready"


def tell_ready(rank: int) -> int:
    """For the end of ``child_init``: 0, the process may begin."""
    if rank == 1:
        print(READY, file=sys.stderr, flush=True)
    return 0
