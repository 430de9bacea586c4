"""docs/run.md shows what ``onehttp run`` prints, and a file of ``--assume`` that is one."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from lookup_server import serving

from servers.kamailio import real_server

ROOT = Path(__file__).parents[2]
BLOCKS = [block.partition("\n") for block in (ROOT / "docs/run.md").read_text().split("```")[1::2]]
SHOWN = [text for kind, _, text in BLOCKS if not kind]


def printed(shown: str) -> tuple[str, str]:
    """What the page shows, and what the command prints."""
    command, _, expected = shown.partition("\n")
    with serving() as address:
        run = subprocess.run(
            [sys.executable, "-m", *command.removeprefix("$ ").split()],
            cwd=ROOT, env={**os.environ, "ROUTING_API": address, "COLUMNS": "80"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    return without_figures(expected), without_figures(run.stdout)


def without_figures(text: str) -> str:
    """Times and ports differ from run to run, and widths with them; versions from year to year."""
    plain = re.sub(r"\d+\.\d\d\b|:\d{4,5}(?=/)|Kamailio \S+, with \d+", "N", text)
    return re.sub(r"\s+", " ", plain).strip()


def test_the_report_is_as_the_page_says() -> None:
    expected, said = printed(SHOWN[0])
    assert said == expected


@pytest.mark.debian
def test_the_comparison_is_as_the_page_says() -> None:
    real_server.skip_unless_installed()
    expected, said = printed(SHOWN[1])
    assert said == expected


def test_the_file_of_assume_can_be_read(tmp_path: Path) -> None:
    (text,) = (text for kind, _, text in BLOCKS if kind == "yaml")
    (tmp_path / "assume.yaml").write_text(text)
    (tmp_path / "hooks.py").write_text("def allow(ksr, group): return 1\n")
    (tmp_path / "script.py").write_text("def ksr_request_route():\n    return 1\n")
    run = subprocess.run(
        [sys.executable, "-m", "onehttp", "run", "script.py", "--assume", "assume.yaml"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in ("registrar.lookup", "auth_db.auth_check", "$gip2(src=>cc)"):
        assert name in run.stdout  # never asked by this script
