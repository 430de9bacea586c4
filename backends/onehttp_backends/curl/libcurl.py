"""The part of pycurl that the engine uses, with types, and libcurl's global initialisation.

pycurl ships no types. `Easy` and `Multi` declare what is used of it, with the meanings documented
for libcurl (https://curl.se/libcurl/c/).
"""

from __future__ import annotations

import select
import warnings
from typing import Any, Final, Protocol, cast

import pycurl

from onehttp_backends.forks import reentrant_lock

OLDEST_SAFE = (8, 21, 0)
"""libcurl before this has credential and connection-reuse faults that touch a shared pool."""

EPOLL_OF_POLL: Final = {
    pycurl.POLL_NONE: select.EPOLLIN | select.EPOLLRDHUP,
    pycurl.POLL_IN: select.EPOLLIN | select.EPOLLRDHUP,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLOUT,
    pycurl.POLL_REMOVE: select.EPOLLIN | select.EPOLLRDHUP,
}
"""What to register a socket for, by what libcurl wants of it. poll(2) has the same bits. A socket
that libcurl wants nothing of stays readable: somebody closes it, or says what nobody asked for."""


def select_mask(events: int) -> int:
    """Translate epoll events into libcurl's CSELECT bits."""
    mask: int = 0
    if events & ~select.EPOLLOUT:
        mask = pycurl.CSELECT_IN
    if events & select.EPOLLOUT:
        mask |= pycurl.CSELECT_OUT
    if events & (select.EPOLLERR | select.EPOLLHUP):
        mask |= pycurl.CSELECT_ERR
    return mask


class Easy(Protocol):
    """An easy handle: one transfer at a time, its options kept between transfers."""

    def setopt(self, option: int, value: Any) -> None: ...
    def unsetopt(self, option: int) -> None: ...
    def getinfo(self, info: int) -> Any: ...
    def pause(self, bitmask: int) -> None: ...
    def errstr(self) -> str: ...
    def close(self) -> None: ...


class Multi(Protocol):
    """A multi handle: many transfers, one connection pool. One thread at a time may use it."""

    def setopt(self, option: int, value: Any) -> None: ...
    def add_handle(self, easy: Easy) -> None: ...
    def remove_handle(self, easy: Easy) -> None: ...
    def perform(self) -> tuple[int, int]: ...
    def socket_action(self, fd: int, event_mask: int) -> tuple[int, int]: ...
    def timeout(self) -> int: ...
    def info_read(
        self, max_objects: int = ..., /
    ) -> tuple[int, list[Easy], list[tuple[Easy, int, str]]]: ...
    def close(self) -> None: ...


def add_once(multi: Multi, easy: Easy) -> None:
    """Add a handle to a multi unless it is there: an exception may have come after the adding."""
    try:
        multi.add_handle(easy)
    except pycurl.error as error:
        if not is_in_already(error):
            raise


def is_in_already(error: pycurl.error) -> bool:
    """Whether a multi has refused a handle because it was added before."""
    return "already on this" in str(error)


def remove_once(multi: Multi, easy: Easy) -> bool:
    """Remove a handle from a multi; False if it was not there."""
    try:
        multi.remove_handle(easy)
    except pycurl.error as error:
        if not is_out_already(error):
            raise
        return False
    return True


def is_out_already(error: pycurl.error) -> bool:
    """Whether a multi has refused to remove a handle because it was removed before."""
    return "not on this" in str(error)


def is_in_multi(easy: Easy) -> bool:
    """Whether a handle is in a multi; always True if pycurl cannot tell (before 7.46)."""
    tell = getattr(easy, "multi", None)
    return tell is None or tell() is not None


class Libcurl:
    """libcurl as loaded into this process: its version, and its global state."""

    def __init__(self) -> None:
        # A signal handler may ask for an engine while its thread makes one.
        self._once = reentrant_lock()
        self.global_inits = 0
        self.name: str = pycurl.version
        number: int = pycurl.version_info()[2]
        self.version = (number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF)
        features: int = pycurl.version_info()[4]
        self.has_http2 = bool(features & pycurl.VERSION_HTTP2)
        self.has_http3 = bool(features & getattr(pycurl, "VERSION_HTTP3", 0))

    def initialise(self) -> None:
        """Initialise libcurl once per process; a forked child inherits its parent's state."""
        with self._once:
            if self.global_inits:
                return
            pycurl.global_init(pycurl.GLOBAL_DEFAULT)
            self.global_inits = 1
        if self.version < OLDEST_SAFE:
            warnings.warn(
                f"libcurl {'.'.join(map(str, self.version))} is older than "
                f"{'.'.join(map(str, OLDEST_SAFE))}: it may reuse a connection made with other "
                "credentials or another TLS identity (CVE-2026-8932, CVE-2026-9079); "
                "install the pycurl wheel from the package index",
                RuntimeWarning,
                stacklevel=4,
            )

    def easy(self) -> Easy:
        return cast(Easy, pycurl.Curl())

    def multi(self) -> Multi:
        return cast(Multi, pycurl.CurlMulti())


LIBCURL = Libcurl()
