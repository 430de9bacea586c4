"""``{uri.*}``, ``{nameaddr.*}``, ``{tobody.*}``, ``{urialias.*}``, ``{sock.*}``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from onehttp_compat.pseudo_variables.transformations.rule import NoValueError, TransformationRule
from onehttp_compat.sip.address import Address, parse_address, split_addresses
from onehttp_compat.sip.uri import DEFAULT_PORT, TRANSPORTS, SipUri, parse_uri
from onehttp_compat.sip.value import Value

_socket = re.compile(r"(?:(\w+):)?(\[[0-9A-Fa-f:.]+\]|[^:\s]+)(?::(\d+))?").fullmatch
_alias = re.compile(r";alias=([^~;]+)~(\d+)~(\d)")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _length(text: str) -> int:
    return len(text.encode("utf-8", "surrogateescape"))


def _uri(part: Callable[[SipUri], Value]) -> TransformationRule:
    def apply(data: bytes) -> Value:
        return part(_parsed(data))

    return TransformationRule(apply)


def _uri_param_called(name: str) -> TransformationRule:
    return _uri(lambda uri: uri.param(name) or "")


def _parsed(data: bytes) -> SipUri:
    uri = parse_uri(_text(data))
    if uri is None:
        raise NoValueError(f"{data!r} is not a URI")
    return uri


def _scheme_as_written(data: bytes) -> str:
    _parsed(data)
    return _text(data).partition(":")[0]


def _has_host(uri: SipUri) -> bool:
    return not uri.scheme.startswith("tel")


def _uri_param(data: bytes, name: bytes) -> str:
    uri = _parsed(data)
    return (uri.param(_text(name)) or "") if _has_host(uri) else ""


def to_socket(uri: SipUri) -> str:
    """Return ``tls:host:port``; empty if the URI does not have both."""
    if not uri.port and not uri.transport:
        return ""
    return f"{(uri.transport or 'udp').lower()}:{uri.host}:{uri.port_number}"


def _name_address(part: Callable[[str, Address], Value]) -> TransformationRule:
    def apply(data: bytes) -> Value:
        text = _text(data)
        address = parse_address(text)
        if address is None or not text:
            raise NoValueError(f"{data!r} is no address")
        return part(text, address)

    return TransformationRule(apply)


def _name_as_written(text: str, address: Address) -> str:
    return text[: text.index("<", len(address.name))] if address.name else ""


def _whole(text: str, address: Address) -> str:
    """With its name and brackets; an address without brackets is all of the header."""
    if "<" not in text:
        return text
    return text[: text.index(">", text.index(address.uri)) + 1]


def _uri_as_written(text: str, address: Address) -> str:
    return address.uri if "<" in text else text


def _to_body(part: Callable[[Address, SipUri], Value]) -> TransformationRule:
    def apply(data: bytes) -> Value:
        address = parse_address(_text(data))
        uri = parse_uri(address.uri) if address else None
        if address is None or uri is None or len(split_addresses(_text(data))) > 1:
            raise NoValueError(f"{data!r} is not the body of a To header")
        return part(address, uri)

    return TransformationRule(apply)


def encode_alias(uri: SipUri) -> str:
    """Return ``host~port~protocol``, as ``set_contact_alias`` writes it."""
    number = TRANSPORTS.index(uri.transport.lower() or "udp") + 1
    return f"{uri.host}~{uri.port_number}~{number}"


def decode_alias(text: str) -> str:
    """Return the URI for an ``alias`` parameter; empty if there is none."""
    match = _alias.search(text)
    if match is None or not 0 < int(match[3]) <= len(TRANSPORTS):
        return ""
    protocol = TRANSPORTS[int(match[3]) - 1]
    return f"sip:{match[1]}:{match[2]}" + ("" if protocol == "udp" else f";transport={protocol}")


def _socket_part(part: Callable[[str, str, str], str]) -> TransformationRule:
    def apply(data: bytes) -> Value:
        match = _socket(_text(data))
        if match is None or (match[1] and match[1].lower() not in TRANSPORTS):
            raise NoValueError(f"{data!r} is no socket")
        return part(match[1] or "", match[2], match[3] or "")

    return TransformationRule(apply)


RULES: Final = {
    "uri.user": _uri(lambda uri: uri.user),
    "uri.passwd": _uri(lambda uri: uri.password),
    "uri.host": _uri(lambda uri: uri.host),
    "uri.domain": _uri(lambda uri: uri.host),
    "uri.port": _uri(lambda uri: int(uri.port or 0)),
    "uri.params": _uri(lambda uri: uri.params if _has_host(uri) else ""),
    "uri.param": TransformationRule(_uri_param, 1, 1),
    "uri.headers": _uri(lambda uri: uri.headers),
    "uri.scheme": TransformationRule(_scheme_as_written),
    "uri.transport": _uri(lambda uri: uri.transport),
    "uri.uparam": _uri(lambda uri: uri.param("user") or ""),
    **{f"uri.{name}": _uri_param_called(name) for name in ("ttl", "maddr", "method", "lr", "r2")},
    "uri.tosocket": _uri(to_socket),
    "uri.duri": _uri(
        lambda uri: (
            f"{uri.scheme}:{uri.host}"
            + (f":{uri.port}" if uri.port else "")
            + (f";transport={uri.transport}" if uri.transport else "")
        )
    ),
    "uri.saor": _uri(lambda uri: f"{uri.scheme}:{uri.user}{'@' if uri.user else ''}{uri.host}"),
    "uri.suri": _uri(
        lambda uri: (
            f"{uri.scheme}:{uri.user}{'@' if uri.user else ''}{uri.host}"
            + (f":{uri.port}" if uri.port else "")
            + (f";transport={uri.transport}" if uri.transport else "")
        )
    ),
    "nameaddr.name": _name_address(_name_as_written),
    "nameaddr.uri": _name_address(_uri_as_written),
    "nameaddr.len": _name_address(lambda text, address: _length(_whole(text, address))),
    "tobody.uri": _to_body(lambda address, _: address.uri),
    "tobody.tag": _to_body(lambda address, _: address.param("tag") or ""),
    "tobody.user": _to_body(lambda _, uri: uri.user),
    "tobody.host": _to_body(lambda _, uri: uri.host),
    "tobody.display": _to_body(lambda address, _: address.name),
    "tobody.params": _to_body(lambda address, _: address.params),
    "urialias.encode": _uri(encode_alias),
    "urialias.decode": TransformationRule(lambda data: decode_alias(_text(data)) or data),
    "sock.proto": _socket_part(lambda protocol, _host, _port: protocol),
    "sock.host": _socket_part(lambda _protocol, host, _port: host),
    "sock.port": _socket_part(lambda _protocol, _host, port: port),
    "sock.touri": _socket_part(
        lambda protocol, host, port: (
            f"sip:{host}:{port or DEFAULT_PORT};transport={protocol or 'udp'}"
        )
    ),
}
