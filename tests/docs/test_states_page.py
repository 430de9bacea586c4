"""docs/states.md draws the tables as they are."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_diagrams_are_current() -> None:
    wanted = runpy.run_path(str(ROOT / "scripts" / "write-diagrams"))["page"]()
    assert (ROOT / "docs" / "states.md").read_text() == wanted, "run scripts/write-diagrams"
