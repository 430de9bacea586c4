"""Finds the statement that contains a call."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import libcst as cst

_COMPOUND: Final = (
    cst.If, cst.While, cst.For, cst.With, cst.Try, cst.TryStar, cst.Match, cst.FunctionDef,
    cst.ClassDef,
)  # fmt: skip


class Owners(cst.CSTVisitor):
    """Finds the innermost statement around each of the given nodes."""

    def __init__(self, wanted: Collection[cst.CSTNode]) -> None:
        super().__init__()
        self.of: dict[cst.CSTNode, list[cst.CSTNode]] = {}
        """Statements, and the given nodes in each, in the order of the source."""
        self.elifs: set[cst.CSTNode] = set()
        self._wanted = wanted
        self._around: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, (*_COMPOUND, cst.SimpleStatementLine)):
            self._around.append(node)
        if isinstance(node, cst.If) and isinstance(node.orelse, cst.If):
            self.elifs.add(node.orelse)
        if node in self._wanted:
            self.of.setdefault(self._around[-1], []).append(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._around and self._around[-1] is original_node:
            self._around.pop()
