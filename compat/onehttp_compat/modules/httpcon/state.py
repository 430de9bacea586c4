"""The state that a connection of the modules keeps between calls, and the result of a call."""

from __future__ import annotations

from typing import Final, NamedTuple

from onehttp import Response, TransferOptions
from onehttp_compat.modules.httpcon.definition import LegacyConnection

REMEMBERED_BYTES: Final = 510
"""Longer URLs and content types are forgotten (B44)."""


class ConnectionState:
    """The result of the last transfer of a connection in this process, which is read only on
    demand."""

    __slots__ = ("_limit", "response")

    def __init__(self, is_faithful: bool) -> None:
        self._limit = REMEMBERED_BYTES if is_faithful else None
        self.response: Response | None = None
        """The last response; None before the first transfer and after a failed one."""

    @property
    def last_url(self) -> str:
        """The URL that answered; empty if there was none."""
        return "" if self.response is None else self._kept(_normal(self.response.url))

    @property
    def content_type(self) -> str:
        """The Content-Type of the response; empty if there was none."""
        if self.response is None:
            return ""
        return self._kept(self.response.headers.get("content-type", ""))

    def _kept(self, text: str) -> str:
        return text if self._limit is None or len(text) <= self._limit else ""


class TransferResult(NamedTuple):
    """The result of a transfer: a code of libcurl, which is below 100, or a status."""

    code: int
    body: bytes = b""
    response: Response | None = None


class ReadyLegacyConnection(NamedTuple):
    """A connection that is ready for calls.

    ``address`` is its base URL for the engine; empty if the connection has no host of its own
    (B42).
    """

    connection: LegacyConnection
    address: str
    options: TransferOptions
    state: ConnectionState
    is_shared: bool
    """It is defined in ``connections.yaml``."""


def _normal(url: str) -> str:
    """The URL as libcurl shows it: always with a path."""
    scheme, separator, rest = url.partition("://")
    return url if "/" in rest or "?" in rest else f"{scheme}{separator}{rest}/"
