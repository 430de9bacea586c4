"""All classes of variables that the server has, read from where each has its value."""

from __future__ import annotations

import functools
from typing import Final

from onehttp_compat.pv import Value, Variable
from onehttp_compat.script.catalogue import VariableClass, catalogue
from onehttp_compat.script.pv import (
    addresses,
    headers,
    network,
    request_line,
    sdp,
    server,
    stores,
    times,
)
from onehttp_compat.script.pv.table import Entry, Table
from onehttp_compat.script.world import World

TABLE: Final[Table] = {
    **request_line.TABLE,
    **addresses.TABLE,
    **headers.TABLE,
    **network.TABLE,
    **sdp.TABLE,
    **times.TABLE,
    **stores.TABLE,
    **server.TABLE,
}


def install(world: World) -> None:
    """Have variables read and written where this run keeps them; those of our own modules stay
    theirs."""
    known = catalogue().variables
    for kind in {*TABLE, *known}:
        if kind == "null" or not world.server.pv.is_registered(kind):
            _register(world, kind, TABLE.get(kind, Entry(_assumed)), known.get(kind))


def _register(world: World, kind: str, entry: Entry, known: VariableClass | None) -> None:
    read, write = entry
    world.server.pv.register(
        kind,
        functools.partial(read, world),
        None if write is None else functools.partial(write, world),
        needs_name=known is not None and known.needs_name,
        names=known.names if known is not None else None,
    )


def _assumed(world: World, variable: Variable) -> Value:
    """A variable of a module that is not emulated: null, or what ``--assume`` says; told."""
    text = str(variable)
    assumptions = world.assumptions
    is_given = text in assumptions.variables
    value = assumptions.variables.get(text)
    assumptions.note(text, value, is_given=is_given)
    return value
