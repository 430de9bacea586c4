"""The connections file that commands use if none is named."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from onehttp_backends.hints.keywords import explained

USUAL: Final = "connections.yaml"


@explained
def usual_file() -> Path | None:
    """``connections.yaml`` of this folder, if there is one."""
    path = Path(USUAL)
    return path if path.is_file() else None
