"""Which streams of HTTP/2 a server has refused, and so done nothing of them (RFC 9113, 8.7).

What a GOAWAY leaves out httpcore sends anew by itself, unless it leaves out all. A call that is
cancelled leaves its stream open there: h2 counts it among those that the server allows, and refuses
new ones in the server's place.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, StreamReset
from h2.exceptions import TooManyStreamsError

from onehttp_backends.contract import HttpVersion, TransferOptions
from onehttp_backends.double.library import httpcore, httpx
from onehttp_backends.errors import CurlCode, Phase, Sent, TransferError, transfer_error

_REFUSALS: Final = (ErrorCodes.REFUSED_STREAM, ErrorCodes.HTTP_1_1_REQUIRED)


def refusal_of(error: BaseException) -> int:
    """The code with which the server has refused the stream; 0: it has not."""
    if isinstance(error, httpx.LocalProtocolError):
        return ErrorCodes.REFUSED_STREAM if is_crowded(error) else 0
    event = event_of(error)
    if isinstance(event, StreamReset) and event.remote_reset and event.error_code in _REFUSALS:
        return int(event.error_code)
    if isinstance(event, ConnectionTerminated) and event.last_stream_id == 0:
        needs_http_1_1 = event.error_code == ErrorCodes.HTTP_1_1_REQUIRED
        return ErrorCodes.HTTP_1_1_REQUIRED if needs_http_1_1 else ErrorCodes.REFUSED_STREAM
    return 0


def is_crowded(error: BaseException) -> bool:
    """Whether h2 has let no stream begin, since as many are open as the server allows."""
    told = error.__cause__
    return told is not None and any(isinstance(each, TooManyStreamsError) for each in told.args)


def is_of_stream(error: BaseException) -> bool:
    """Whether the server has ended the stream alone, and its connection goes on."""
    return isinstance(event_of(error), StreamReset)


def is_behind_all(error: BaseException, answer: httpx.Response, came_bytes: int) -> bool:
    """Whether all that the answer announces had come when the server ended its stream: what it has
    to say of the request does not change that (RFC 9113, 8.1)."""
    event = event_of(error)
    if not (isinstance(event, StreamReset) and event.remote_reset) or refusal_of(error):
        return False
    announced: str | None = answer.headers.get("content-length")
    return announced == str(came_bytes)


def options_after(refusal: int, options: TransferOptions) -> TransferOptions:
    """How a refused request is sent once more."""
    if refusal == ErrorCodes.HTTP_1_1_REQUIRED:
        return replace(options, http_version=HttpVersion.HTTP_1_1)
    return options


def refused(place: str) -> TransferError:
    """The error of a request that was refused, and is not sent once more."""
    return transfer_error(
        CurlCode.RECV_ERROR,
        f"{place}: the server has refused each stream, and done nothing of it",
        sent=Sent.NO,
        phase=Phase.FIRST_BYTE,
    )


def event_of(error: BaseException) -> object:
    """The frame that the server has ended a stream or its connection by; None: it was none."""
    cause = error.__cause__
    return cause.args[0] if isinstance(cause, httpcore.RemoteProtocolError) and cause.args else None
