"""What a connection of the modules has between two calls, and what one call came to."""

from __future__ import annotations

from typing import Final, NamedTuple

from onehttp import Response, TransferOptions
from onehttp_compat.modules.httpcon.definition import LegacyConnection

REMEMBERED_BYTES: Final = 510
"""Longer URLs and content types are forgotten (B44)."""


class ConnectionState:
    """What the last transfer of a connection left behind in this process; read when asked for."""

    __slots__ = ("_limit", "response")

    def __init__(self, is_faithful: bool) -> None:
        self._limit = REMEMBERED_BYTES if is_faithful else None
        self.response: Response | None = None
        """The last one; None before the first and after a failure."""

    @property
    def last_url(self) -> str:
        """The URL that answered; empty when there was none."""
        return "" if self.response is None else self._kept(_normal(self.response.url))

    @property
    def content_type(self) -> str:
        """Its Content-Type; empty when there was none."""
        if self.response is None:
            return ""
        return self._kept(self.response.headers.get("content-type", ""))

    def _kept(self, text: str) -> str:
        return text if self._limit is None or len(text) <= self._limit else ""


class Answer(NamedTuple):
    """What one transfer came to: libcurl's code below 100, or a status."""

    code: int
    body: bytes = b""
    response: Response | None = None


class ReadyLegacyConnection(NamedTuple):
    """A connection ready for calls.

    ``address`` is its base as the engine takes it; empty where that has no host of its own (B42).
    """

    connection: LegacyConnection
    address: str
    options: TransferOptions
    state: ConnectionState
    is_shared: bool
    """One of ``connections.yaml``."""


def _normal(url: str) -> str:
    """As libcurl shows it: with a path."""
    scheme, separator, rest = url.partition("://")
    return url if "/" in rest or "?" in rest else f"{scheme}{separator}{rest}/"
