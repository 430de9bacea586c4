"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["information", "warning", "error"]
"""``error``: the process may crash or cannot work; ``warning``: it may surprise."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fact about a process, and the remedy if it is a problem."""

    severity: Severity
    what: str
    """The part that it concerns: ``tls``, ``files``, ``proxy``, ..."""
    text: str
    way_out: str = ""
