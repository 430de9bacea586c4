"""What a pseudo-variable may hold."""

from __future__ import annotations

from typing import TypeAlias

Value: TypeAlias = "bytes | str | int | None"
