"""``$msg(...)``, ``$msgbuf(n)``: the bytes of the message. ``$rpl(...)``: where a reply goes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Final

from onehttp_compat.pv import RefusedValueError, Value, Variable
from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.pv.outgoing import PROTOCOL_IDS
from onehttp_compat.script.pv.table import Table, of_scene, text
from onehttp_compat.sip.message import parse_or_refuse
from onehttp_compat.sip.via import way_back


def _part(scene: Scene, variable: Variable) -> Value:
    sip = scene.message
    wire = sip.wire()
    head_end = len(wire) - len(sip.body)
    first_end = wire.find(b"\n") + 1
    parts: dict[str, Callable[[], Value]] = {
        "len": lambda: len(wire),
        "buf": lambda: wire,
        "fline": lambda: wire[:first_end].strip(),
        "hdrs": lambda: wire[first_end : head_end - 4],
        "hdrc": lambda: len(sip.headers),
        "body": lambda: sip.body,
        "body_len": lambda: len(sip.body),
        "hdrs_len": lambda: head_end - 4 - first_end,
        "fpart": lambda: wire[: head_end - 4],
        "lpart": lambda: wire[first_end:],
    }
    part = parts.get(variable.name)
    return part() if part and not sip.is_broken else None


def _byte(scene: Scene, variable: Variable) -> Value:
    """Return one byte, with the NUL that the server appends."""
    place = _place(scene, variable)
    return None if place < 0 else scene.message.wire()[place : place + 1] + b"\0"


def _set_byte(scene: Scene, variable: Variable, value: Value) -> None:
    place, new = _place(scene, variable), text(value, "$msgbuf(n)").encode()
    if place < 0 or not new:
        raise RefusedValueError(f"$msgbuf({variable.name}): the message has no such byte")
    sip, wire = scene.message, bytearray(scene.message.wire())
    wire[place : place + 1] = new[:1]
    changed = parse_or_refuse(bytes(wire), sip.label, sip.source, sip.destination, sip.protocol)
    # If the bytes no longer parse as a message, the headers parsed before remain visible.
    kept = dataclasses.replace(sip, received=bytes(wire))
    scene.routed.sip = kept if changed.refusal else changed


def _place(scene: Scene, variable: Variable) -> int:
    """Return the index of the byte; -1 if the message is shorter."""
    place = int(variable.name) if variable.name.isdigit() else -1
    return place if place < len(scene.message.wire()) else -1


def _reply(scene: Scene, variable: Variable) -> Value:
    sip, name = scene.message, variable.name
    if sip.is_request:
        return None
    if name == "cntvia":
        return len(sip.vias)
    if name == "cntrr":
        return len(sip.all("record-route"))
    back = way_back(sip.vias)
    if back is None:
        return None
    parts: dict[str, Value] = {
        "duri": back.uri, "dhost": back.host, "dport": back.port, "dproto": back.protocol,
        "dprotoid": PROTOCOL_IDS.get(back.protocol, 0),
    }  # fmt: skip
    return parts.get(name)


TABLE: Final[Table] = {
    "msg": of_scene(_part),
    "msgbuf": of_scene(_byte, _set_byte),
    "rpl": of_scene(_reply),
}
