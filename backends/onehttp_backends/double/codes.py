"""What httpx raises, as libcurl's codes; and how far a transfer got, from httpcore's trace."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import time
from contextvars import ContextVar
from typing import Any, Final

import h11
import httpx

from onehttp_backends.contract import Timings
from onehttp_backends.errors import (
    CurlCode,
    Phase,
    ProtocolError,
    Sent,
    TransferError,
    answer_error,
    transfer_error,
)
from onehttp_backends.public_addresses import is_public, refused_peer

_ANSWERED: Final = "receive_response_headers.complete"
MAX_HEAD_BYTES: Final = 300 * 1024
"""libcurl's limit for all heads of one answer together, interim ones included."""
reading: Final[ContextVar[Trace | None]] = ContextVar("onehttp_double_reading", default=None)
"""Whom the task that reads from a connection reads for: connections are kept, traces are not."""


class Trace:
    """Follows one exchange by httpcore's ``trace`` extension.

    Args:
        only_public: end it when it has connected to an address that is not public.
    """

    def __init__(self, only_public: bool = False) -> None:
        self._only_public = only_public
        self.started = time.perf_counter()
        self.phase = Phase.QUEUE
        self.opened = 0
        self.is_answered = False
        self.received_bytes = 0
        """Of the answer so far, on the wire."""
        self._is_connecting = False
        """What is sent and answered is a proxy's CONNECT."""
        self._at: dict[str, float] = {}

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        now = time.perf_counter()
        name = event.partition(".")[2]
        if event.endswith(("connect_tcp.started", "connect_unix_socket.started")):
            self.phase = Phase.CONNECT
        elif event.endswith("connect_tcp.complete"):
            self.opened += 1
            self._at["connect"] = now
            if self._only_public:
                await _check_peer(info["return_value"])
            _watch_reads(info["return_value"])
        elif event.endswith("start_tls.started"):
            self.phase = Phase.TLS
        elif event.endswith("start_tls.complete"):
            self._at["appconnect"] = now
            _watch_reads(info["return_value"])
        elif name == "send_request_headers.started":
            self._is_connecting = info["request"].method == b"CONNECT"
            self._note("pretransfer", Phase.SEND, now)
        elif name == "send_request_body.complete":
            self._note("posttransfer", Phase.FIRST_BYTE, now)
        elif name == _ANSWERED:
            self.is_answered = not self._is_connecting
            self._note("starttransfer", Phase.BODY, now)

    def _note(self, stamp: str, phase: Phase, now: float) -> None:
        if not self._is_connecting:
            self.phase = phase
            self._at[stamp] = now

    def received(self, size: int) -> None:
        """So much more was read.

        Raises:
            ProtocolError: the head has no end.
        """
        self.received_bytes += size
        if not self.is_answered and self.received_bytes > MAX_HEAD_BYTES:
            raise ProtocolError(
                CurlCode.RECV_ERROR,
                f"a head of more than {MAX_HEAD_BYTES} bytes",
                sent=Sent.YES,
                phase=Phase.BODY,
            )

    @property
    def sent(self) -> Sent:
        if self.is_answered:
            return Sent.YES
        return Sent.MAYBE if self.phase in (Phase.SEND, Phase.FIRST_BYTE) else Sent.NO

    @property
    def may_repeat(self) -> bool:
        """The exchange went into a connection made before, and no answer came."""
        return self.opened == 0 and not self.is_answered and self.phase is not Phase.QUEUE

    def timings(self) -> Timings:
        """Microseconds to the end of each phase."""

        def micros(name: str) -> int:
            at = self._at.get(name)
            return round((at - self.started) * 1e6) if at else 0

        return Timings(
            connect_us=micros("connect"),
            appconnect_us=micros("appconnect"),
            pretransfer_us=micros("pretransfer"),
            posttransfer_us=micros("posttransfer"),
            starttransfer_us=micros("starttransfer"),
            total_us=round((time.perf_counter() - self.started) * 1e6),
        )


