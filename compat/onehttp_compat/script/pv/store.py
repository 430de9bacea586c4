"""All classes of pseudo-variables, each with its reader and writer."""

from __future__ import annotations

import functools
from typing import Final

from onehttp_compat.pv import Form
from onehttp_compat.script.catalogue import VariableClass, catalogue
from onehttp_compat.script.pv import (
    addresses,
    branches,
    dialog,
    headers,
    message,
    network,
    outgoing,
    request_line,
    sdp,
    selects,
    server,
    stores,
    times,
    transaction,
)
from onehttp_compat.script.pv.table import Accessor, Table, assumed
from onehttp_compat.script.world import World

TABLE: Final[Table] = {
    **request_line.TABLE,
    **addresses.TABLE,
    **branches.TABLE,
    **dialog.TABLE,
    **headers.TABLE,
    **message.TABLE,
    **network.TABLE,
    **outgoing.TABLE,
    **sdp.TABLE,
    **selects.TABLE,
    **times.TABLE,
    **stores.TABLE,
    **server.TABLE,
    **transaction.TABLE,
}


ELEMENTS: Final = frozenset(("ai", "avp", "branch", "hdr", "hfl", "pU", "pd", "pn", "pu"))
"""The classes of these that take an element in brackets."""


def install(world: World) -> None:
    """Register the variables that are emulated. Those of our own modules are not changed."""
    known = catalogue().variables
    for kind in {*TABLE, *known}:
        if kind == "null" or not world.server.pv.is_registered(kind):
            _register(world, kind, TABLE.get(kind, Accessor(assumed)), known.get(kind))


def _register(world: World, kind: str, entry: Accessor, known: VariableClass | None) -> None:
    read, write = entry
    world.server.pv.register(
        kind,
        functools.partial(read, world),
        None if write is None else functools.partial(write, world),
        form=None
        if known is None
        else Form(known.needs_name, known.names, kind in ELEMENTS or kind not in TABLE),
    )
