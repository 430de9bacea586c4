"""``$T(...)``, ``$T_req(...)``, ``$ltt(...)``: the transaction, its request and its replies."""

from __future__ import annotations

import secrets
import zlib
from typing import Final

from onehttp_compat.pv import Value, Variable
from onehttp_compat.script.message_in_progress import RouteKind, Scene, current, enter
from onehttp_compat.script.pv.table import Accessor, Table, of_scene
from onehttp_compat.script.routed_message import RoutedMessage
from onehttp_compat.script.transactions import ScriptTransaction
from onehttp_compat.script.world import World

_STATELESS: Final = secrets.token_hex(16)
_STATEFUL: Final = secrets.token_hex(16)
"""The prefixes of the To tags in replies that this process generates."""


def _reply_code(scene: Scene, _: Variable) -> Value:
    if scene.reply is not None:
        return scene.reply.status
    if scene.message.status:
        return scene.message.status
    return scene.sent_status or 0


def _reply_reason(scene: Scene, _: Variable) -> Value:
    if scene.sent_status is None:
        return ""
    if scene.route is RouteKind.BRANCH_FAILURE:
        return None
    reply = scene.reply or (scene.message if scene.message.status else None)
    return reply.reason if reply else None


def _last_reply(scene: Scene, _: Variable) -> Value:
    return scene.message.status if scene.route is RouteKind.ON_REPLY else None


def _branch_index(scene: Scene, _: Variable) -> Value:
    if scene.route is RouteKind.REQUEST and scene.message.is_request:
        return len(scene.routed.branches)
    return scene.branch_number


def _transaction(scene: Scene, variable: Variable) -> Value:
    name = variable.name
    if name in ("id_index_n", "id_label_n"):
        if scene.tm is None and scene.message.is_request:
            scene.new_transaction()
        name = name.removesuffix("_n")
    if name == "branch_index":
        return max(0, scene.branch_number)
    if name == "reply_code":
        return _reply_code(scene, variable)
    if name == "reply_reason":
        return _reply_reason(scene, variable)
    tm = scene.tm
    if tm is None:
        return None
    # For names that belong to a branch the server falls through to the label.
    return {"id_index": tm.identity[0], "reply_type": 0}.get(name, tm.identity[1])


def _branch_part(scene: Scene, variable: Variable) -> Value:
    tm = scene.tm
    if tm is None:
        return None
    if variable.name not in ("uri", "flags"):
        return None if variable.element else ""
    if not 0 <= scene.branch < len(tm.branches):
        return None
    branch = tm.branches[scene.branch]
    return branch.uri if variable.name == "uri" else branch.flags


def _local_tag(scene: Scene, variable: Variable) -> Value:
    """Return the To tag of replies that the server generates: ``s`` for stateless replies, ``t``
    for replies of this transaction, ``x`` for whichever of the two applies now."""
    is_stateful = scene.tm is not None and variable.name != "s"
    if variable.name == "t" and not is_stateful:
        return None
    vias = scene.message.vias[:1]
    code = zlib.crc32("".join(vias).encode("utf-8", "surrogateescape"))
    return f"{_STATEFUL}-{code:08x}" if is_stateful else f"{_STATELESS}.{code:08x}"


def _request_variable(world: World, variable: Variable) -> Value:
    """``$T_req($ru)``: a variable of the request, read in a route that handles its reply."""
    tm = world.scene.tm
    if tm is None or world.scene.message.is_request:
        return None
    return _read_for(world, tm, variable)


def _reply_variable(world: World, variable: Variable) -> Value:
    """``$T_rpl($rs)``: a variable of the reply, read in a failure route."""
    scene = world.scene
    if scene.reply is None:
        return None
    return _read_in(world, Scene(RoutedMessage(scene.reply), scene.progress), variable)


def _read_for(world: World, tm: ScriptTransaction, variable: Variable) -> Value:
    return _read_in(world, Scene(tm.request, world.scene.progress), variable)


def _read_in(world: World, scene: Scene, variable: Variable) -> Value:
    before = current()
    enter(scene)
    try:
        return world.server.pv.get(variable.name)
    finally:
        enter(before)


TABLE: Final[Table] = {
    "T": of_scene(_transaction),
    "T_reply_code": of_scene(_reply_code),
    "T_reply_reason": of_scene(_reply_reason),
    "T_reply_last": of_scene(_last_reply),
    "T_reply_ruid": Accessor(lambda _world, _variable: ""),
    "T_branch_idx": of_scene(_branch_index),
    "T_branch": of_scene(_branch_part),
    "T_req": Accessor(_request_variable),
    "T_inv": Accessor(_request_variable),
    "T_rpl": Accessor(_reply_variable),
    "ltt": of_scene(_local_tag),
}
