"""The result for each declaration: the report of a conversion, and its exit status."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

Became: TypeAlias = Literal["converted", "changed", "lost", "not understood", "off", "unknown"]
"""``changed``: converted, and not quite the same; ``off``: in a part that a condition leaves out;
``unknown``: it depends on what is not here, and none of ours is known to."""

STATUS: Final[dict[Became, int]] = {"lost": 1, "not understood": 3}
"""Exit statuses; 2 is that of a wrong command line."""


class Finding(NamedTuple):
    """The result for one declaration."""

    place: str
    what: str
    became: Became
    text: str


def exit_status(findings: Iterable[Finding]) -> int:
    """0: everything is in the file; 1: something is lost; 3: something was not understood."""
    return max((STATUS.get(finding.became, 0) for finding in findings), default=0)
