"""Prints findings as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from onehttp_compat.cli.kamailio.check import ConfigFinding

_STYLES: Final = {"missing": "red", "danger": "yellow", "fact": ""}


def print_findings(file: Path, found: Sequence[ConfigFinding]) -> None:
    """Print a row for each finding, and a line with the result."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in found:
        table.add_row(Text(finding.level, _STYLES[finding.level]), Text(finding.text))
    console = Console(soft_wrap=True)
    console.print(table)
    levels = Counter(finding.level for finding in found)
    counts = (f"{levels['missing']} to mend", f"{levels['danger']} dangerous")
    told = ", ".join(each for each in counts if not each.startswith("0 "))
    console.print(f"{file}: {told or 'ready for setup(KSR)'}")
