"""Which assignments a name may stand for: those of the innermost scope that has one."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Literal, TypeAlias

from onehttp_compat.migration.trees.tree import Assigned

Kind: TypeAlias = Literal["module", "function", "class", "annotation"]
"""``function``: a comprehension too; ``annotation``: what the type parameters of one are in."""
Assignment: TypeAlias = "Assigned[ast.AST]"


class Scope:
    """The names of a module, a class, a function.

    Which statement of a scope ran last is not asked: a name stands for all that it is given there.
    """

    __slots__ = ("_elsewhere", "_given", "_kind", "parent", "top")

    def __init__(self, kind: Kind = "module", parent: Scope | None = None) -> None:
        self._kind = kind
        self.parent = parent
        self.top: Scope = parent.top if parent is not None else self
        self._given: dict[str, list[Assignment]] = {}
        self._elsewhere: dict[str, Scope] = {}

    def give(self, name: str, assigned: Assignment) -> None:
        """Note an assignment."""
        if name in self._elsewhere:
            self._elsewhere[name]._seen_by(self).give(name, assigned)
        else:
            self._given.setdefault(name, []).append(assigned)

    def declare(self, name: str, is_global: bool) -> None:
        """Note ``global`` and ``nonlocal``."""
        if self.parent is not None:
            self._elsewhere[name] = self.top if is_global else self.parent

    def look_up(self, name: str, asker: Scope | None = None) -> Sequence[Assignment]:
        """What a name is given; nothing: it is the language's, or nobody's."""
        asker = asker or self
        if name in self._elsewhere:
            return self._elsewhere[name]._seen_by(asker).look_up(name, asker)
        if name in self._given:
            return self._given[name]
        if self.parent is None:
            return ()
        return self.parent._seen_by(asker).look_up(name, asker)

    def _seen_by(self, asker: Scope) -> Scope:
        """This one, or the next around it: functions do not see the names of their class."""
        scope = self
        while scope.parent is not None and scope._is_hidden_from(asker):
            scope = scope.parent
        return scope

    def _is_hidden_from(self, asker: Scope) -> bool:
        if self._kind != "class":
            return False
        return not (asker.parent is self and asker._kind == "annotation")
