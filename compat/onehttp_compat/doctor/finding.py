"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["information", "warning", "error"]
"""``error``: the process may crash or cannot work; ``warning``: it may surprise."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact about a process, and a way to fix it if it should be otherwise."""

    severity: Severity
    what: str
    """``tls``, ``files``, ``proxy``: the part that it is about."""
    text: str
    way_out: str = ""
