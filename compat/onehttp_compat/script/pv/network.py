"""``$si``, ``$Ri``, ``$pr``: the source, the destination and the transport of the message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from onehttp_compat.pv import RefusedValueError, Value, Variable
from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.pv.outgoing import PROTOCOL_IDS
from onehttp_compat.script.pv.table import Accessor, Table, of_scene, text
from onehttp_compat.sip.uri import bracketed


def _peer(name: str, *, is_source: bool) -> Accessor:
    def read(scene: Scene, _: Variable) -> Value:
        sip = scene.message
        host, port = sip.source if is_source else sip.destination
        place = f"{bracketed(host)}:{port}"
        values: dict[str, Callable[[], Value]] = {
            "host": lambda: host,
            "bracketed": lambda: bracketed(host),
            "port": lambda: port,
            "uri": lambda: (
                f"sip:{place}" + ("" if sip.protocol == "udp" else f";transport={sip.protocol}")
            ),
            "full_uri": lambda: f"sip:{place};transport={sip.protocol}",
            "socket": lambda: f"{sip.protocol}:{place}",
        }
        return values[name]()

    return of_scene(read)


def _set_socket(scene: Scene, _: Variable, value: Value) -> None:
    socket = "" if value is None else text(value, "$fs")
    if value is not None and socket.partition(":")[0].lower() not in PROTOCOL_IDS:
        raise RefusedValueError("$fs takes protocol:address:port")
    scene.routed.send_socket = socket


def _ignore_text(_: Scene, variable: Variable, value: Value) -> None:
    """Check that the name of a socket is text, and ignore it: there are no named sockets here."""
    if value is not None:
        text(value, f"${variable.kind}")


def _socket_port(scene: Scene, _: Variable) -> Value:
    port = (scene.routed.send_socket or "").rpartition(":")[2]
    return int(port) if port.isdecimal() else 0


_PROTOCOL: Final = of_scene(lambda scene, _: scene.message.protocol)

TABLE: Final[Table] = {
    "si": _peer("host", is_source=True),
    "src_ip": _peer("host", is_source=True),
    "siz": _peer("bracketed", is_source=True),
    "sp": _peer("port", is_source=True),
    "su": _peer("uri", is_source=True),
    "sut": _peer("full_uri", is_source=True),
    "sas": _peer("socket", is_source=True),
    "Ri": _peer("host", is_source=False),
    "Rp": _peer("port", is_source=False),
    "Ru": _peer("uri", is_source=False),
    "Rut": _peer("full_uri", is_source=False),
    "RAi": _peer("host", is_source=False),
    "RAp": _peer("port", is_source=False),
    "RAu": _peer("uri", is_source=False),
    "RAut": _peer("full_uri", is_source=False),
    "Ras": _peer("socket", is_source=False),
    "Rn": Accessor(lambda _world, _variable: None),
    "pr": _PROTOCOL,
    "proto": _PROTOCOL,
    "prid": of_scene(lambda scene, _: PROTOCOL_IDS.get(scene.message.protocol, 0)),
    "conid": Accessor(lambda _world, _variable: None),
    "fs": of_scene(lambda scene, _: scene.routed.send_socket or None, _set_socket),
    "fsn": of_scene(lambda _scene, _variable: None, _ignore_text),
    "fsp": of_scene(_socket_port),
}
