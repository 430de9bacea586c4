"""The lookup of one name, by the system's resolver."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple, TypeAlias

FAMILIES: Final = {
    "any": socket.AF_UNSPEC,
    "4": socket.AF_INET,
    "6": socket.AF_INET6,
}
_NO_SUCH_NAME: Final = (
    socket.EAI_NONAME,
    socket.EAI_NODATA,
    socket.EAI_ADDRFAMILY,
)
_LOOPBACK: Final = {
    socket.AF_UNSPEC: ("::1", "127.0.0.1"),
    socket.AF_INET: ("127.0.0.1",),
    socket.AF_INET6: ("::1",),
}


class Name(NamedTuple):
    """What is looked up: a host, and the family of addresses."""

    host: str
    family: int


class Addresses(NamedTuple):
    """The addresses of a name, in the order in which they should be tried (RFC 6724)."""

    ips: tuple[str, ...]
    scope: int = 0
    """The interface that link-local ones belong to; libcurl takes it apart from them."""


class NoAddress(NamedTuple):
    """The reason why a name has no address."""

    reason: str
    is_final: bool = False
    """There is no such name, says who must know; otherwise nobody has answered."""


Answer: TypeAlias = "Addresses | NoAddress"
Told: TypeAlias = Callable[[Name, Answer], None]
"""Is called with the answer, on the thread that has it: may not block, nor raise."""


class Lookup:
    """A lookup in progress, and those who wait for it."""

    __slots__ = ("answer", "asked_at", "is_known", "is_over", "name", "revision", "told")

    def __init__(self, name: Name, asked_at: float, is_known: bool, revision: object) -> None:
        self.name = name
        self.asked_at = asked_at
        self.is_known = is_known
        """It has had addresses before."""
        self.revision = revision
        """The revision of addresses that its answer belongs to."""
        self.told: set[Told] = set()
        """The functions that have still to be called with the answer."""
        self.answer: Answer | None = None
        self.is_over = False
        """Nobody is added to those told."""


def look_up(name: Name) -> Answer:
    """Ask the system's resolver. It takes as long as that takes, and never raises."""
    try:
        # Bytes: as text it would go through IDNA, which refuses labels that servers accept.
        found = socket.getaddrinfo(name.host.encode(), None, name.family, socket.SOCK_STREAM)
    except socket.gaierror as error:
        return NoAddress(error.strerror or str(error), error.errno in _NO_SUCH_NAME)
    except Exception as error:  # noqa: BLE001 - whatever it is, the calls that wait say it
        return NoAddress(f"{type(error).__name__}: {error}")
    return _addresses(found) or NoAddress("no address of the families asked for", is_final=True)


def at_once(name: Name) -> Answer | None:
    """The addresses of hosts that need no lookup: IP addresses, and localhost (RFC 6761, 6.3)."""
    if is_localhost(name.host):
        return Addresses(_LOOPBACK[socket.AddressFamily(name.family)])
    try:
        found = socket.getaddrinfo(
            name.host.encode(), None, name.family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST
        )
    except OSError:
        return None
    return _addresses(found)


def is_localhost(host: str) -> bool:
    """Whether ``host`` is a name of this host, which libcurl does not look up either."""
    labels = host.lower().removesuffix(".").rsplit(".", 1)
    return labels[-1] == "localhost"


def _addresses(found: Iterable[tuple[int, int, int, str, Any]]) -> Addresses | None:
    ips: dict[str, None] = {}
    scope = 0
    for family, _, _, _, address in found:
        ips[str(address[0]).partition("%")[0]] = None
        if family == socket.AF_INET6 and address[3]:
            scope = address[3]
    return Addresses(tuple(ips), scope) if ips else None
