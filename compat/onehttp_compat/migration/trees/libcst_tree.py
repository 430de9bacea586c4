"""A source as LibCST parses it, with all of its formatting, for rewrites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, TypeAlias

import libcst as cst
from libcst.metadata import (
    Assignment,
    BaseAssignment,
    BuiltinAssignment,
    ImportAssignment,
    MetadataWrapper,
    PositionProvider,
    ScopeProvider,
)  # fmt: skip

from onehttp_compat.migration.static_call import SourceArgument
from onehttp_compat.migration.trees.libcst_visitor import Gathering, dotted
from onehttp_compat.migration.trees.tree import Assigned, NodePlace

Values: TypeAlias = Mapping[cst.CSTNode, cst.BaseExpression]
"""The expressions that are assigned to targets."""
_CONSTANTS: Final = frozenset(("None", "True", "False"))
"""Constants that LibCST treats as names."""
_NOTHING: Final = cst.Module(())


class ConcreteTree:
    """A source whose syntax is valid.

    Raises:
        libcst.ParserSyntaxError: LibCST does not know syntax that this Python knows.
        NotImplementedError: a name is declared at a place where that is not allowed.
    """

    def __init__(self, text: str) -> None:
        self.wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        self.gathered = gathered = Gathering()
        self.wrapper.module.visit(gathered)
        self._scopes = self.wrapper.resolve(ScopeProvider)
        self.calls: Sequence[cst.CSTNode] = gathered.calls
        self.named: Sequence[cst.CSTNode] = gathered.named
        self.unreachable = gathered.unreachable
        self.imports = gathered.imports
        self.stars = gathered.stars
        self.is_script = gathered.is_script

    @cached_property
    def _places(self) -> Mapping[cst.CSTNode, Any]:
        return self.wrapper.resolve(PositionProvider)

    def name(self, node: cst.CSTNode) -> str:
        if isinstance(node, cst.Name) and node.value not in _CONSTANTS:
            return node.value
        return ""

    def attribute(self, node: cst.CSTNode) -> tuple[cst.CSTNode, str] | None:
        return (node.value, node.attr.value) if isinstance(node, cst.Attribute) else None

    def call(self, node: cst.CSTNode) -> tuple[cst.CSTNode, Sequence[cst.CSTNode]] | None:
        if not isinstance(node, cst.Call):
            return None
        return node.func, [one.value for one in node.args]

    def arguments(self, call: cst.CSTNode) -> tuple[SourceArgument, ...]:
        assert isinstance(call, cst.Call)
        return tuple(map(argument_of, call.args))

    def text(self, node: cst.CSTNode) -> str:
        return constant_text(node)

    def assigned(self, node: cst.CSTNode, name: str) -> Iterator[Assigned[cst.CSTNode]]:
        scope = self._scopes.get(node)
        for found in scope[name] if scope is not None else ():
            if not isinstance(found, BuiltinAssignment):
                yield self._assigned(name, found)

    def set_attributes(self) -> dict[str, list[cst.CSTNode]]:
        found: dict[str, list[cst.CSTNode]] = {}
        for target, value in self.gathered.values.items():
            if isinstance(target, cst.Attribute) and dotted(target.value) in ("self", "cls"):
                found.setdefault(target.attr.value, []).append(value)
        return found

    def place(self, node: cst.CSTNode) -> NodePlace:
        place = self._places[node]
        return NodePlace(place.start.line, place.start.column + 1, place.end.line)

    def code(self, node: cst.CSTNode) -> str:
        return self.wrapper.module.code_for_node(node.with_changes(lpar=[], rpar=[]))

    def _assigned(self, name: str, found: BaseAssignment) -> Assigned[cst.CSTNode]:
        if isinstance(found, ImportAssignment):
            return Assigned(imported=_imported(name, found.node))
        target = found.node if isinstance(found, Assignment) else None
        if isinstance(target, cst.Param):
            return Assigned(is_parameter=True)
        return Assigned(value=self.gathered.values.get(target) if target is not None else None)


def argument_of(node: cst.Arg) -> SourceArgument:
    """Return an argument as text."""
    code = _NOTHING.code_for_node(node.value)
    return SourceArgument(code, constant_text(node.value), not (node.star or node.keyword))


def constant_text(node: cst.CSTNode) -> str:
    """Return the text of a literal; empty for everything else."""
    if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        value = node.evaluated_value
        return value if isinstance(value, str) else ""
    return ""


def _imported(name: str, statement: cst.CSTNode) -> str:
    if isinstance(statement, cst.Import):
        for alias in statement.names:
            full = dotted(alias.name)
            if alias.evaluated_alias == name:
                return full
            if alias.asname is None and full.partition(".")[0] == name:
                return name
    if isinstance(statement, cst.ImportFrom) and not isinstance(statement.names, cst.ImportStar):
        module = "." * len(statement.relative) + dotted(statement.module)
        for alias in statement.names:
            if (alias.evaluated_alias or alias.evaluated_name) == name:
                return f"{module}.{alias.evaluated_name}"
    return ""
