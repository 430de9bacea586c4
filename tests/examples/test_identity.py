"""The demo of caller identity, as a reader runs it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "examples" / "identity.py"


@pytest.mark.slow
def test_the_demo_believes_what_is_true_and_refuses_the_rest() -> None:
    done = subprocess.run(
        [sys.executable, str(DEMO)], capture_output=True, text=True, check=True, timeout=60
    )
    verdicts = re.findall(r"^  (\w+(?: \w+)?)\s{1,}\(?(\w+)", done.stdout, re.MULTILINE)
    assert [line for line in verdicts if line[0] != "signed"] == [
        ("believed", "12155551212"),
        ("forged", "438"),
        ("stolen", "438"),
        ("too old", "403"),
        ("believed", "all"),
        ("forged", "438"),
        ("stolen", "437"),
        ("replayed", "403"),
    ]
    assert done.stderr == ""
