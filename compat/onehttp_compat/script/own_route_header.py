"""The Route header that this server has written earlier: its parameters, and from its ``ftag``
which side of the dialog has sent the request."""

from __future__ import annotations

from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.routed_message import RoutedMessage
from onehttp_compat.script.world import World
from onehttp_compat.sip.address import parse_address, split_addresses
from onehttp_compat.sip.uri import parse_uri


def known_routes(routed: RoutedMessage) -> list[tuple[int, str, str]]:
    """(index of the header, text, URI) of each received Route. Removed ones are not sent, but
    scripts can still read them."""
    found = []
    for index in routed.indices("route"):
        for one in split_addresses(routed.sip.headers[index][1]):
            address = parse_address(one)
            if address is not None:
                found.append((index, one, address.uri))
    return found


def parameters(world: World, scene: Scene) -> str | None:
    """The parameters that ``loose_route`` has found, or before it those of the first Route. None if
    that Route is not ours."""
    routed = scene.routed
    if routed.route_params_received is not None:
        return routed.route_params_received
    known = known_routes(routed)
    uri = parse_uri(known[0][2]) if known else None
    if uri is None or not world.is_myself(uri.host, uri.port_number):
        return None
    return uri.params and f";{uri.params}"


def is_upstream(world: World, scene: Scene) -> bool:
    """Whether the sender is the side that did not start the dialog. False if that is unknown."""
    given = (parameters(world, scene) or "").split(";")
    known = next((one[5:] for one in given if one.startswith("ftag=")), None)
    sender = scene.message.address("from")
    tag = sender.param("tag") if sender else None
    return known is not None and tag is not None and known != tag
