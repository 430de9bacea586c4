"""What the legacy layer may import: ``lint-imports`` checks it; here, that its list is whole."""

from __future__ import annotations

import pkgutil
import sys
from pathlib import Path

import onehttp

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PUBLIC = {"lowlevel", "xcap", "identity"}
PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def test_every_module_of_the_api_is_either_public_or_closed_to_the_legacy_layer() -> None:
    contracts = tomllib.loads(PROJECT.read_text())["tool"]["importlinter"]["contracts"]
    closed = next(
        set(contract["forbidden_modules"])
        for contract in contracts
        if contract.get("source_modules") == ["onehttp_compat"]
    )
    modules = {module.name: module.ispkg for module in pkgutil.iter_modules(onehttp.__path__)}
    expected = {f"onehttp.{name}" for name in modules if name not in PUBLIC | {"__main__"}}
    expected |= {f"onehttp.{name}.*" for name in PUBLIC if modules[name]}
    assert closed == expected | {"onehttp_backends"}
