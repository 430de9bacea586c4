"""``$fu``, ``$tU``, ``$fn``, ``$ai``, ``$di``: the addresses of a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from onehttp_compat.pv import Value, Variable
from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.pv.table import Entry, Table, length, of_scene
from onehttp_compat.sip.address import Address, parse_address, split_addresses
from onehttp_compat.sip.uri import SipUri, parse_uri

_Part = Callable[[Address, SipUri], Value]
_URI: Final[_Part] = lambda address, _: address.uri  # noqa: E731 - a table of parts


def _of(header: str, part: _Part) -> Entry:
    """A part of the first address of a header; null where the header cannot be read."""

    def read(scene: Scene, _: Variable) -> Value:
        address = scene.message.address(header)
        uri = address.parsed_uri if address else None
        return None if address is None or uri is None else part(address, uri)

    return of_scene(read)


def _name(address: Address, _: SipUri) -> Value:
    return address.name or None


def _party(letter: str, header: str) -> Table:
    user = _of(header, lambda _, uri: uri.user or None)
    host = _of(header, lambda _, uri: uri.host or None)
    uri = _of(header, _URI)
    return {
        f"{letter}u": uri,
        header: uri,
        f"{letter}U": user,
        f"{header}.user": user,
        f"{letter}Ul": _of(header, lambda _, uri: length(uri.user)),
        f"{letter}d": host,
        f"{header}.domain": host,
        f"{letter}n": _of(header, _name),
        f"{letter}t": _of(header, lambda address, _: address.param("tag") or None),
        f"{letter}ti": _of(header, lambda address, _: address.param("tag") or None),
    }


def _identity(header: str) -> Callable[[Scene], Address | None]:
    def read(scene: Scene) -> Address | None:
        found = [one for text in scene.message.all(header) for one in split_addresses(text)]
        return parse_address(found[0]) if found else None

    return read


def _asserted(header: str, part: Callable[[Address], Value]) -> Entry:
    address_of = _identity(header)

    def read(scene: Scene, _: Variable) -> Value:
        address = address_of(scene)
        return None if address is None else part(address)

    return of_scene(read)


def _uri_part(name: str) -> Callable[[Address], Value]:
    def part(address: Address) -> Value:
        uri = parse_uri(address.uri)
        return (getattr(uri, name) or None) if uri else None

    return part


def _diversion(param: str) -> Entry:
    return _asserted("diversion", lambda address: address.param(param) or None)


def _contact(scene: Scene, _: Variable) -> Value:
    text = scene.message.header("contact")
    return None if text is None or not text else text


def _first_uri(header: str) -> Entry:
    return _asserted(header, lambda address: address.uri)


TABLE: Final[Table] = {
    **_party("f", "from"),
    **_party("t", "to"),
    "ct": of_scene(_contact),
    "ai": _first_uri("p-asserted-identity"),
    "pu": _first_uri("p-preferred-identity"),
    "pU": _asserted("p-preferred-identity", _uri_part("user")),
    "pd": _asserted("p-preferred-identity", _uri_part("host")),
    "pn": _asserted("p-preferred-identity", lambda address: address.name or None),
    "di": _first_uri("diversion"),
    "dir": _diversion("reason"),
    "dip": _diversion("privacy"),
    "dic": _diversion("counter"),
    "re": _first_uri("remote-party-id"),
    "rt": _first_uri("refer-to"),
}
