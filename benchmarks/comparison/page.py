"""docs/compare.md, between its markers."""

from __future__ import annotations

from datetime import datetime, timezone

from benchmarks.comparison.features import SECTIONS
from benchmarks.comparison.running import Cell, Client
from benchmarks.contender import ROOT
from benchmarks.page import between

PAGE = ROOT / "docs" / "compare.md"


def write(clients: list[Client], cells: dict[tuple[str, str], Cell]) -> None:
    """Put the tables in their place."""
    PAGE.write_text(between(PAGE.read_text(), "features", tables(clients, cells)))


def tables(clients: list[Client], cells: dict[tuple[str, str], Cell]) -> str:
    """A table for each section, and the notes to all of them."""
    versions = ", ".join(f"{each.name} {each.version}" for each in clients)
    day = datetime.now(timezone.utc).date()
    parts = [f"Run on {day:%Y-%m-%d} with {versions}."]
    notes: list[str] = []
    for section, features in SECTIONS.items():
        head = ["", *(each.name for each in clients)]
        rows = [_row(head), "|---" * len(head) + "|"]
        for feature in features:
            if (feature.name, clients[0].name) in cells:
                found = [_cell(cells[feature.name, each.name], notes) for each in clients]
                rows.append(_row([feature.title, *found]))
        if len(rows) > 2:
            parts.append(f"### {section}\n\n" + "\n".join(rows))
    parts.append("### Notes\n\n" + "\n".join(f"{n}. {note}" for n, note in enumerate(notes, 1)))
    return "\n\n".join(parts)


def _row(texts: list[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _cell(cell: Cell, notes: list[str]) -> str:
    if not cell.note:
        return cell.answer
    if cell.note not in notes:
        notes.append(cell.note)
    return f"{cell.answer} ({notes.index(cell.note) + 1})"
