"""With which codes libcurl tells of connections of HTTP/2 that have ended, or gone wrong."""

from __future__ import annotations

from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, StreamReset
from h2.exceptions import H2Error, InvalidBodyLengthError

from onehttp_backends.double.judging.stream_refusals import event_of, refusal_of
from onehttp_backends.double.library import httpx
from onehttp_backends.errors import CurlCode

_OF_A_STREAM = ("Stream ID must be zero", "pushed stream")
"""What libcurl's library holds against the stream of a frame that belongs to none, and of one that
it has refused before."""
_IN_PEACE = (ErrorCodes.NO_ERROR, ErrorCodes.HTTP_1_1_REQUIRED)


def code_of_http2(error: Exception, is_answered: bool, has_body: bool) -> CurlCode | None:
    """libcurl's code; None: it is nothing of HTTP/2, or something else tells.

    Args:
        is_answered: a head has come.
        has_body: so has a part of its body.
    """
    fault = _fault_of(error)
    if fault is not None:
        is_of_stream = isinstance(fault, InvalidBodyLengthError)
        is_of_stream |= any(words in str(fault) for words in _OF_A_STREAM)
        return CurlCode.HTTP2_STREAM if is_of_stream else CurlCode.HTTP2
    event = event_of(error)
    if isinstance(event, StreamReset):
        if event.error_code == ErrorCodes.NO_ERROR and is_answered:
            return CurlCode.PARTIAL_FILE
        return CurlCode.RECV_ERROR if refusal_of(error) else CurlCode.HTTP2_STREAM
    if isinstance(event, ConnectionTerminated):
        if refusal_of(error):
            is_told = is_answered and event.error_code not in _IN_PEACE
            return CurlCode.HTTP2_STREAM if is_told else CurlCode.RECV_ERROR
    elif str(error) != "Server disconnected":
        return None
    return CurlCode.PARTIAL_FILE if has_body else CurlCode.RECV_ERROR


def _fault_of(error: Exception) -> H2Error | None:
    """What the library below says of what it was sent."""
    if isinstance(error, H2Error):
        return error
    told = error.__cause__ if isinstance(error, httpx.LocalProtocolError) else None
    fault = told and told.__context__
    return fault if isinstance(fault, H2Error) else None
