"""Sources without a word of what a scan looks for: most files of a project, read the short way."""

from __future__ import annotations

import ast
from typing import Final

from onehttp_compat.migration.gathering import HOOKS
from onehttp_compat.migration.names import KSR
from onehttp_compat.migration.sites import FileScan
from onehttp_compat.migration.sources import Source

MOVED: Final = frozenset(("arequest", "connection", "request", "stream", "submit", "get", "post"))
"""Functions of ``onehttp`` that a legacy call becomes."""


def scan_plain(source: Source) -> FileScan:
    """Whether it is a script, what it imports, and how many calls of ``onehttp`` it has."""
    imports: set[str] = set()
    is_script, moved = False, 0
    for node in ast.walk(ast.parse(source.text)):
        match node:
            case ast.Name(id="KSR"):
                is_script = True
            case ast.FunctionDef(name=name) if name in HOOKS:
                is_script = True
            case ast.Call(func=ast.Attribute(value=ast.Name(id="onehttp"), attr=name)):
                moved += name in MOVED
            case ast.Import(names=names):
                imports.update(one.name.rpartition(".")[2] for one in names)
                is_script = is_script or any(one.name == KSR for one in names)
            case ast.ImportFrom(module=str(module), names=names):
                imports.add(module.rpartition(".")[2])
                imports.update(one.name for one in names)
    return FileScan(source.path, moved=moved, is_script=is_script, imports=frozenset(imports))
