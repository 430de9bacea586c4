"""`Prober`: tests a connection to a server, and reports how far it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from onehttp_backends.contract import NO_PEER, NO_TIMINGS, Peer, Request, Timings
from onehttp_backends.errors import TransferError


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A server's certificate, trusted or not."""

    subject: str
    expires: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The result of a test connection, which succeeded unless there is an ``error``."""

    error: TransferError | None = None
    status: int = 0
    """The status of the answer; 0 if there is none, or no request was sent."""
    http_version: str = ""
    """Empty if no request was sent."""
    timings: Timings = NO_TIMINGS
    peer: Peer = NO_PEER
    certificate: Certificate | None = None


@runtime_checkable
class Prober(Protocol):
    """A backend that can test a connection."""

    def probe(self, request: Request, sends_request: bool) -> Probe:
        """Look the name up, connect and do the TLS handshake on a fresh connection, then send
        ``request`` if ``sends_request``. Whatever the server does is reported, never raised.

        Raises:
            RequestError: the request is not fit to be sent.
        """
