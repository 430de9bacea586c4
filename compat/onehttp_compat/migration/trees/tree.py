"""The interface of a parsed source, which both parsers implement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from onehttp_compat.migration.static_call import SourceArgument

Node = TypeVar("Node")
KSR: Final = "KSR"
HOOKS: Final = frozenset(("mod_init", "child_init", "ksr_request_route"))
"""Functions that only scripts of the server have."""


@dataclass(frozen=True, slots=True)
class Assigned(Generic[Node]):
    """An assignment to a name."""

    imported: str | None = None
    """The dotted name that is imported; None if it is no import."""
    value: Node | None = None
    """The expression; None if it is unknown."""
    is_parameter: bool = False


class NodePlace(NamedTuple):
    """The place of a node; lines and columns are counted from 1."""

    line: int
    column: int
    end_line: int


class Tree(Protocol[Node]):
    """A parsed source."""

    @property
    def calls(self) -> Sequence[Node]:
        """All calls, in the order of the source."""

    @property
    def named(self) -> Sequence[Node]:
        """Attributes that are not called at once."""

    @property
    def unreachable(self) -> Collection[Node]:
        """Those of both that stand after a ``return``, or under ``if False``."""

    @property
    def imports(self) -> Collection[str]:
        """The last parts of the names of imported modules, and of the names imported from them."""

    @property
    def stars(self) -> Collection[str]:
        """Modules from which everything is imported."""

    @property
    def is_script(self) -> bool:
        """The script is made for the SIP server: it uses ``KSR``, or has the hooks of a script."""

    def name(self, node: Node) -> str:
        """The name of a node; empty if it is not a name."""

    def attribute(self, node: Node) -> tuple[Node, str] | None:
        """``a`` and ``"b"`` for the node ``a.b``."""

    def call(self, node: Node) -> tuple[Node, Sequence[Node]] | None:
        """The function of a call, and the expressions of its arguments."""

    def arguments(self, call: Node) -> tuple[SourceArgument, ...]:
        """The arguments of a call as text."""

    def text(self, node: Node) -> str:
        """The text of a literal; empty for everything else."""

    def assigned(self, node: Node, name: str) -> Iterable[Assigned[Node]]:
        """The assignments to a name that are visible at a node."""

    def set_attributes(self) -> Mapping[str, Sequence[Node]]:
        """The values of ``self.name = ...``, by name."""

    def place(self, node: Node) -> NodePlace:
        """The place of a node, without the parentheses around it."""

    def code(self, node: Node) -> str:
        """The source of a node, without the parentheses around it."""
