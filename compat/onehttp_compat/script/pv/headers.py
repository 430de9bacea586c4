"""``$hdr(name)``, the headers that have their own variables, the body, Via and credentials."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from onehttp_compat.pv import Value, Variable
from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.own_route_header import is_upstream
from onehttp_compat.script.pv.outgoing import PROTOCOL_IDS
from onehttp_compat.script.pv.table import Accessor, Table, of_scene
from onehttp_compat.script.world import World
from onehttp_compat.sip.address import contacts, parse_address, split_addresses
from onehttp_compat.sip.credentials import digests
from onehttp_compat.sip.message import canonical
from onehttp_compat.sip.uri import DEFAULT_PORT, SipUri
from onehttp_compat.sip.via import Via, listed_vias, parse_via

_PROXY_FIRST: Final = ("proxy-authorization", "authorization")


def _texts(scene: Scene, name: str) -> list[str]:
    """Return the headers of that name; none if the message ends within its headers."""
    return [] if scene.message.is_broken else scene.message.all(name)


def _header(world: World, variable: Variable) -> Value:
    texts = _texts(world.scene, variable.name)
    if not texts:
        world.hint_if_added(variable.name)
    return _element(texts, variable.element)


def _count(scene: Scene, variable: Variable) -> Value:
    return len(_texts(scene, variable.name))


def _listed(scene: Scene, variable: Variable) -> Value:
    """Return one element of the headers that the server knows to be lists; of other headers, one
    whole header."""
    texts, element = _texts(scene, variable.name), variable.element
    split = _LISTS.get(canonical(variable.name))
    if split is None or element == "*":
        return _element(texts, element)
    found = [one for text in texts for one in split(text)]
    # Negative indices begin with -2 for the last element: a bug of the server.
    index = int(element) if element.lstrip("-").isdigit() else 0
    place = index + len(found) + 1 if index < 0 else index
    return found[place] if 0 <= place < len(found) else None


def _listed_count(scene: Scene, variable: Variable) -> Value:
    texts, split = _texts(scene, variable.name), _LISTS.get(canonical(variable.name))
    return len([one for text in texts for one in split(text)]) if split else len(texts)


_LISTS: Final[Mapping[str, Callable[[str], list[str]]]] = {
    "via": listed_vias, "contact": contacts, "route": split_addresses,
    "record-route": split_addresses,
}  # fmt: skip


def _element(texts: list[str], element: str) -> Value:
    if element == "*":
        return ",".join(texts) or None
    index = int(element) if element.lstrip("-").isdigit() else 0
    return texts[index] if -len(texts) <= index < len(texts) else None


def _known(name: str) -> Accessor:
    return of_scene(lambda scene, _: scene.message.header(name))


def _length(scene: Scene, _: Variable) -> Value:
    said = scene.message.header("content-length") or ""
    return int(said) if said.isdigit() else None


def _body(scene: Scene, _: Variable) -> Value:
    said = scene.message.header("content-length")
    if scene.message.is_broken or (said is not None and not said.isdigit()):
        return None
    return scene.message.body if said is not None or scene.message.body else None


def _body_size(scene: Scene, variable: Variable) -> Value:
    body = _body(scene, variable)
    return len(body) if isinstance(body, bytes) else 0


def _via(index: int) -> Accessor:
    def read(scene: Scene, variable: Variable) -> Value:
        vias = scene.message.vias
        via = parse_via(vias[index]) if -len(vias) <= index < len(vias) else None
        return None if via is None else _via_part(via, variable.name)

    return of_scene(read)


def _via_part(via: Via, name: str) -> Value:
    parts: dict[str, Value] = {
        "host": via.host, "port": via.port or DEFAULT_PORT, "proto": via.transport,
        "protoid": PROTOCOL_IDS.get(via.transport.lower(), 0),
    }  # fmt: skip
    if name in parts:
        return parts[name]
    return via.param(name) or None


def _expires(scene: Scene, variable: Variable) -> Value:
    times = []
    for text in scene.message.all("contact"):
        for one in split_addresses(text):
            found = re.search(r";\s*expires=(\d+)", one)
            times.append(int(found[1]) if found else _default_expires(scene))
    known = [time for time in times if time is not None]
    if not known and not scene.message.all("contact"):
        known = [] if scene.message.header("expires") is None else [_default_expires(scene) or 0]
    if not known:
        return None
    return max(known) if variable.name == "max" else min(known)


def _default_expires(scene: Scene) -> int | None:
    said = scene.message.header("expires") or ""
    return int(said) if said.isdigit() else None


def credentials(scene: Scene) -> dict[str, str]:
    """Return the parameters of a request's credentials by lower-case name; empty if it has none."""
    for header in _PROXY_FIRST:
        for _, said in digests(scene.message, header)[:1]:
            return said
    return {}


def _credential(name: str) -> Accessor:
    def read(scene: Scene, _: Variable) -> Value:
        found = credentials(scene)
        return found.get(name, "") if found else None

    return of_scene(read)


