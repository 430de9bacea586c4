"""What the source of a script shows before it runs: its imports, and the modules of ``KSR`` that it
uses."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from pathlib import Path


def not_installed(path: Path) -> list[str]:
    """Return the packages that a script needs and that are not installed here.

    Imports in a ``try`` or in a function are left out, because the script may work without them.
    """
    names = dict.fromkeys(one.partition(".")[0] for one in _imported(_tree(path).body))
    return [name for name in names if not _is_there(name)]


def named_modules(path: Path) -> dict[str, int]:
    """Return the modules in ``KSR.<module>.<function>``, each with the line that names it first."""
    found: dict[str, int] = {}
    for node in ast.walk(_tree(path)):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Attribute)
            and isinstance(node.value.value, ast.Name)
            and node.value.value.id == "KSR"
        ):
            line = found.setdefault(node.value.attr, node.lineno)
            found[node.value.attr] = min(line, node.lineno)
    return dict(sorted(found.items(), key=lambda one: one[1]))


def _tree(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module([], [])


def _imported(statements: list[ast.stmt]) -> Iterator[str]:
    for one in statements:
        if isinstance(one, ast.Import):
            yield from (alias.name for alias in one.names)
        elif isinstance(one, ast.ImportFrom) and not one.level and one.module:
            yield one.module


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):  # ValueError: the module is loaded and was made by hand
        return True
