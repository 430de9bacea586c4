"""``$TS``, ``$time(hour)``, ``$timef(...)``: the time; ``$pp``: the process id."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from onehttp_compat.pv import Value, Variable
from onehttp_compat.script.pv.table import Accessor, Table
from onehttp_compat.script.world import World

_STARTED: Final = int(time.time())
_FIELDS: Final = {
    "sec": "tm_sec", "min": "tm_min", "hour": "tm_hour", "mday": "tm_mday", "mon": "tm_mon",
    "year": "tm_year", "wday": "tm_wday", "yday": "tm_yday", "isdst": "tm_isdst",
}  # fmt: skip


def _clock(world: World) -> float:
    return world.time()


def _field(read: Callable[[float], time.struct_time]) -> Accessor:
    def reader(world: World, variable: Variable) -> Value:
        name = _FIELDS.get(variable.name)
        if name is None:
            return None
        value = int(getattr(read(_clock(world)), name))
        # The server counts weekdays from Sunday as 1; Python counts them from Monday as 0.
        return (value + 1) % 7 + 1 if name == "tm_wday" else value

    return Accessor(reader)


def _formatted(read: Callable[[float], time.struct_time]) -> Accessor:
    return Accessor(lambda world, variable: time.strftime(variable.name, read(_clock(world))))


def _precise(world: World, variable: Variable) -> Value:
    now = _clock(world)
    seconds, micros = int(now), int(now % 1 * 1_000_000)
    values: dict[str, Value] = {
        "s": seconds, "u": micros, "Sn": f"{seconds}.{micros:06d}", "Sm": f"{seconds}.{micros:06d}",
        "sn": seconds, "un": micros,
    }  # fmt: skip
    return values.get(variable.name)


_SECONDS: Final = Accessor(lambda world, _: int(_clock(world)))
_TEXT: Final = Accessor(lambda world, _: time.ctime(_clock(world)))

TABLE: Final[Table] = {
    "TS": _SECONDS,
    "Ts": _SECONDS,
    "TF": _TEXT,
    "Tf": _TEXT,
    "Tb": Accessor(lambda _world, _variable: _STARTED),
    "TV": Accessor(_precise),
    "time": _field(time.localtime),
    "utime": _field(time.gmtime),
    "timef": _formatted(time.localtime),
    "utimef": _formatted(time.gmtime),
    "pp": Accessor(lambda _world, _variable: os.getpid()),
}
