"""What is asked of a parsed source, whoever has parsed it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from onehttp_compat.migration.static_call import Argument

Node = TypeVar("Node")
KSR: Final = "KSR"
HOOKS: Final = frozenset(("mod_init", "child_init", "ksr_request_route"))
"""Functions that only a script of the server has."""


@dataclass(frozen=True, slots=True)
class Assigned(Generic[Node]):
    """One place where a name is given something."""

    imported: str | None = None
    """The dotted name of what is imported; None: it is no import."""
    value: Node | None = None
    """An expression; None: it cannot be seen."""
    is_parameter: bool = False


class Place(NamedTuple):
    """Where a node stands; lines and columns are counted from 1."""

    line: int
    column: int
    end_line: int


class Tree(Protocol[Node]):
    """A parsed source."""

    @property
    def calls(self) -> Sequence[Node]:
        """All, in the order of the source."""

    @property
    def named(self) -> Sequence[Node]:
        """Attributes that are not called where they stand."""

    @property
    def unreachable(self) -> Collection[Node]:
        """Of both, those behind a ``return``, or under ``if False``."""

    @property
    def imports(self) -> Collection[str]:
        """The last names of the modules that are imported, and of what is imported from them."""

    @property
    def stars(self) -> Collection[str]:
        """Modules of which everything is imported."""

    @property
    def is_script(self) -> bool:
        """It is made for the SIP server: it names ``KSR``, or has the hooks of a script."""

    def name(self, node: Node) -> str:
        """The name that a node is; empty: it is something else."""

    def attribute(self, node: Node) -> tuple[Node, str] | None:
        """``a`` and ``"b"`` of ``a.b``."""

    def call(self, node: Node) -> tuple[Node, Sequence[Node]] | None:
        """The function of a call, and the expressions of its arguments."""

    def arguments(self, call: Node) -> tuple[Argument, ...]:
        """Those of a call as text."""

    def text(self, node: Node) -> str:
        """The text that a literal is; empty for everything else."""

    def assigned(self, node: Node, name: str) -> Iterable[Assigned[Node]]:
        """What a name is given, where a node stands."""

    def set_attributes(self) -> Mapping[str, Sequence[Node]]:
        """What ``self.name = ...`` gives, by the name."""

    def place(self, node: Node) -> Place:
        """Where a node stands, without brackets around it."""

    def code(self, node: Node) -> str:
        """Its source, without brackets around it."""
