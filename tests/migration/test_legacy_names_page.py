"""docs/migration/names.md has every legacy name, as the registry has them."""

from __future__ import annotations

import inspect
import runpy
from importlib import import_module
from pathlib import Path

import pytest

from onehttp_compat.registry import BOUND, FUNCTIONS, MODULES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/migration/names.md").read_text()
BESIDE = {"call", "load_api", "default_server", "curlerror"}
"""What is no legacy function: ways to call them, and what the pages of the modules explain."""


def test_the_table_is_current() -> None:
    wanted = runpy.run_path(str(ROOT / "scripts/write-legacy-names"))["page"]()
    assert wanted == PAGE, "run scripts/write-legacy-names"


def test_no_name_of_the_registry_is_missing() -> None:
    names = {function.name for function in FUNCTIONS} | set(BOUND)
    names |= {function.label(True) for function in FUNCTIONS if function.kemi}
    assert sorted(name for name in names if f"| `{name}` |" not in PAGE) == []


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"auth_identity"}))
def test_no_public_function_of_a_legacy_module_is_missing(module: str) -> None:
    functions = inspect.getmembers(import_module(f"onehttp_compat.{module}"), inspect.isfunction)
    names = {name for name, _ in functions if not name.startswith("_")} - BESIDE
    assert sorted(name for name in names if f"| `{name}` |" not in PAGE) == []
