"""``$fu``, ``$tU``, ``$fn``, ``$ai``, ``$di``: the addresses of a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from onehttp_compat.pv import RefusedValueError, Value, Variable
from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.pv.table import Accessor, Table, Write, length, of_scene, text
from onehttp_compat.sip.address import Address, parse_address, split_addresses
from onehttp_compat.sip.uri import SipUri, parse_uri

_Part = Callable[[Address, SipUri], Value]
_URI: Final[_Part] = lambda address, _: address.uri  # noqa: E731 - a table of parts


def _of(header: str, part: _Part, write: Write | None = None) -> Accessor:
    """Return the entry for a part of the first address of a header; null if it does not parse."""

    def read(scene: Scene, _: Variable) -> Value:
        address = scene.message.address(header)
        uri = address.parsed_uri if address else None
        return None if address is None or uri is None else part(address, uri)

    return of_scene(read, write)


def _rewritten(header: str, part: str) -> Write:
    """Return a writer that replaces a part of the address. The message that is sent gets the new
    header; the script sees it only after ``msg_apply_changes``."""

    def write(scene: Scene, _: Variable, value: Value) -> None:
        if value is None and part not in ("user", "name"):
            return  # the server reports success, and changes nothing
        new = None if value is None else text(value, f"${header[0]}...")
        routed = scene.routed
        found = routed.indices(header)
        received = routed.sip.headers[found[0]][1] if found else ""
        written = routed.replaced.get(found[0], received) if found else ""
        address, uri = _read(written)
        if uri is None:  # the server falls back to the received header
            written = received
            address, uri = _read(written)
        if address is None or uri is None:
            raise RefusedValueError(f"the {header} header does not parse as an address")
        routed.replaced[found[0]] = _edited(written, address, uri, part, new)
        scene.act(f"{header}: {routed.replaced[found[0]]}")

    return write


def _edited(written: str, address: Address, uri: SipUri, part: str, new: str | None) -> str:
    """Replace a part of an address where it stands, or remove it (None)."""
    start = written.index(address.uri, len(address.name))
    before, after = written[:start], written[start + len(address.uri) :]
    if part == "name":
        if new is None:
            return f"{'<' if '<' in before else ''}{address.uri}{after}"
        if address.name:
            return f"{before.replace(address.name, new, 1)}{address.uri}{after}"
        return f"{new} {written}"
    target = address.uri
    if part == "uri":
        target = new or ""
    elif part == "user":
        target = _with_user(address.uri, uri, new)
    elif uri.host:
        at = target.index(uri.host, len(uri.scheme) + len(uri.user) + 1)
        target = f"{target[:at]}{new}{target[at + len(uri.host) :]}"
    return f"{before}{target}{after}"


def _with_user(written: str, uri: SipUri, new: str | None) -> str:
    scheme, rest = written[: len(uri.scheme) + 1], written[len(uri.scheme) + 1 :]
    if uri.user:
        kept = rest[len(uri.user) :]
        return f"{scheme}{new or ''}{kept.removeprefix('@') if new is None else kept}"
    return f"{scheme}{'' if new is None else new + '@'}{rest}"


def _read(written: str) -> tuple[Address | None, SipUri | None]:
    address = parse_address(written)
    return address, address.parsed_uri if address else None


def _name(address: Address, _: SipUri) -> Value:
    return address.name or None


def _party(letter: str, header: str) -> Table:
    user = _of(header, lambda _, uri: uri.user or None, _rewritten(header, "user"))
    host = _of(header, lambda _, uri: uri.host or None, _rewritten(header, "host"))
    uri = _of(header, _URI, _rewritten(header, "uri"))
    return {
        f"{letter}u": uri,
        header: uri,
        f"{letter}U": user,
        f"{header}.user": user,
        f"{letter}Ul": _of(header, lambda _, uri: length(uri.user)),
        f"{letter}d": host,
        f"{header}.domain": host,
        f"{letter}n": _of(header, _name, _rewritten(header, "name")),
        f"{letter}t": _of(header, lambda address, _: address.param("tag") or None),
    }


def _identity(header: str) -> Callable[[Scene], Address | None]:
    def read(scene: Scene) -> Address | None:
        found = [one for said in scene.message.all(header) for one in split_addresses(said)]
        return parse_address(found[0]) if found else None

    return read


def _asserted(header: str, part: Callable[[Address], Value]) -> Accessor:
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


def _diversion(param: str) -> Accessor:
    return _asserted("diversion", lambda address: address.param(param) or None)


def _contact(scene: Scene, _: Variable) -> Value:
    return scene.message.header("contact") or None


def _first_uri(header: str) -> Accessor:
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
