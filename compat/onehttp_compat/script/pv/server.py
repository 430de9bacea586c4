"""``$def(X)``, ``$K(IPv4)``, ``$version(num)``: the server and its environment."""

from __future__ import annotations

import os
import random
import re
import socket
import time
from typing import Final

from onehttp_compat.pv import (
    ReadOnlyVariableError,
    RefusedValueError,
    UnknownVariableError,
    Value,
    Variable,
)
from onehttp_compat.script.pv.table import Accessor, Table, assumed
from onehttp_compat.script.world import World

VERSION: Final = "5.6.3"
_CONSTANTS: Final = {
    "IPv4": 2, "IPv6": 10, "INET": 2, "INET6": 10, "UDP": 1, "TCP": 2, "TLS": 3, "SCTP": 4,
    "WS": 5, "WSS": 6,
}  # fmt: skip


def _constant(_: World, variable: Variable) -> Value:
    if variable.name not in _CONSTANTS:
        raise UnknownVariableError(
            f"$K({variable.name}): no such constant; there are {', '.join(_CONSTANTS)}"
        )
    return _CONSTANTS[variable.name]


def _define(world: World, variable: Variable) -> Value:
    return world.defines.get(variable.name)


def _define_number(world: World, variable: Variable) -> Value:
    return _leading_number(world.defines.get(variable.name))


def _environment_number(_: World, variable: Variable) -> Value:
    return _leading_number(os.environ.get(variable.name))


def _leading_number(text: str | None) -> int:
    match = re.match(r"\s*-?\d+", text or "")
    return int(match[0]) if match else 0


def _host(_: World, variable: Variable) -> Value:
    names = {"n": socket.gethostname().partition(".")[0], "f": socket.getfqdn()}
    return names.get(variable.name, socket.gethostname())


def _expanded(world: World, variable: Variable) -> Value:
    return world.server.pv.expand(variable.name)


def _count(world: World, variable: Variable) -> Value:
    """Return how many values a variable has."""
    inner = variable.name.strip()
    if not _is_counted(inner):
        raise UnknownVariableError(
            f"$cnt({variable.name}): only the values of $avp(...) and $xavp(...) can be counted"
        )
    found = 0
    place = "$({}[{}])" if inner.startswith("$avp") else "${}[{}])"
    root = inner[1:] if inner.startswith("$avp") else inner[1:-1]
    while world.server.pv.get(place.format(root, found)) is not None:
        found += 1
    return found


_is_counted = re.compile(r"\$x?avp\(").match


def _refuse_count(_: World, variable: Variable, __: Value) -> None:
    if not _is_counted(variable.name.strip()):
        raise RefusedValueError(f"$cnt({variable.name}): {variable.name} is not a variable")
    raise ReadOnlyVariableError(f"{variable} cannot be set")


def _version(_: World, variable: Variable) -> Value:
    return {"num": VERSION, "full": f"kamailio {VERSION}"}.get(variable.name, VERSION)


def _version_of_the_server(_: World, variable: Variable) -> Value:
    major, minor, patch = map(int, VERSION.split("."))
    return VERSION if variable.name == "ver" else major * 1_000_000 + minor * 1000 + patch


def _unique(world: World, _: Variable) -> Value:
    return f"srid-{int(time.time()):x}-{os.getpid():x}-{next(world.labels):x}"


def _counter(world: World, variable: Variable) -> Value:
    """Return a counter of the script. Counters of the server itself are assumed."""
    if variable.name in world.counters:
        return world.counters[variable.name]
    return assumed(world, variable)


_COLOURS: Final = "srgybpcw"


def _colour(_: World, variable: Variable) -> Value:
    """Return the escape sequence for a colour of text and one of the background, a letter each.
    ``x`` is the default colour; a capital letter makes the text bold."""
    text, background = variable.name[:1] or "?", variable.name[1:]
    if text not in f"x{_COLOURS}{_COLOURS.upper()}" or background not in ("x", *_COLOURS):
        return None
    numbers = [9 if one == "x" else _COLOURS.index(one) for one in (text.lower(), background)]
    return f"\x1b[{int(text.isupper())};{numbers[0] + 30};{numbers[1] + 40}m"


_NULL: Final = Accessor(lambda _world, _variable: None)

TABLE: Final[Table] = {
    "null": _NULL,
    "true": Accessor(lambda _world, _variable: 1),
    "K": Accessor(_constant),
    "def": Accessor(_define),
    "defn": Accessor(_define_number),
    "env": Accessor(lambda _, variable: os.environ.get(variable.name)),
    "envn": Accessor(_environment_number),
    "HN": Accessor(_host),
    "RANDOM": Accessor(lambda _world, _variable: random.randrange(1 << 31)),
    "_s": Accessor(_expanded),
    "cnt": Accessor(_count, _refuse_count),
    "version": Accessor(_version),
    "ksr": Accessor(_version_of_the_server),
    "cfg": Accessor(lambda _, variable: 0 if variable.name == "line" else None),
    "sruid": Accessor(_unique),
    "rcv": _NULL,
    "stat": Accessor(_counter),
    "C": Accessor(_colour),
    "sid": Accessor(lambda _world, _variable: 0),
    "err.class": _NULL,
    "err.info": _NULL,
    "err.level": _NULL,
    "err.rcode": _NULL,
    "err.rreason": _NULL,
    "location_ua": _NULL,
    "ruid": _NULL,
}
