"""``$dlg(...)``, ``$DLG_status``: the dialog that a message belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from onehttp_compat.pv import Value, Variable
from onehttp_compat.script.message_in_progress import RouteKind, Scene
from onehttp_compat.script.pv.table import Accessor, Table
from onehttp_compat.script.world import World
from onehttp_compat.script.world.dialogs import Dialog
from onehttp_compat.sip.message import SipMessage
from onehttp_compat.sip.uri import bracketed

_LIFETIME_S: Final = 43200
"""The default lifetime of a dialog in the server."""
# The bits of ``$dlg(dflags)``: the request went through `tm`, was answered, was confirmed by an
# ACK, and ended by a BYE.
_RELAYED, _ANSWERED, _CONFIRMED, _ENDED = 512, 1, 2, 4


def _uri(sip: SipMessage | None, header: str) -> Value:
    address = sip.address(header) if sip else None
    return address.uri if address else None


def _tag(sip: SipMessage | None, header: str) -> Value:
    address = sip.address(header) if sip else None
    return (address.param("tag") or None) if address else None


def _routes(sip: SipMessage | None) -> Value:
    return ",".join(sip.all("record-route")) or None if sip else None


def _socket(sip: SipMessage | None) -> Value:
    if sip is None:
        return None
    host, port = sip.destination
    return f"{sip.protocol}:{bracketed(host)}:{port}"


def _flags(scene: Scene, dialog: Dialog) -> int:
    is_relayed = dialog.begun_by.tm is not None or scene.route is RouteKind.BRANCH
    return (
        _RELAYED * is_relayed
        | _ANSWERED * dialog.is_answered
        | _CONFIRMED * dialog.has_ack * dialog.is_answered
        | _ENDED * dialog.has_bye
    )


def _started(world: World, dialog: Dialog) -> int:
    if dialog.is_answered and not dialog.started:
        dialog.started = int(world.time())
    return dialog.started


def _part(world: World, variable: Variable) -> Value:
    scene = world.scene
    dialog = world.dialogs.find(scene.progress)
    if dialog is None:
        return None
    invite, reply = dialog.begun_by.message, dialog.reply
    parts: dict[str, Callable[[], Value]] = {
        "callid": lambda: invite.header("call-id"),
        "from_tag": lambda: _tag(invite, "from"),
        "from_uri": lambda: _uri(invite, "from"),
        "from_contact": lambda: _uri(invite, "contact"),
        "from_cseq": lambda: invite.cseq[0],
        "from_rs": lambda: _routes(invite),
        "from_bindaddr": lambda: _socket(invite),
        "to_uri": lambda: _uri(invite, "to"),
        "to_tag": lambda: _tag(reply, "to"),
        "to_contact": lambda: _uri(reply, "contact"),
        "to_cseq": lambda: "0" if reply else None,
        "to_rs": lambda: _routes(reply),
        "to_bindaddr": lambda: _socket(reply and invite),
        "state": lambda: dialog.state,
        "start_ts": lambda: _started(world, dialog),
        "lifetime": lambda: _LIFETIME_S,
        "dflags": lambda: _flags(scene, dialog),
        "h_id": lambda: dialog.number,
        "h_entry": lambda: 0,
        "ref": lambda: 3 if dialog.is_answered and not dialog.has_bye else 2,
    }
    return parts.get(variable.name, lambda: 0)()


def _managed(world: World) -> Dialog | None:
    """The dialog of a request for which the script has called ``dlg_manage``."""
    progress = world.scene.progress
    return world.dialogs.find(progress) if progress.is_managed else None


def _state(world: World, _: Variable) -> Value:
    dialog = _managed(world)
    return dialog.state if dialog else None


def _age(world: World, _: Variable) -> Value:
    dialog = _managed(world)
    return int(world.time()) - _started(world, dialog) if dialog else None


TABLE: Final[Table] = {
    "dlg": Accessor(_part),
    "DLG_count": Accessor(lambda world, _: world.dialogs.count()),
    "DLG_status": Accessor(_state),
    "DLG_lifetime": Accessor(_age),
}
