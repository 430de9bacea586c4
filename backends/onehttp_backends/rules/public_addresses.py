"""Which addresses lie in the public internet: what a URL from a stranger may make us connect to."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Final

from onehttp_backends.errors import CurlCode, PeerRefusedError, Phase, Sent

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

_CARRIES_IPV4: Final = "64:ff9b::/96"
"""NAT64 (RFC 6052): the last 32 bits are the IPv4 address that is reached."""
_GLOBAL_UNICAST: Final = "2000::/3"
"""All of IPv6 that is given to anybody; beside it are addresses with a meaning of their own."""
_NOT_PUBLIC: Final = (
    *("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20"),
    "168.63.129.16/32",  # of Azure, within each of its machines
)
"""Networks that `ipaddress` calls global in some version of Python."""
_OF_A_NETWORK_OF_ONES_OWN: Final = frozenset(
    {"localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan",
     "test", "svc"}
)  # fmt: skip
"""Ends of names that the public DNS has none of (RFC 6761, RFC 6762, ICANN on ``internal``). Names
in ``svc`` are those of Kubernetes before its search list completes them."""


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
        if parsed not in ipaddress.ip_network(_GLOBAL_UNICAST):
            return False
    is_special = any(parsed in ipaddress.ip_network(each) for each in _NOT_PUBLIC)
    return parsed.is_global and not parsed.is_multicast and not is_special


def _inner_ipv4(address: IPv6Address) -> IPv4Address | None:
    from ipaddress import IPv4Address, ip_network

    if address in ip_network(_CARRIES_IPV4):
        return IPv4Address(address.packed[-4:])
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None)


def is_private_host(host: str) -> bool:
    """Whether the host of a URL is a private address by what is written there: for who cannot look
    names up, since a proxy does. ``127.1`` and ``0x7f000001`` are addresses, too, and a name
    without a dot is one of the network that it is said in."""
    import socket

    name = host.lower().removesuffix(".")
    try:
        return not is_public(socket.inet_ntoa(socket.inet_aton(name)))
    except (OSError, UnicodeEncodeError):
        if ":" in name:
            return not is_public(name)
        last = name.rpartition(".")[2]
        is_own = last in _OF_A_NETWORK_OF_ONES_OWN or f".{name}".endswith(".home.arpa")
        return is_own or last == name


def refused_peer(place: str, address: str) -> PeerRefusedError:
    """The error of a transfer that would have gone to ``address``."""
    return PeerRefusedError(
        CurlCode.COULDNT_CONNECT,
        f"{place}: {address} is not a public address, and no other may be connected to",
        sent=Sent.NO,
        phase=Phase.CONNECT,
    )
