"""``examples/service``, as its README says: its tour, and its tests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
README = (EXAMPLES / "service" / "README.md").read_text()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=EXAMPLES, capture_output=True, text=True
    )


@pytest.mark.slow
def test_the_tour_shows_what_its_page_says() -> None:
    done = run("service", "--seconds", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    shown = [line for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    (block,) = re.findall(r"^```\n\$ make service\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert [line for line in block.splitlines() if line and not line.startswith(" ")] == shown


@pytest.mark.slow
@pytest.mark.skipif(
    sys.version_info < (3, 11), reason="the test client of Starlette wants httpx2, which 3.10 lacks"
)
def test_its_own_tests_pass() -> None:
    done = run("pytest", "-q", "-p", "no:cacheprovider", "service")
    assert done.returncode == 0, done.stdout
    assert re.search(r"\d+ passed", done.stdout)


def test_its_connections_are_what_the_page_shows() -> None:
    assert (EXAMPLES / "service" / "connections.yaml").read_text() in README
