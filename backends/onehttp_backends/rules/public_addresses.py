"""Which addresses lie in the public internet: what a URL from a stranger may make us connect to."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from onehttp_backends.errors import CurlCode, PeerRefusedError, Phase, Sent

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

_CARRIES_IPV4: Final = bytes.fromhex("0064ff9b") + bytes(8)
"""NAT64 (RFC 6052): the last 32 bits are the IPv4 address that is reached."""


@functools.lru_cache(maxsize=1024)
def is_public(address: str) -> bool:
    """Whether an IP address (no name) is globally reachable.

    Loopback, private, link-local (cloud metadata among them), shared, multicast and reserved
    addresses are not; nor is an IPv6 address that leads to such an IPv4 one (mapped, NAT64,
    6to4, Teredo), nor what is no address at all.

    Source: IANA special-purpose address registries, by way of `ipaddress`.
    """
    import ipaddress

    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = _inner_ipv4(parsed)
        if inner is not None:
            return is_public(str(inner))
    return parsed.is_global and not parsed.is_multicast


def _inner_ipv4(address: IPv6Address) -> IPv4Address | None:
    if address.packed.startswith(_CARRIES_IPV4):
        from ipaddress import IPv4Address

        return IPv4Address(address.packed[-4:])
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def is_private_host(host: str) -> bool:
    """Whether the host of a URL is a private address by what is written there: for who cannot look
    names up, since a proxy does. ``127.1`` and ``0x7f000001`` are addresses, too."""
    import socket

    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(host)))
    except (OSError, UnicodeEncodeError):
        name = host.lower().removesuffix(".")
        return (":" in name and not is_public(name)) or name.rpartition(".")[2] == "localhost"


def refused_peer(place: str, address: str) -> PeerRefusedError:
    """The error of a transfer that would have gone to ``address``."""
    return PeerRefusedError(
        CurlCode.COULDNT_CONNECT,
        f"{place}: {address} is not a public address, and no other may be connected to",
        sent=Sent.NO,
        phase=Phase.CONNECT,
    )