def _watch_reads(stream: Any) -> None:
    """Have what comes over a connection counted. httpcore tells nobody of bytes."""
    read = stream.read

    async def counted(max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = await read(max_bytes, timeout)
        trace = reading.get()
        if trace is not None:
            trace.received(len(data))
        return data

    stream.read = counted


async def _check_peer(stream: Any) -> None:
    peer = str(stream.get_extra_info("server_addr")[0])
    if not is_public(peer):
        await stream.aclose()
        raise refused_peer("connect", peer)


def error_of(error: Exception, trace: Trace, place: str, text: str = "") -> TransferError:
    """The `TransferError` that libcurl would have ended with; ``text`` says it better."""
    code = _code(error, trace)
    text = text or str(error) or type(error).__name__
    made = answer_error if isinstance(error, httpx.RemoteProtocolError) else transfer_error
    return made(code, f"{place}: {text}", sent=trace.sent, phase=trace.phase)


def _code(error: Exception, trace: Trace) -> int:
    cause = _root(error)
    if isinstance(error, (httpx.TimeoutException, TimeoutError, asyncio.TimeoutError)):
        return CurlCode.OPERATION_TIMEDOUT
    if isinstance(cause, socket.gaierror) or isinstance(error, httpx.InvalidURL):
        # Its URL has been checked, all but whether its host can be one: libcurl looks it up.
        return CurlCode.COULDNT_RESOLVE_HOST
    if isinstance(cause, ssl.SSLCertVerificationError):
        return CurlCode.PEER_FAILED_VERIFICATION
    if isinstance(error, h11.LocalProtocolError):
        return CurlCode.BAD_FUNCTION_ARGUMENT
    if isinstance(error, httpx.UnsupportedProtocol):
        return CurlCode.UNSUPPORTED_PROTOCOL
    if isinstance(error, httpx.DecodingError):
        return CurlCode.BAD_CONTENT_ENCODING
    if isinstance(error, httpx.ProxyError):
        return CurlCode.COULDNT_CONNECT
    if isinstance(error, httpx.ConnectError):
        return _connect_code(cause, trace)
    if isinstance(error, (httpx.RemoteProtocolError, httpx.LocalProtocolError)):
        return _protocol_code(str(error), trace)
    if isinstance(error, httpx.WriteError):
        return CurlCode.SEND_ERROR
    return CurlCode.RECV_ERROR


def _connect_code(cause: BaseException, trace: Trace) -> int:
    if isinstance(cause, ssl.SSLError) or trace.phase is Phase.TLS:
        return CurlCode.SSL_CONNECT_ERROR
    if isinstance(cause, OSError) and cause.errno == errno.EADDRNOTAVAIL:
        return CurlCode.INTERFACE_FAILED
    return CurlCode.COULDNT_CONNECT


def _protocol_code(text: str, trace: Trace) -> int:
    lowered = text.lower()
    if "without sending a response" in lowered:
        return CurlCode.RECV_ERROR if trace.received_bytes else CurlCode.GOT_NOTHING
    if "incomplete" in lowered or "peer closed connection" in lowered:
        # libcurl tells a head cut short (52 or 56) from a body cut short (18).
        return CurlCode.PARTIAL_FILE if trace.is_answered else CurlCode.RECV_ERROR
    if "streamreset" in lowered or "stream" in lowered:
        return CurlCode.HTTP2_STREAM
    if trace.is_answered:
        return CurlCode.RECV_ERROR
    if "illegal status line" in lowered or "status_code" in lowered:
        return CurlCode.UNSUPPORTED_PROTOCOL  # libcurl takes it for HTTP/0.9, and refuses that
    return CurlCode.WEIRD_SERVER_REPLY


def _root(error: BaseException) -> BaseException:
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        deeper = error.__cause__ or error.__context__
        if deeper is None:
            break
        error = deeper
    return error
