"""The types of values of a pseudo-variable."""

from __future__ import annotations

from typing import TypeAlias

Value: TypeAlias = "bytes | str | int | None"
