"""How long tests wait, on a machine however busy, for what must happen."""

from __future__ import annotations

from typing import Final

PATIENCE_S: Final = 60
