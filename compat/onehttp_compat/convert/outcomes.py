"""The result for each declaration: the report of a conversion, and its exit status."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

Became: TypeAlias = Literal["converted", "changed", "lost", "not understood", "off", "unknown"]
"""``changed``: converted with a difference. ``off``: in a part that a condition excludes.
``unknown``: it depends on something that is missing here, and none of our modules is known to be
concerned."""

STATUS: Final[dict[Became, int]] = {"lost": 1, "not understood": 3}
"""Exit statuses. 2 is not among them, because it means a wrong command line."""


class ConversionFinding(NamedTuple):
    """The result for one declaration."""

    place: str
    what: str
    became: Became
    text: str


def exit_status(findings: Iterable[ConversionFinding]) -> int:
    """Return 0 if everything is in the file, 1 if something is lost, 3 if something was not
    understood."""
    return max((STATUS.get(finding.became, 0) for finding in findings), default=0)
