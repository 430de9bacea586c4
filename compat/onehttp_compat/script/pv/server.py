"""``$def(X)``, ``$K(IPv4)``, ``$T(...)``: the server, the environment, the transaction."""

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
from onehttp_compat.script.message_in_progress import Route, Scene
from onehttp_compat.script.pv.table import Entry, Table, flags, of_scene, signed
from onehttp_compat.script.transactions import ScriptTransaction
from onehttp_compat.script.world import World

VERSION: Final = "5.6.3"
_CONSTANTS: Final = {
    "IPv4": 2, "IPv6": 10, "INET": 2, "INET6": 10, "UDP": 1, "TCP": 2, "TLS": 3, "SCTP": 4,
    "WS": 5, "WSS": 6,
}  # fmt: skip


def _constant(_: World, variable: Variable) -> Value:
    if variable.name not in _CONSTANTS:
        raise UnknownVariableError(f"$K({variable.name}): there are {', '.join(_CONSTANTS)}")
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
    """How many values a variable has."""
    inner = variable.name.strip()
    if not _is_counted(inner):
        raise UnknownVariableError(f"$cnt({variable.name}): it counts $avp(...) and $xavp(...)")
    found = 0
    while world.server.pv.get(f"$({inner[1:]}[{found}])") is not None:
        found += 1
    return found


_is_counted = re.compile(r"\$x?avp\(").match


def _refuse_count(_: World, variable: Variable, __: Value) -> None:
    if not _is_counted(variable.name.strip()):
        raise RefusedValueError(f"$cnt({variable.name}) is no variable")
    raise ReadOnlyVariableError(f"{variable} cannot be set")


def _script_flags(scene: Scene) -> int:
    return scene.progress.script_flags & 0xFFFFFFFF


def _set_script_flags(scene: Scene, variable: Variable, value: Value) -> None:
    scene.progress.script_flags = flags(value, f"${variable.kind}")


def _version(_: World, variable: Variable) -> Value:
    return {"num": VERSION, "full": f"kamailio {VERSION}"}.get(variable.name, VERSION)


def _version_of_the_server(_: World, variable: Variable) -> Value:
    major, minor, patch = map(int, VERSION.split("."))
    return VERSION if variable.name == "ver" else major * 1_000_000 + minor * 1000 + patch


def _unique(world: World, _: Variable) -> Value:
    return f"srid-{int(time.time()):x}-{os.getpid():x}-{next(world.labels):x}"


# ---- the transaction


def _reply_code(scene: Scene, _: Variable) -> Value:
    if scene.reply is not None:
        return scene.reply.status
    if scene.message.status:
        return scene.message.status
    tm = scene.tm
    return tm.status if tm is not None else 0


def _reply_reason(scene: Scene, _: Variable) -> Value:
    if scene.route is Route.BRANCH_FAILURE:
        return None
    reply = scene.reply or (scene.message if scene.message.status else None)
    return reply.reason if reply else None


def _last_reply(scene: Scene, _: Variable) -> Value:
    tm = scene.tm
    return tm.last_reply.status if tm is not None and tm.last_reply is not None else None


def _branch_index(scene: Scene, _: Variable) -> Value:
    if scene.route is Route.REQUEST and scene.message.is_request:
        return len(scene.routed.branches)
    is_first = scene.message.is_request and scene.route is not Route.ON_SEND
    return max(0, scene.branch) if is_first else scene.branch


def _transaction(world: World, variable: Variable) -> Value:
    scene = world.scene
    tm = scene.tm
    if tm is None:
        return None
    return {
        "id_index": tm.identity[0],
        "id_label": tm.identity[1],
        "reply_code": _reply_code(scene, variable),
        "reply_reason": _reply_reason(scene, variable),
        "branch_index": max(0, scene.branch),
        "reply_type": 0,
    }.get(variable.name)


def _branch_part(scene: Scene, variable: Variable) -> Value:
    tm = scene.tm
    if tm is None or not 0 <= scene.branch < len(tm.branches):
        return None
    branch = tm.branches[scene.branch]
    return {"uri": branch.uri, "dst_uri": branch.dst_uri or None}.get(variable.name)


def _request_variable(world: World, variable: Variable) -> Value:
    """``$T_req($ru)``: a variable of the request, in a route for its reply."""
    tm = world.scene.tm
    if tm is None or world.scene.message.is_request:
        return None
    return _read_for(world, tm, variable)


def _reply_variable(world: World, variable: Variable) -> Value:
    """``$T_rpl($rs)``: a variable of the reply, in a failure route."""
    from onehttp_compat.script.routed_message import RoutedMessage

    scene = world.scene
    if scene.reply is None:
        return None
    return _read_in(world, Scene(RoutedMessage(scene.reply), scene.progress), variable)


def _read_for(world: World, tm: ScriptTransaction, variable: Variable) -> Value:
    return _read_in(world, Scene(tm.request, world.scene.progress), variable)


def _read_in(world: World, scene: Scene, variable: Variable) -> Value:
    from onehttp_compat.script.message_in_progress import current, enter

    before = current()
    enter(scene)
    try:
        return world.server.pv.get(variable.name)
    finally:
        enter(before)


_NULL: Final = Entry(lambda _world, _variable: None)

TABLE: Final[Table] = {
    "null": _NULL,
    "true": Entry(lambda _world, _variable: 1),
    "K": Entry(_constant),
    "def": Entry(_define),
    "defn": Entry(_define_number),
    "env": Entry(lambda _, variable: os.environ.get(variable.name)),
    "envn": Entry(_environment_number),
    "HN": Entry(_host),
    "RANDOM": Entry(lambda _world, _variable: random.randrange(1 << 31)),
    "_s": Entry(_expanded),
    "cnt": Entry(_count, _refuse_count),
    "version": Entry(_version),
    "ksr": Entry(_version_of_the_server),
    "cfg": Entry(lambda _, variable: 0 if variable.name == "line" else None),
    "sruid": Entry(_unique),
    "rcv": _NULL,
    "stat": Entry(lambda world, variable: world.counters.get(variable.name, 0)),
    "C": Entry(lambda _world, _variable: ""),
    "sf": of_scene(lambda scene, _: signed(_script_flags(scene)), _set_script_flags),
    "sF": of_scene(lambda scene, _: f"{_script_flags(scene):08X}", _set_script_flags),
    "sid": Entry(lambda _world, _variable: 0),
    "err.class": _NULL,
    "err.info": _NULL,
    "err.level": _NULL,
    "err.rcode": _NULL,
    "err.rreason": _NULL,
    "location_ua": _NULL,
    "ruid": _NULL,
    "T": Entry(_transaction),
    "T_reply_code": of_scene(_reply_code),
    "T_reply_reason": of_scene(_reply_reason),
    "T_reply_last": of_scene(_last_reply),
    "T_reply_ruid": _NULL,
    "T_branch_idx": of_scene(_branch_index),
    "T_branch": of_scene(_branch_part),
    "T_req": Entry(_request_variable),
    "T_inv": Entry(_request_variable),
    "T_rpl": Entry(_reply_variable),
}
