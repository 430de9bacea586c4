"""The figures of docs/performance.md, written between its markers."""

from __future__ import annotations

from benchmarks.contender import ROOT
from benchmarks.measure import Row, machine, table

PAGE = ROOT / "docs" / "performance.md"
FIGURE = ROOT / "docs" / "growth.svg"


def write(rows: list[Row], beside_peers: str) -> None:
    """Put what was measured in its place; what was not stays as it is."""
    text = PAGE.read_text()
    if rows:
        text = between(text, "figures", f"Measured on: {machine()}.\n\n{table(rows)}")
    if beside_peers:
        text = between(text, "peers", f"Measured on: {machine()}.\n\n{beside_peers}")
    PAGE.write_text(text)


def write_kamailio(rows: list[Row]) -> None:
    """Put what was measured in the real server in its place."""
    part = f"Measured on: {machine()}.\n\n{table(rows)}"
    PAGE.write_text(between(PAGE.read_text(), "kamailio", part))


def write_growth(table: str, figure: str) -> None:
    """Put the table and the figure of `benchmarks.growth` in their places."""
    part = f"Measured on: {machine()}.\n\n{table}"
    PAGE.write_text(between(PAGE.read_text(), "growth", part))
    FIGURE.write_text(figure)


def between(text: str, name: str, part: str) -> str:
    """``text`` with ``part`` between the markers of that name.

    Raises:
        ValueError: a marker is missing.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    before, _, rest = text.partition(begin)
    _, marker, after = rest.partition(end)
    if not marker:
        raise ValueError(f"{PAGE}: expected a part between {begin.strip()} and {end.strip()}")
    return f"{before}{begin}{part}\n{end}{after}"
