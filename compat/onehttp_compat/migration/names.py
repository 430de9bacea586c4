"""What a name in a script stands for, by its scopes: imports, aliases, ``getattr``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import libcst as cst
from libcst.metadata import Assignment, BaseAssignment, ImportAssignment, Scope

Values: TypeAlias = Mapping[cst.CSTNode, cst.BaseExpression]
"""The expressions that targets are given."""
Scopes: TypeAlias = Mapping[cst.CSTNode, "Scope | None"]

KSR: Final = "KSR"
_KSR_MAKERS: Final = frozenset((
    "onehttp_compat.ksr.take_over", "onehttp_compat.ksr.Ksr", "onehttp_compat.kamailio.setup",
    "onehttp_compat.kamailio.proxy.Ksr",
))  # fmt: skip
_MAX_DEPTH: Final = 12
"""So many names may lead from one to the next: scripts may be circles."""


class Names:
    """The names of one module."""

    def __init__(self, scopes: Scopes, values: Values) -> None:
        self._scopes = scopes
        self._values = values
        self._attributes = _attributes_set(values)
        self.followed: set[cst.CSTNode] = set()
        """The expressions that an alias was found to stand for."""

    def origin(self, node: cst.CSTNode, depth: int = 0) -> str:
        """The dotted name that an expression stands for: ``KSR.http_client.query``; empty: none."""
        if depth > _MAX_DEPTH:
            return ""
        if isinstance(node, cst.Name):
            return self._of_name(node, depth)
        if isinstance(node, cst.Attribute):
            return self._of_attribute(node, depth)
        if isinstance(node, cst.Call):
            return self._of_call(node, depth)
        return ""

    def ksr_near(self, call: cst.Call) -> str:
        """The name for ``KSR`` where a call stands; empty: it has none there."""
        root: cst.BaseExpression = call.func
        while isinstance(root, cst.Attribute):
            root = root.value
        if isinstance(root, cst.Name):
            if self.origin(root) == KSR:
                return root.value
            scope = self._scopes.get(root)
            found = scope[KSR] if scope is not None else set()
            if any(self._of_assignment(KSR, one, 0) == KSR for one in found):
                return KSR
        return ""

    def _of_attribute(self, node: cst.Attribute, depth: int) -> str:
        base = node.value
        if isinstance(base, cst.Name) and base.value in ("self", "cls"):
            return self._common(self._attributes.get(node.attr.value, []), depth)
        origin = self.origin(base, depth + 1)
        return _canonical(f"{origin}.{node.attr.value}") if origin else ""

    def _of_call(self, node: cst.Call, depth: int) -> str:
        function = self.origin(node.func, depth + 1)
        if function in _KSR_MAKERS:
            return KSR
        if function == "getattr" and len(node.args) >= 2:
            name = constant_text(node.args[1].value)
            base = self.origin(node.args[0].value, depth + 1)
            return _canonical(f"{base}.{name}") if base and name else ""
        return ""

    def _of_name(self, node: cst.Name, depth: int) -> str:
        scope = self._scopes.get(node)
        found = scope[node.value] if scope is not None else set()
        if not found:
            return node.value
        origins = {self._of_assignment(node.value, one, depth) for one in found}
        return _one_legacy(origins)

    def _of_assignment(self, name: str, found: BaseAssignment, depth: int) -> str:
        if isinstance(found, ImportAssignment):
            return _canonical(_imported(name, found.node))
        if not isinstance(found, Assignment):
            return name  # a builtin
        target = found.node
        if isinstance(target, cst.Param):
            return KSR if name == KSR else ""  # a function may be handed the server's KSR
        value = self._values.get(target)
        return self._common([value], depth) if value is not None else ""

    def _common(self, values: list[cst.BaseExpression], depth: int) -> str:
        origins = set()
        for value in values:
            origin = self.origin(value, depth + 1)
            if origin:
                self.followed.add(value)
            origins.add(origin)
        return _one_legacy(origins)


def _one_legacy(origins: set[str]) -> str:
    """Of several things that a name may stand for, the one that is somebody's; empty: none is, or
    several are."""
    known = {origin for origin in origins if origin}
    return known.pop() if len(known) == 1 else ""


def constant_text(node: cst.BaseExpression) -> str:
    """The text that a literal is; empty for everything else."""
    if isinstance(node, cst.SimpleString | cst.ConcatenatedString):
        value = node.evaluated_value
        return value if isinstance(value, str) else ""
    return ""


def dotted(node: cst.CSTNode | None) -> str:
    """``a.b.c`` as it is written."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        return f"{dotted(node.value)}.{node.attr.value}"
    return ""


def _canonical(origin: str) -> str:
    """``onehttp_compat.ksr`` is a ``KSR`` too."""
    for alias in ("onehttp_compat.ksr", "KSR.KSR"):
        if origin == alias or origin.startswith(f"{alias}."):
            rest = origin[len(alias) :]
            made = origin in _KSR_MAKERS
            return origin if made else KSR + rest
    return origin


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


def _attributes_set(values: Values) -> dict[str, list[cst.BaseExpression]]:
    """What ``self.name = ...`` gives, by the name."""
    found: dict[str, list[cst.BaseExpression]] = {}
    for target, value in values.items():
        if isinstance(target, cst.Attribute) and dotted(target.value) in ("self", "cls"):
            found.setdefault(target.attr.value, []).append(value)
    return found
