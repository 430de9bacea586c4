"""Checks that the interface or address that a connection sends from exists."""

from __future__ import annotations

import ipaddress
import socket


def missing(interface: str) -> str | None:
    """Why nothing can be sent from ``interface``; None where nothing is known against it.

    ``if!NAME`` is an interface, ``host!NAME`` an address or a name that has one, ``ifhost!A!B``
    both; whatever has no such mark is what it looks like.

    Source: https://curl.se/libcurl/c/CURLOPT_INTERFACE.html
    """
    mark, _, rest = interface.rpartition("!")
    if mark.startswith("ifhost!") or interface.startswith("ifhost!"):
        name, _, host = interface.removeprefix("ifhost!").partition("!")
        return _missing_interface(name) or _missing_address(host)
    if interface.startswith("host!"):
        return _missing_address(rest)
    if interface.startswith("if!"):
        return _missing_interface(rest)
    if _address(interface) or "." in interface:  # the latter may be the name of a host
        return _missing_address(interface)
    return _missing_interface(interface)


def _missing_interface(name: str) -> str | None:
    known = [each for _, each in socket.if_nameindex()]
    if name in known:
        return None
    return f"no interface {name!r} on this machine; there are {', '.join(known)}"


def _missing_address(host: str) -> str | None:
    address = _address(host)
    if address is None:
        return None
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError as error:
            return f"no address {host} on this machine: {error.strerror}"
    return None


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
