"""README.md shows what the commands print."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from lookup_server import serving

ROOT = Path(__file__).parents[2]
COMMAND = "onehttp run examples/legacy_routing.py --message examples/messages"


def test_the_report_of_a_script_is_as_the_readme_says() -> None:
    block = (ROOT / "README.md").read_text().partition(f"$ {COMMAND}\n")[2].partition("```")[0]
    shown = block.removesuffix("...\n")
    with serving() as address:
        run = subprocess.run(
            [sys.executable, "-m", *COMMAND.split()],
            cwd=ROOT, env={**os.environ, "ROUTING_API": address, "COLUMNS": "80"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert _without_figures(run.stdout).startswith(_without_figures(shown))


def _without_figures(text: str) -> str:
    """Times and ports differ from run to run, and widths with them."""
    return re.sub(r" +", " ", re.sub(r"\d+\.\d\d\b|:\d{4,5}(?=/)", "N", text))
