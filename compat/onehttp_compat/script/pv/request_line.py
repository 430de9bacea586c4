"""``$ru`` and its parts, ``$du``, ``$ou``, ``$rm``, ``$rs``, flags, and the whole message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from onehttp_compat.pv import RefusedValueError, Value, Variable
from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.pv.table import (
    Table,
    flags,
    length,
    number,
    of_scene,
    signed,
    text,
)
from onehttp_compat.sip.uri import (
    DEFAULT_PORT,
    DEFAULT_TLS_PORT,
    SipUri,
    address_version,
    parse_uri,
)
from onehttp_compat.sip.via import way_back

_MASK: Final = 0xFFFFFFFF


def _part(of: Callable[[Scene], SipUri | None], name: str) -> Callable[[Scene, Variable], Value]:
    """Return a reader of one part of a URI; it returns null if there is no URI."""
    readers: dict[str, Callable[[SipUri], Value]] = {
        "user": lambda uri: uri.user or None,
        "user_length": lambda uri: length(uri.user),
        "host": lambda uri: uri.host or None,
        "port": lambda uri: (
            uri.port or str(DEFAULT_TLS_PORT if uri.transport.lower() == "tls" else DEFAULT_PORT)
        ),
        "transport": lambda uri: uri.transport or "UDP",
        # The server's parser treats a URI with user=phone as a tel URI.
        "scheme": lambda uri: "tel" if uri.param("user") == "phone" else uri.scheme,
    }
    read = readers[name]

    def reader(scene: Scene, _: Variable) -> Value:
        uri = of(scene)
        return None if uri is None else read(uri)

    return reader


def _current(scene: Scene) -> SipUri | None:
    return scene.routed.parsed_uri if scene.message.is_request else None


def _received(scene: Scene) -> SipUri | None:
    return parse_uri(scene.message.uri)


def _destination(scene: Scene) -> SipUri | None:
    return parse_uri(scene.routed.dst_uri or "")


def _next_hop(scene: Scene) -> SipUri | None:
    return parse_uri(_next_hop_uri(scene))


def _next_hop_uri(scene: Scene) -> str:
    """Return the URI that the message goes to; for a reply it follows from the second Via."""
    if scene.message.is_request:
        return scene.routed.next_hop
    back = way_back(scene.message.vias)
    return back.uri if back else ""


def _uri(scene: Scene, _: Variable) -> Value:
    uri = _current(scene)
    return scene.routed.uri if uri is not None else None


def _set_uri(scene: Scene, _: Variable, value: Value) -> None:
    scene.routed.set_uri(text(value, "$ru"))
    scene.act(f"$ru = {scene.routed.new_uri}")


def _set_part(name: str, written: str) -> Callable[[Scene, Variable, Value], None]:
    def write(scene: Scene, _: Variable, value: Value) -> None:
        if name == "host" and value is None:
            raise RefusedValueError(f"{written} cannot be set to null")
        if name == "port" and isinstance(value, int):
            value = str(value)
        new = text(value, written) if value is not None else ""
        # The server parses a URI when it reads it, not when it writes it.
        if not scene.routed.rewrite(**{name: new}):
            raise RefusedValueError(f"{written}: the request URI does not parse")
        scene.act(f"{written} = {new}")

    return write


def _set_destination(scene: Scene, _: Variable, value: Value) -> None:
    scene.routed.dst_uri = None if value is None else text(value, "$du") or None
    if scene.routed.dst_uri:
        scene.routed.has_new_target = True
        scene.act(f"destination {scene.routed.dst_uri}")


def _status(scene: Scene, _: Variable) -> Value:
    return scene.message.status or None


def _buffer(scene: Scene, _: Variable) -> Value:
    return scene.message.wire()


def _updated_buffer(scene: Scene, _: Variable) -> Value:
    return scene.routed.wire()


def _flags(name: str) -> Table:
    """Return ``$mf`` (a number), ``$mF`` (in hexadecimal) and ``$Mf(3)`` (a single flag)."""
    field = {"m": "flags", "b": "branch_flags", "s": "script_flags"}[name]

    def get(scene: Scene) -> int:
        bits: int = getattr(scene.progress if name == "s" else scene.routed, field)
        return bits & _MASK

    def put(scene: Scene, bits: int) -> None:
        setattr(scene.progress if name == "s" else scene.routed, field, bits)

    def write(scene: Scene, variable: Variable, value: Value) -> None:
        put(scene, flags(value, f"${variable.kind}"))

    def place(variable: Variable) -> int:
        return int(variable.name) if variable.name.isdigit() else 0

    def one(scene: Scene, variable: Variable) -> Value:
        bit = place(variable)
        return get(scene) >> bit & 1 if bit < 32 else None

    def set_one(scene: Scene, variable: Variable, value: Value) -> None:
        bit, is_set = 1 << place(variable), bool(number(value, f"${variable.kind}"))
        put(scene, get(scene) | bit if is_set else get(scene) & ~bit)

    return {
        f"{name}f": of_scene(lambda scene, _: signed(get(scene)), write),
        f"{name}F": of_scene(lambda scene, _: f"{get(scene):08X}", write),
        f"{name.upper()}f": of_scene(one, set_one),
    }


def _next_hop_part(scene: Scene, variable: Variable) -> Value:
    names = {"u": "", "U": "user", "d": "host", "p": "port", "P": "transport"}
    if variable.name == "u":
        return _next_hop_uri(scene) or None
    if variable.name == "i":
        uri = _next_hop(scene)
        return None if uri is None else address_version(uri.host)
    name = names.get(variable.name)
    if name == "port" and not scene.message.is_request:
        back = _next_hop(scene)
        return back.port_number if back else None
    return _part(_next_hop, name)(scene, variable) if name else None


_METHOD_IDS: Final = {
    name: 1 << bit
    for bit, name in enumerate((
        "INVITE", "CANCEL", "ACK", "BYE", "INFO", "REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE",
        "OPTIONS", "PRACK", "UPDATE", "REFER", "PUBLISH", "KDMQ", "GET", "POST", "PUT", "DELETE",
    ))
}  # fmt: skip
_RURI: Final = of_scene(_uri, _set_uri)
_RUSER: Final = of_scene(_part(_current, "user"), _set_part("user", "$rU"))
_RHOST: Final = of_scene(_part(_current, "host"), _set_part("host", "$rd"))
_DESTINATION: Final = of_scene(lambda scene, _: scene.routed.dst_uri, _set_destination)
_ORIGINAL: Final = of_scene(lambda scene, _: scene.message.uri if _received(scene) else None)
_METHOD: Final = of_scene(lambda scene, _: scene.message.method)

TABLE: Final[Table] = {
    "ru": _RURI,
    "ruri": _RURI,
    "rU": _RUSER,
    "ruri.user": _RUSER,
    "rUl": of_scene(_part(_current, "user_length")),
    "rd": _RHOST,
    "ruri.domain": _RHOST,
    "rp": of_scene(_part(_current, "port"), _set_part("port", "$rp")),
    "rP": of_scene(_part(_current, "transport")),
    "rz": of_scene(_part(_current, "scheme")),
    "ou": _ORIGINAL,
    "ouri": _ORIGINAL,
    "oU": of_scene(_part(_received, "user")),
    "oUl": of_scene(_part(_received, "user_length")),
    "od": of_scene(_part(_received, "host")),
    "op": of_scene(_part(_received, "port")),
    "oP": of_scene(_part(_received, "transport")),
    "du": _DESTINATION,
    "duri": _DESTINATION,
    "dd": of_scene(_part(_destination, "host")),
    "dp": of_scene(_part(_destination, "port")),
    "dP": of_scene(_part(_destination, "transport")),
    "nh": of_scene(_next_hop_part),
    "rm": _METHOD,
    "rmid": of_scene(lambda scene, _: _METHOD_IDS.get(scene.message.method, 1 << 19)),
    "rsi": of_scene(lambda scene, _: scene.message.status),
    "rs": of_scene(_status),
    "rr": of_scene(lambda scene, _: scene.message.reason or None if scene.message.status else None),
    "rv": of_scene(lambda scene, _: scene.message.version),
    "mb": of_scene(_buffer),
    "mbu": of_scene(_updated_buffer),
    "ml": of_scene(lambda scene, _: len(scene.message.wire())),
    "mt": of_scene(lambda scene, _: 1 if scene.message.is_request else 2),
    "mts": of_scene(lambda scene, _: "rq" if scene.message.is_request else "rp"),
    "mi": of_scene(lambda scene, _: scene.progress.outcome.number),
    **_flags("m"),
    **_flags("b"),
    **_flags("s"),
}
