"""A source as Python's own parser parses it, for scans. That takes a tenth of the time of
LibCST."""

from __future__ import annotations

import ast
import sys
from collections.abc import Sequence
from typing import Final

from onehttp_compat.migration.static_call import SourceArgument
from onehttp_compat.migration.trees.ast_visitor import Walk
from onehttp_compat.migration.trees.indents import without_indent
from onehttp_compat.migration.trees.tree import Assigned, NodePlace

_TELLS_PLACES: Final = sys.version_info >= (3, 12)
"""Older versions give wrong places for nodes inside f-strings."""


class PlaceUnknownError(Exception):
    """Python does not know the place of a call."""


class SyntaxTree:
    """A source whose syntax is valid.

    Methods that need the place of a call or its source may raise `PlaceUnknownError`.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: list[bytes] = []
        self._walk = walk = Walk(ast.parse(text))
        self.calls: Sequence[ast.AST] = walk.calls
        self.named: Sequence[ast.AST] = walk.named
        self.unreachable = walk.unreachable
        self.imports = walk.imports
        self.stars = walk.stars
        self.is_script = walk.is_script

    def name(self, node: ast.AST) -> str:
        return node.id if isinstance(node, ast.Name) else ""

    def attribute(self, node: ast.AST) -> tuple[ast.AST, str] | None:
        return (node.value, node.attr) if isinstance(node, ast.Attribute) else None

    def call(self, node: ast.AST) -> tuple[ast.AST, Sequence[ast.AST]] | None:
        if not isinstance(node, ast.Call):
            return None
        return node.func, [_value(one) for one in _arguments(node)]

    def arguments(self, call: ast.AST) -> tuple[SourceArgument, ...]:
        assert isinstance(call, ast.Call)
        self._check(call)
        return tuple(
            SourceArgument(self.code(_value(one)), self.text(_value(one)),
                     not isinstance(one, ast.Starred | ast.keyword))
            for one in _arguments(call)
        )  # fmt: skip

    def text(self, node: ast.AST) -> str:
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""

    def assigned(self, node: ast.AST, name: str) -> Sequence[Assigned[ast.AST]]:
        scope = self._walk.scopes.get(node)
        return scope.look_up(name) if scope is not None else ()

    def set_attributes(self) -> dict[str, list[ast.AST]]:
        found: dict[str, list[ast.AST]] = {}
        for target, value in self._walk.values.items():
            match target:
                case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                    found.setdefault(name, []).append(value)
        return found

    def place(self, node: ast.AST) -> NodePlace:
        assert isinstance(node, ast.expr)
        self._check(node)
        before = self._line(node.lineno)[: node.col_offset]
        return NodePlace(node.lineno, len(before.decode()) + 1, node.end_lineno or node.lineno)

    def code(self, node: ast.AST) -> str:
        assert isinstance(node, ast.expr)
        first, last = node.lineno, node.end_lineno or node.lineno
        lines = [self._line(number) for number in range(first, last + 1)]
        lines[-1] = lines[-1][: node.end_col_offset]
        lines[0] = lines[0][node.col_offset :]
        code = b"".join(lines).decode()
        return code if first == last else without_indent(code, self._indent_at(first))

    def _indent_at(self, number: int) -> str:
        """Return the blanks before the statement around a line."""
        starts = [first for first, last in self._walk.statements if first <= number <= last]
        line = self._line(max(starts, default=number)).decode()
        return line[: len(line) - len(line.lstrip(" \t\f"))]

    def _check(self, node: ast.AST) -> None:
        if node in self._walk.in_texts and not _TELLS_PLACES:
            raise PlaceUnknownError

    def _line(self, number: int) -> bytes:
        if not self._lines:
            # As bytes, because form feeds and similar characters end a line of str, but not of
            # Python source.
            self._lines = self._text.encode().splitlines(keepends=True)
        return self._lines[number - 1]


def _arguments(call: ast.Call) -> Sequence[ast.expr | ast.keyword]:
    return [*call.args, *call.keywords]


def _value(argument: ast.expr | ast.keyword) -> ast.expr:
    return argument.value if isinstance(argument, ast.Starred | ast.keyword) else argument
