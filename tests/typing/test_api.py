"""The types of the API say what its users may write."""

from __future__ import annotations

from pathlib import Path

from mypy.api import run

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


def test_what_users_write_is_typed_and_each_mistake_is_an_error() -> None:
    config = ROOT / "pyproject.toml"
    report, faults, status = run([f"--config-file={config}", str(HERE / "api.py")])
    assert (status, faults) == (0, ""), report
