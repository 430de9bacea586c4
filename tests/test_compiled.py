"""Whether the hot modules are compiled is what was asked for, and nothing else differs."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())
HOOK = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]


@pytest.mark.parametrize("name", HOOK["modules"])
def test_a_hot_module_is_compiled_where_that_was_asked_for(name: str) -> None:
    module = import_module(name)
    is_compiled = str(module.__file__).endswith(".so")
    assert is_compiled == (os.environ.get("ONEHTTP_COMPILE") == "1")
