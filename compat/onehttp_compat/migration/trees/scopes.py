"""Finds the assignments that a name may refer to: those of the innermost scope that has one."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Literal, TypeAlias

from onehttp_compat.migration.trees.tree import Assigned

Kind: TypeAlias = Literal["module", "function", "class", "annotation"]
"""``function`` includes comprehensions; ``annotation`` is the scope of type parameters."""
Assignment: TypeAlias = "Assigned[ast.AST]"


class Scope:
    """The names of a module, a class or a function.

    The order of statements is ignored: a name may have any value that its scope assigns to it.
    """

    __slots__ = ("_elsewhere", "_given", "_kind", "parent", "top")

    def __init__(self, kind: Kind = "module", parent: Scope | None = None) -> None:
        self._kind = kind
        self.parent = parent
        self.top: Scope = parent.top if parent is not None else self
        self._given: dict[str, list[Assignment]] = {}
        self._elsewhere: dict[str, Scope] = {}

    def give(self, name: str, assigned: Assignment) -> None:
        """Record an assignment."""
        if name in self._elsewhere:
            self._elsewhere[name]._seen_by(self).give(name, assigned)
        else:
            self._given.setdefault(name, []).append(assigned)

    def declare(self, name: str, is_global: bool) -> None:
        """Record ``global`` and ``nonlocal``."""
        if self.parent is not None:
            self._elsewhere[name] = self.top if is_global else self.parent

    def look_up(self, name: str, asker: Scope | None = None) -> Sequence[Assignment]:
        """Return the values of a name; empty if it is a builtin or unknown."""
        asker = asker or self
        if name in self._elsewhere:
            return self._elsewhere[name]._seen_by(asker).look_up(name, asker)
        if name in self._given:
            return self._given[name]
        if self.parent is None:
            return ()
        return self.parent._seen_by(asker).look_up(name, asker)

    def _seen_by(self, asker: Scope) -> Scope:
        """Return this scope or the next one around it, because functions do not see the names of
        their class."""
        scope = self
        while scope.parent is not None and scope._is_hidden_from(asker):
            scope = scope.parent
        return scope

    def _is_hidden_from(self, asker: Scope) -> bool:
        if self._kind != "class":
            return False
        return not (asker.parent is self and asker._kind == "annotation")
