"""Finds the places of the queries in a script: statements and blocks, settings and routes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import libcst as cst

from onehttp_compat.migration.names import ScriptNames
from onehttp_compat.migration.trees.libcst_tree import constant_text

_setting: Final = re.compile(r"\$http_req\(([\w-]+)\)").fullmatch
_read: Final = re.compile(r"\$http_(\w+)(?:\(([^()\[\]]+)\))?").fullmatch
_OF_ANSWERS: Final = ("$http_", "$(http_")
_GETS: Final = frozenset(("KSR.pv.get", "KSR.pv.gete", "KSR.pv.getw"))
_SETS: Final = frozenset(("KSR.pv.sets", "KSR.pv.seti"))
Node = cst.CSTNode


class QueryPlaces(cst.CSTVisitor):
    """Visits a module once and records the places."""

    def __init__(self, names: ScriptNames[Node]) -> None:
        super().__init__()
        self.settings: dict[cst.Call, str] = {}
        """Calls that set ``$http_req(key)``, and the key."""
        self.reads: dict[cst.Call, tuple[str, str, str]] = {}
        """Calls that read ``$http_NAME(argument)``: the function, the name and the argument."""
        self.functions: dict[str, list[cst.FunctionDef]] = {}
        self.methods: set[Node] = set()
        """Functions that are methods of a class."""
        self.statement: dict[Node, Node] = {}
        """The statement that contains a call."""
        self.block: dict[Node, Sequence[Any]] = {}
        """The list of statements that contains a statement."""
        self.around: dict[Node, Node | None] = {}
        """The compound statement that contains a statement."""
        self.function: dict[Node, cst.FunctionDef | None] = {}
        """The function that contains a call."""
        self.texts: dict[str, int] = {}
        """Literals, and how often they occur."""
        self.attributes: set[str] = set()
        self.stray: list[Node] = []
        """Literals with variables of an answer that are used in an unknown way."""
        self.of_sign: set[Node] = set()
        """Calls of whose result only the sign is used."""
        self._names = names
        self._known: set[Node] = set()
        self._statements: list[Node] = []
        self._functions: list[cst.FunctionDef] = []
        self._classes = 0

    def visit_Module(self, node: cst.Module) -> None:
        self.block.update(dict.fromkeys(node.body, node.body))

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self.block.update(dict.fromkeys(node.body, node.body))

    def on_visit(self, node: Node) -> bool:
        if node in self.block:
            self.around[node] = self._statements[-1] if self._statements else None
            self._statements.append(node)
        return super().on_visit(node)

    def on_leave(self, original_node: Node) -> None:
        super().on_leave(original_node)
        if self._statements and self._statements[-1] is original_node:
            self._statements.pop()

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._classes += 1

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._classes -= 1

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.functions.setdefault(node.name.value, []).append(node)
        if self._classes and not self._functions:
            self.methods.add(node)
        self._functions.append(node)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._functions.pop()

    def visit_Call(self, node: cst.Call) -> None:
        self.function[node] = self._functions[-1] if self._functions else None
        self.statement[node] = self._statements[-1]
        function = self._names.origin(node.func)
        text = constant_text(node.args[0].value) if node.args else ""
        setting, read = _setting(text), _read(text)
        if setting and function in _SETS and len(node.args) == 2:
            self.settings[node] = setting[1]
        elif read and not setting and function in _GETS and len(node.args) == 1:
            self.reads[node] = (function.rpartition(".")[2], read[1], read[2] or "")
        else:
            return
        self._known.add(node.args[0].value)

    def visit_Comparison(self, node: cst.Comparison) -> None:
        match node.comparisons:
            case [cst.ComparisonTarget(
                operator=cst.LessThan() | cst.GreaterThanEqual(), comparator=cst.Integer(value="0")
            )]:  # fmt: skip
                self.of_sign.add(node.left)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self.attributes.add(node.attr.value)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:
        value = node.evaluated_value
        text = value if isinstance(value, str) else ""
        self.texts[text] = self.texts.get(text, 0) + 1
        self._look(node, text)

    def visit_FormattedStringText(self, node: cst.FormattedStringText) -> None:
        self._look(node, node.value)

    def visit_Expr(self, node: cst.Expr) -> bool:
        return not isinstance(node.value, cst.SimpleString)  # a docstring

    def _look(self, node: Node, text: str) -> None:
        if node not in self._known and any(one in text for one in _OF_ANSWERS):
            self.stray.append(node)
