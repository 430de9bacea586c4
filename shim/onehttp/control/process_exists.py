"""Whether a process still exists."""

from __future__ import annotations

import os


def is_alive(pid: int) -> bool:
    """Whether there is a process of that number, of any user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
