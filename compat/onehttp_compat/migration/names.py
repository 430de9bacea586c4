"""Resolves the names of a script by its scopes: imports, aliases, ``getattr``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final, Generic

from onehttp_compat.migration.trees.tree import KSR, Assigned, Node, Tree
from onehttp_compat.registry import NATIVE

_KSR_MAKERS: Final = frozenset((
    "onehttp_compat.ksr.take_over", "onehttp_compat.ksr.Ksr", "onehttp_compat.kamailio.setup",
    "onehttp_compat.kamailio.proxy.Ksr",
))  # fmt: skip
BY_NAME: Final = "call_function"
_NATIVE_NAMES: Final = frozenset(name for name, _ in NATIVE)
_MAX_DEPTH: Final = 12
"""The most names to follow from one to the next, because definitions may be circular."""


class ScriptNames(Generic[Node]):
    """The names of one module."""

    def __init__(self, tree: Tree[Node]) -> None:
        self._tree = tree
        self._attributes = tree.set_attributes()
        self.followed: set[Node] = set()
        """The expressions that aliases were resolved to."""

    def origin(self, node: Node, depth: int = 0) -> str:
        """Return the dotted name of an expression: ``KSR.http_client.query``; empty if it has
        none."""
        if depth > _MAX_DEPTH:
            return ""
        if name := self._tree.name(node):
            return self._of_name(node, name, depth)
        if attribute := self._tree.attribute(node):
            return self._of_attribute(*attribute, depth)
        if call := self._tree.call(node):
            return self._of_call(*call, depth)
        return ""

    def ksr_near(self, call: Node) -> str:
        """Return the name for ``KSR`` at a call; empty if it has none there."""
        tree = self._tree
        called = tree.call(call)
        root = self._root(called[0] if called else call)
        if tree.name(root) and self.origin(root) == KSR:
            return tree.name(root)
        for name in dict.fromkeys((KSR, *self._names_of_ksr)):
            found = list(tree.assigned(call, name))
            if not found and name == KSR in self._names_of_ksr:
                return KSR  # the server defines that name for the script
            if any(self._of_assigned(name, one, 0) == KSR for one in found):
                return name
        return ""

    @cached_property
    def _names_of_ksr(self) -> tuple[str, ...]:
        """The names of ``KSR`` in this module."""
        tree = self._tree
        found: dict[str, None] = {}
        called = (tree.call(call) for call in tree.calls)
        for node in (*(one[0] for one in called if one), *tree.named):
            root = self._root(node)
            if tree.name(root) and self.origin(root) == KSR:
                found[tree.name(root)] = None
        return tuple(found)

    def _root(self, node: Node) -> Node:
        """``a`` of ``a.b.c``."""
        while attribute := self._tree.attribute(node):
            node = attribute[0]
        return node

    def text(self, node: Node, depth: int = 0) -> str:
        """Return the text of an expression: a literal, or a name that is assigned only once."""
        name = self._tree.name(node)
        if not name or depth > _MAX_DEPTH:
            return self._tree.text(node)
        found = list(self._tree.assigned(node, name))
        if len(found) != 1 or found[0].value is None:
            return ""
        return self.text(found[0].value, depth + 1)

    def _of_attribute(self, base: Node, name: str, depth: int) -> str:
        if self._tree.name(base) in ("self", "cls"):
            return self._common(self._attributes.get(name, ()), depth)
        origin = self.origin(base, depth + 1)
        if not origin and name == BY_NAME:
            return BY_NAME  # an attribute of the message that a route gets
        return _canonical(f"{origin}.{name}") if origin else ""

    def _of_call(self, called: Node, arguments: Sequence[Node], depth: int) -> str:
        function = self.origin(called, depth + 1)
        if function in _KSR_MAKERS:
            return KSR
        if function == "getattr" and len(arguments) >= 2:
            name = self.text(arguments[1])
            base = self.origin(arguments[0], depth + 1)
            return _canonical(f"{base}.{name}") if base and name else ""
        return ""

    def _of_name(self, node: Node, name: str, depth: int) -> str:
        found = list(self._tree.assigned(node, name))
        if not found:
            return self._of_star(name)
        return _one_legacy({self._of_assigned(name, one, depth) for one in found})

    def _of_star(self, name: str) -> str:
        """Resolve a name that is not defined in the file. It is a legacy function of ``from
        onehttp_compat.utils import *``, or else a builtin, or a name that scans know."""
        of_ours = [module for module in self._tree.stars if module.startswith("onehttp_compat.")]
        if name in _NATIVE_NAMES and len(of_ours) == 1:
            return f"{of_ours[0]}.{name}"
        return name

    def _of_assigned(self, name: str, found: Assigned[Node], depth: int) -> str:
        if found.imported is not None:
            return _canonical(found.imported)
        if found.is_parameter:
            return KSR if name == KSR else ""  # a function may get the server's KSR as an argument
        return self._common([found.value], depth) if found.value is not None else ""

    def _common(self, values: Sequence[Node], depth: int) -> str:
        origins = set()
        for value in values:
            origin = self.origin(value, depth + 1)
            if origin:
                self.followed.add(value)
            origins.add(origin)
        return _one_legacy(origins)


def _one_legacy(origins: set[str]) -> str:
    """Return the only known meaning of a name; empty if there is none or more than one."""
    known = {origin for origin in origins if origin}
    return known.pop() if len(known) == 1 else ""


def _canonical(origin: str) -> str:
    """Replace ``onehttp_compat.ksr`` by ``KSR``, because it is one, too."""
    for alias in ("onehttp_compat.ksr", "KSR.KSR"):
        if origin == alias or origin.startswith(f"{alias}."):
            rest = origin[len(alias) :]
            made = origin in _KSR_MAKERS
            return origin if made else KSR + rest
    return origin