def _user(scene: Scene, _: Variable) -> Value:
    name = credentials(scene).get("username")
    return name.partition("@")[0] if name else None


def _domain(scene: Scene, _: Variable) -> Value:
    found = credentials(scene)
    return found.get("username", "").partition("@")[2] if found else None


def _accounting_uri(scene: Scene) -> SipUri | None:
    """Return the URI of From, which the server uses until it has checked credentials."""
    address = scene.message.address("from")
    return address.parsed_uri if address else None


def _accounting_user(scene: Scene, _: Variable) -> Value:
    uri = _accounting_uri(scene)
    return (uri.user or None) if uri else None


def _accounting_address(scene: Scene, _: Variable) -> Value:
    uri = _accounting_uri(scene)
    return f"{uri.user}@{uri.host}" if uri else None


def _charging(scene: Scene, variable: Variable) -> Value:
    """``P-Charging-Vector`` and its parameters."""
    text = scene.message.header("p-charging-vector")
    if text is None or "icid-value=" not in text:
        return None
    if variable.name == "all":
        return text
    said = re.search(rf"{_CHARGING[variable.name]}=([^\s;,]+)", text)
    return said[1] if said else None


_CHARGING: Final = {"value": "icid-value", "genaddr": "icid-generated-at", "orig": "orig-ioi",
                    "term": "term-ioi"}  # fmt: skip


def _direction(world: World, variable: Variable) -> Value:
    upstream = is_upstream(world, world.scene)
    if variable.name == "id":
        return 2 if upstream else 1
    return "upstream" if upstream else "downstream"


def _tag(header: str, other: str) -> Accessor:
    """Return the entry for the tag of one side of the dialog. In requests of the called side, From
    and To are exchanged, so that the variable means the same side for the whole dialog."""

    def read(world: World, _: Variable) -> Value:
        address = world.scene.message.address(other if is_upstream(world, world.scene) else header)
        return address.param("tag") or None if address else None

    return Accessor(read)


def _iterated(part: int) -> Accessor:
    """Return the entry for the name (0) or the text (1) of the current header of an iterator."""

    def read(scene: Scene, variable: Variable) -> Value:
        place, headers = scene.routed.iterators.get(variable.name, -1), scene.message.headers
        return headers[place][part] if 0 <= place < len(headers) else None

    return of_scene(read)


def _sdp(scene: Scene, variable: Variable) -> Value:
    """Return the body if it is a session description, and no bytes if it has another type."""
    sip = scene.message
    kind = (sip.header("content-type") or "").partition(";")[0].strip().lower()
    if variable.name != "body" or not sip.body or not kind:
        return None
    return sip.body if kind == "application/sdp" else b""


def _record_routes(scene: Scene) -> list[str]:
    return [one for text in scene.message.all("record-route") for one in split_addresses(text)]


def _top_record_routes(scene: Scene, _: Variable) -> Value:
    """Return how many Record-Route headers the last hop added: 2 if it bridges two networks."""
    routes = _record_routes(scene)
    return (2 if ";r2=on" in routes[0] else 1) if routes else 0


def _route(scene: Scene, _: Variable) -> Value:
    text = scene.message.header("route")
    address = parse_address(text) if text else None
    return address.uri if address else None


TABLE: Final[Table] = {
    "hdr": Accessor(_header),
    "hdrc": of_scene(_count),
    "hfl": of_scene(_listed),
    "hflc": of_scene(_listed_count),
    "ci": _known("call-id"),
    "cs": of_scene(lambda scene, _: scene.message.cseq[0] or None),
    "csb": _known("cseq"),
    "ua": _known("user-agent"),
    "cT": _known("content-type"),
    "cl": of_scene(_length),
    "rb": of_scene(_body),
    "bs": of_scene(_body_size),
    "via0": _via(0),
    "via1": _via(1),
    "viaZ": _via(-1),
    "expires": of_scene(_expires),
    "pcv": of_scene(_charging),
    "rdir": Accessor(_direction),
    "fti": _tag("from", "to"),
    "tti": _tag("to", "from"),
    "hfitname": _iterated(0),
    "hfitbody": _iterated(1),
    "blitval": of_scene(lambda scene, variable: scene.routed.line_value(variable.name)),
    "sdp": of_scene(_sdp),
    "route_uri": of_scene(_route),
    "rr_count": of_scene(lambda scene, _: len(_record_routes(scene))),
    "rr_top_count": of_scene(_top_record_routes),
    "ad": of_scene(_domain),
    "aU": _credential("username"),
    "au": of_scene(_user),
    "ar": _credential("realm"),
    "aa": _credential("algorithm"),
    "adu": _credential("uri"),
    "adn": _credential("nonce"),
    "adc": _credential("cnonce"),
    "ado": _credential("opaque"),
    "adr": _credential("response"),
    "AU": of_scene(_accounting_user),
    "Au": of_scene(_accounting_address),
}
