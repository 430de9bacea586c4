"""The Route header that this server has once written: its parameters, and by its ``ftag`` which
side of the dialog sends."""

from __future__ import annotations

from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.routed_message import RoutedMessage
from onehttp_compat.script.world import World
from onehttp_compat.sip.address import parse_address, split_addresses
from onehttp_compat.sip.uri import parse_uri


def known_routes(routed: RoutedMessage) -> list[tuple[int, str, str]]:
    """(index of the header, text, URI) of each Route as it was received: what has been taken out
    does not go on, and is still there for who looks again."""
    found = []
    for index in routed.indices("route"):
        for one in split_addresses(routed.sip.headers[index][1]):
            address = parse_address(one)
            if address is not None:
                found.append((index, one, address.uri))
    return found


def parameters(world: World, scene: Scene) -> str | None:
    """What ``loose_route`` has found; before it, what the first Route says. None: not ours."""
    routed = scene.routed
    if routed.route_params_received is not None:
        return routed.route_params_received
    known = known_routes(routed)
    uri = parse_uri(known[0][2]) if known else None
    if uri is None or not world.is_myself(uri.host, uri.port_number):
        return None
    return uri.params and f";{uri.params}"


def is_upstream(world: World, scene: Scene) -> bool:
    """Whether the side sends that has not begun the dialog; False where nothing tells."""
    given = (parameters(world, scene) or "").split(";")
    known = next((one[5:] for one in given if one.startswith("ftag=")), None)
    sender = scene.message.address("from")
    tag = sender.param("tag") if sender else None
    return known is not None and tag is not None and known != tag
