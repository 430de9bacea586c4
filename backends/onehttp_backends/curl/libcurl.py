"""The part of pycurl the engine uses, typed, and libcurl's one global initialisation.

pycurl ships no types. `Easy` and `Multi` name what is used of it, with the meaning of
libcurl's own pages (https://curl.se/libcurl/c/).
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, cast

import pycurl

OLDEST_SAFE = (8, 21, 0)
"""libcurl before this has credential and connection-reuse faults that touch a shared pool."""

SocketCallback: TypeAlias = Callable[[int, int, object, object], None]


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
    def info_read(self) -> tuple[int, list[Easy], list[tuple[Easy, int, str]]]: ...
    def close(self) -> None: ...


class Libcurl:
    """libcurl as loaded into this process: its version, and its global state."""

    def __init__(self) -> None:
        self._once = threading.Lock()
        self.global_inits = 0
        number: int = pycurl.version_info()[2]
        self.version = (number >> 16 & 0xFF, number >> 8 & 0xFF, number & 0xFF)
        features: int = pycurl.version_info()[4]
        self.has_http2 = bool(features & pycurl.VERSION_HTTP2)
        self.has_http3 = bool(features & getattr(pycurl, "VERSION_HTTP3", 0))

    def initialise(self) -> None:
        """Initialise libcurl once per process; a forked child inherits its parent's."""
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

    def forget_lock(self) -> None:
        """In a forked child: the lock may have been held by a thread that is not here."""
        self._once = threading.Lock()

    def easy(self) -> Easy:
        return cast(Easy, pycurl.Curl())

    def multi(self) -> Multi:
        return cast(Multi, pycurl.CurlMulti())


LIBCURL = Libcurl()
