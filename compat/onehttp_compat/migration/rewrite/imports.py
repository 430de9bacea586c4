"""Adds the imports that the new code needs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import libcst as cst


def with_imports(module: cst.Module, names: Iterable[str]) -> cst.Module:
    """Add ``import name`` to the module for each name that it does not import yet."""
    missing = [name for name in names if not _imports(module.body, name)]
    if not missing:
        return module
    place = _place(module.body)
    header = list(module.header)
    added: list[Any] = [
        cst.parse_statement(f"import {name}", config=module.config_for_parsing) for name in missing
    ]
    body: list[Any] = list(module.body)
    return module.with_changes(body=[*body[:place], *added, *body[place:]], header=header)


def _imports(body: Sequence[Any], name: str) -> bool:
    return any(
        isinstance(small, cst.Import)
        and any(one.asname is None and one.evaluated_name == name for one in small.names)
        for statement in body
        if isinstance(statement, cst.SimpleStatementLine)
        for small in statement.body
    )


def _place(body: Sequence[Any]) -> int:
    """The position after the imports at the top, or else after the docstring of the module."""
    place = 0
    for number, statement in enumerate(body):
        smalls = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
        if number == 0 and any(isinstance(one, cst.Expr) for one in smalls):
            place = 1
        elif any(isinstance(one, cst.Import | cst.ImportFrom) for one in smalls):
            place = number + 1
        else:
            break
    return place
