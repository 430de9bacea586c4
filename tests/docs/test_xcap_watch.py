"""The XCAP demo runs as it is, and shows what it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.mark.slow
def test_the_watcher_hears_of_each_change_once() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "xcap_watch.py"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    heard = [row.split()[-1] for row in done.stdout.splitlines() if "sip:" in row]
    assert heard == ['"1"', '"2"', '"3"', '"4"', "412"]
    assert "2 stored documents asked for on condition, none changed" in done.stdout
