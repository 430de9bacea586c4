"""URIs and addresses as selects: ``ruri.host``, ``from.uri.user``, ``contact.expires``."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Final

from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.pv.selects.path import Node, Part, Path, PathStep, choose, names_one
from onehttp_compat.sip.address import Address, contacts, parse_address, split_addresses
from onehttp_compat.sip.uri import SipUri, parse_uri


def of_uri(text: str | None, rest: Path) -> str | None:
    """Return a URI, or the part of it that ``rest`` names."""
    if not rest:
        return text
    uri = parse_uri(text or "")
    if names_one(rest, "params"):
        return (uri.param(rest[1].name) or None) if uri else None
    return choose({name: functools.partial(_uri_part, uri, name) for name in _PARTS}, rest)


def _uri_part(uri: SipUri | None, name: str) -> str | None:
    if uri is None:
        return None
    return _PARTS[name](uri) or ("" if name == "host" else None)


def _number(uri: SipUri) -> str:
    return uri.user.partition(";")[0]


def _kind(uri: SipUri) -> str:
    return "tel" if uri.param("user") == "phone" else uri.scheme


def _transport(uri: SipUri) -> str:
    default = {"tel": "", "sips": "tls"}.get(uri.scheme, "udp")
    return uri.transport.lower() or default


def _params(uri: SipUri) -> str:
    """Return the parameters; for a SIP URI that holds a telephone number, those of the number."""
    is_number = uri.scheme.startswith("sip") and _kind(uri) == "tel"
    return uri.user.partition(";")[2] if is_number else uri.params


_PARTS: Final[Mapping[str, Callable[[SipUri], str]]] = {
    "user": _number,
    "rn_user": _number,
    "pwd": lambda uri: uri.password,
    "host": lambda uri: uri.host,
    "port": lambda uri: uri.port,
    "hostport": lambda uri: f"{uri.host}:{uri.port_number}" if uri.host else "",
    "transport": _transport,
    "type": _kind,
    "params": _params,
}


def of_address(text: str | None, rest: Path, params: Mapping[str, str]) -> str | None:
    """Return an address as written, or its URI, its display name or a parameter of it."""
    if not rest:
        return text
    address = parse_address(text or "")
    if rest[0].name == "uri":
        return of_uri(address.uri if address else None, rest[1:])
    if names_one(rest, "params"):
        return _param(address, rest[1].name)
    parts: dict[str, Part] = {
        name: functools.partial(_param, address, param) for name, param in params.items()
    }
    parts["name"] = lambda: (address.name or None) if address else None
    return choose(parts, rest)


def of_listed(text: str | None, rest: Path, params: Mapping[str, str]) -> str | None:
    """Like `of_address`, for the first address of a header that may hold several. There, the
    server reports a missing display name as empty, not as null."""
    if not rest or not text or text.strip() == "*":
        return of_address(None if rest else text, rest, params)
    first = split_addresses(text)[0]
    found = of_address(first, rest, params)
    return "" if found is None and rest[0].name == "name" and parse_address(first) else found


def _param(address: Address | None, name: str) -> str | None:
    return (address.param(name) or None) if address else None


def first_address(header: str, params: Mapping[str, str], *, is_list: bool = False) -> Node:
    """Return the node for the first address of a header; without a part it is the whole header."""

    def read(scene: Scene, step: PathStep, rest: Path) -> str | None:
        if step.number is not None or step.key is not None:
            raise LookupError
        text = scene.message.header(header)
        if header == "contact" and rest:
            text = next(iter(contacts(text or "")), text)
        return (of_listed if is_list else of_address)(text, rest, params)

    return read


def request_uri(scene: Scene, _: PathStep, rest: Path) -> str | None:
    """``ruri``"""
    return of_uri(scene.routed.uri if scene.message.is_request else None, rest)


def next_hop(scene: Scene, _: PathStep, rest: Path) -> str | None:
    """``next_hop``"""
    return of_uri(scene.routed.next_hop if scene.message.is_request else None, rest)


def destination(scene: Scene, _: PathStep, rest: Path) -> str | None:
    """``dst_uri``"""
    return of_uri(scene.routed.dst_uri or None, rest)
