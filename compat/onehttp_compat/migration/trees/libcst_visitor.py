"""Visits a script once: collects its calls, its functions by name, and the values of its names."""

from __future__ import annotations

from typing import Final

import libcst as cst

from onehttp_compat.migration.trees.tree import HOOKS, KSR


class Gathering(cst.CSTVisitor):
    """The nodes that a scan uses, in the order of the source."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[cst.Call] = []
        self.named: list[cst.Attribute] = []
        """Attributes that are not called at once."""
        self.values: dict[cst.CSTNode, cst.BaseExpression] = {}
        self.unreachable: set[cst.CSTNode] = set()
        self.imports: set[str] = set()
        self.stars: set[str] = set()
        self.words: set[str] = set()
        """All names in the source."""
        self.is_script = False
        self._called: set[cst.CSTNode] = set()
        self._dead = 0

    def on_visit(self, node: cst.CSTNode) -> bool:
        if node in self.unreachable:
            self._dead += 1
        if self._dead and isinstance(node, cst.Call | cst.Attribute):
            self.unreachable.add(node)
        return super().on_visit(node)

    def on_leave(self, original_node: cst.CSTNode) -> None:
        super().on_leave(original_node)
        if original_node in self.unreachable and not isinstance(
            original_node, cst.Call | cst.Attribute
        ):
            self._dead -= 1

    def visit_Call(self, node: cst.Call) -> None:
        self.calls.append(node)
        self._called.add(node.func)

    def visit_Attribute(self, node: cst.Attribute) -> None:
        if node not in self._called:
            self.named.append(node)

    def visit_Name(self, node: cst.Name) -> None:
        self.words.add(node.value)
        self.is_script = self.is_script or node.value == KSR

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.is_script = self.is_script or node.name.value in HOOKS

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            self.values[target.target] = node.value

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        if node.value is not None:
            self.values[node.target] = node.value

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        self.values[node.target] = node.value

    def visit_ImportAlias(self, node: cst.ImportAlias) -> None:
        self.imports.add(node.evaluated_name.rpartition(".")[2])

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        if isinstance(node.module, cst.Name | cst.Attribute):
            last = node.module if isinstance(node.module, cst.Name) else node.module.attr
            self.imports.add(last.value)
        if isinstance(node.names, cst.ImportStar):
            self.stars.add("." * len(node.relative) + dotted(node.module))

    def visit_Module(self, node: cst.Module) -> None:
        self._note_unreachable(node.body)

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self._note_unreachable(node.body)

    def visit_If(self, node: cst.If) -> None:
        if _is_false(node.test):
            self.unreachable.add(node.body)

    def visit_While(self, node: cst.While) -> None:
        if _is_false(node.test):
            self.unreachable.add(node.body)

    def _note_unreachable(self, statements: object) -> None:
        has_ended = False
        for statement in statements if isinstance(statements, list | tuple) else ():
            if has_ended:
                self.unreachable.add(statement)
            elif isinstance(statement, cst.SimpleStatementLine):
                has_ended = any(isinstance(one, _ENDS) for one in statement.body)


_ENDS: Final = (cst.Return, cst.Raise, cst.Break, cst.Continue)


def _is_false(test: cst.BaseExpression) -> bool:
    return (isinstance(test, cst.Name) and test.value == "False") or (
        isinstance(test, cst.Integer) and test.evaluated_value == 0
    )


def dotted(node: cst.CSTNode | None) -> str:
    """Return ``a.b.c`` for nested attributes."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return f"{dotted(node.value)}.{node.attr.value}"
    return ""
