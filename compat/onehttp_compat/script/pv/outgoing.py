"""``$sndto(ip)`` in an onsend route: where the message goes. ``$ds``, ``$bR``: all its targets."""

from __future__ import annotations

from typing import Final

from onehttp_compat.pv import Value, Variable
from onehttp_compat.script.message_in_progress import RouteKind, Scene
from onehttp_compat.script.pv.table import Accessor, Table, assumed, of_scene
from onehttp_compat.script.routed_message import Branch
from onehttp_compat.script.world import World
from onehttp_compat.sip.uri import address_version, parse_uri

PROTOCOL_IDS: Final = {"udp": 1, "tcp": 2, "tls": 3, "sctp": 4, "ws": 5, "wss": 6}
_FAMILIES: Final = {4: 2, 6: 10, 0: 2}


def _side(*, is_destination: bool) -> Accessor:
    def read(world: World, variable: Variable) -> Value:
        scene = world.scene
        uri = parse_uri(scene.next_hop) if scene.route is RouteKind.ON_SEND else None
        if uri is None:
            return None
        if variable.name in ("buf", "len"):
            return assumed(world, variable)  # it would include the Via that only the server adds
            # Host names are not resolved here.
        host, port = uri.host.strip("[]"), uri.port_number
        if not is_destination:
            host, port = scene.message.destination
        protocol = uri.transport.lower() or ("tls" if uri.scheme == "sips" else "udp")
        values: dict[str, Value] = {
            "ip": host,
            "port": port,
            "proto": PROTOCOL_IDS.get(protocol, 0),
            "sproto": protocol,
            "af": family(host),
        }
        return values.get(variable.name)

    return Accessor(read)


def family(host: str) -> int:
    """Return the number of the address family as in ``AF_INET``; IPv4 for a host name."""
    return _FAMILIES[address_version(host)]


def _family(scene: Scene, variable: Variable) -> Value:
    number = family(scene.message.destination[0])
    return number if variable.name == "id" else {2: "IPv4", 10: "IPv6"}[number]


def _target(uri: str, q: int, *, is_quoted: bool) -> str:
    """Return a target as in a Contact header; a URI with a ``q`` is always in angle brackets."""
    weight = f";q={q / 1000:g}" if q >= 0 else ""
    return f"<{uri}>{weight}" if is_quoted or weight else uri


def _listed(branches: list[Branch], *, is_quoted: bool) -> str:
    return ", ".join(_target(one.uri, one.q, is_quoted=is_quoted) for one in branches)


def _destinations(scene: Scene, _: Variable) -> Value:
    routed = scene.routed
    changed = [] if routed.new_uri is None else [Branch(routed.new_uri, q=routed.q)]
    found = _listed([*changed, *routed.branches], is_quoted=True)
    return f"Contact: {found}" if found else None


_SIDES: Final = _side(is_destination=True)

TABLE: Final[Table] = {
    "snd": _SIDES,
    "sndto": _SIDES,
    "sndfrom": _side(is_destination=False),
    "af": of_scene(_family),
    "ds": of_scene(_destinations),
    "bR": of_scene(lambda scene, _: _listed(scene.routed.branches, is_quoted=False) or None),
}
