"""The entries of the tables of variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, TypeAlias

from onehttp_compat.pv import RefusedValueError, Value, Variable
from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.world import World

Read: TypeAlias = Callable[[Scene, Variable], Value]
Write: TypeAlias = Callable[[Scene, Variable, Value], None]


class Accessor(NamedTuple):
    """How variables of one class are read and, if possible, written."""

    read: Callable[[World, Variable], Value]
    write: Callable[[World, Variable, Value], None] | None = None


Table: TypeAlias = Mapping[str, Accessor]
PARTLY_ASSUMED: Final = frozenset(("sel", "snd", "sndto", "sndfrom"))
"""Classes of which some names are emulated and others assumed."""


def of_scene(read: Read, write: Write | None = None) -> Accessor:
    """An entry that needs only the state of the script."""
    if write is None:
        return Accessor(lambda world, variable: read(world.scene, variable))
    writer = write
    return Accessor(
        lambda world, variable: read(world.scene, variable),
        lambda world, variable, value: writer(world.scene, variable, value),
    )


def text(value: Value, what: str) -> str:
    """Return a value that must be text.

    Raises:
        RefusedValueError: it is not text.
    """
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if not isinstance(value, str):
        raise RefusedValueError(f"{what} takes text")
    return value


def number(value: Value, what: str) -> int:
    """Return a value that must be a number.

    Raises:
        RefusedValueError: it is not a number.
    """
    if not isinstance(value, int):
        raise RefusedValueError(f"{what} takes a number")
    return value


def flags(value: Value, what: str) -> int:
    """Return 32 flags as a number; null means that none is set.

    Raises:
        RefusedValueError: it is text.
    """
    return 0 if value is None else number(value, what) & 0xFFFFFFFF


def signed(bits: int) -> int:
    """Return 32 bits as a signed number, as the server has it."""
    return bits - (1 << 32) if bits >> 31 else bits


def length(value: str | None) -> int:
    """The number of bytes of a text; 0 for null."""
    return len(value.encode("utf-8", "surrogateescape")) if value else 0


def assumed(world: World, variable: Variable) -> Value:
    """A variable that is not emulated: null, or the value from ``--assume``. It is reported."""
    name = str(variable)
    assumptions = world.assumptions
    is_given = name in assumptions.variables
    value = assumptions.variables.get(name)
    assumptions.note(name, value, is_given=is_given)
    return value
