"""A layer that uses HTTP/3 if the server offers it, and TCP if that fails."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from onehttp.calls.course import Course
from onehttp.policies.alt_svc import Alternatives
from onehttp.policies.deadline import Deadline
from onehttp.policies.location import origin
from onehttp.policies.variants import VARIANTS
from onehttp_backends.contract import HttpVersion, Request, Response, TransferOptions
from onehttp_backends.errors import (
    ConnectError,
    DisconnectedError,
    ProtocolError,
    Sent,
    TimeoutError,
    TLSError,
)
from onehttp_backends.observed import step

_UNREACHED: Final = (ConnectError, DisconnectedError, ProtocolError, TimeoutError, TLSError)


class WithAlternatives:
    """The course around each exchange on connections that use ``Alt-Svc``."""

    __slots__ = ("_known",)

    def __init__(self, known: Mapping[str, Alternatives]) -> None:
        self._known = known

    def __call__(self, request: Request, deadline: Deadline) -> Course:
        """Send ``request`` over QUIC if that is known to work, otherwise as it is."""
        known = self._known.get(request.options.name)
        if known is None or request.url[:6].lower() != "https:":
            outcome = yield request
            assert outcome is not None
            return outcome
        clock, place = deadline.clock, origin(request.url)
        outcome = None
        if known.has_http3(place, clock.now()):
            outcome = yield request._replace(options=_by_quic(request.options))
            assert outcome is not None
            if isinstance(outcome, _UNREACHED) and outcome.sent is Sent.NO:
                known.failed(place, clock.now())
                step("no answer over QUIC; again over TCP", reason="alternative")
                outcome = None if deadline.left_s() != 0 else outcome
                request = deadline.within(request, None)
        if outcome is None:
            outcome = yield request
            assert outcome is not None
        if isinstance(outcome, Response):
            header = outcome.headers.get("alt-svc")
            if header is not None:
                known.note(place, header, clock.now())
        return outcome


def _by_quic(options: TransferOptions) -> TransferOptions:
    return VARIANTS.of(
        options, "by QUIC", lambda: replace(options, http_version=HttpVersion.HTTP_3_ONLY)
    )
