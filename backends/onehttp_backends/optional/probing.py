"""What a look at a server tells: the optional part of a backend behind `Prober`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from onehttp_backends.contract import NO_PEER, NO_TIMINGS, Peer, Request, Timings
from onehttp_backends.errors import TransferError


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Of a server, whether or not it is trusted."""

    subject: str
    expires: float
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How far a connection came: to the end, unless there is an ``error``."""

    error: TransferError | None = None
    status: int = 0
    """Of the answer; 0: none, or nothing was asked."""
    http_version: str = ""
    """Empty where nothing was asked."""
    timings: Timings = NO_TIMINGS
    peer: Peer = NO_PEER
    certificate: Certificate | None = None


@runtime_checkable
class Prober(Protocol):
    """A backend that can look at a server."""

    def probe(self, request: Request, sends_request: bool) -> Probe:
        """Resolve, connect and shake hands on a connection of its own, then send ``request`` or
        not; never raises for what the server does.

        Raises:
            RequestError: the request is not fit to be sent.
        """
