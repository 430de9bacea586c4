"""How far a transfer got, from httpcore's trace; and what is looked at on the way."""

from __future__ import annotations

import ssl
import time
from contextvars import ContextVar
from typing import Any, Final

from onehttp_backends.certificates.refusal import HandshakeEnd, is_of_a_certificate
from onehttp_backends.contract import Timings
from onehttp_backends.double.judging.heads import MAX_HEAD_BYTES, Heads
from onehttp_backends.double.judging.http2_fields import Http2Answer, Http2Fields
from onehttp_backends.double.judging.proxy_answers import ProxyAnswer
from onehttp_backends.double.judging.socks_replies import SocksReplies
from onehttp_backends.double.library import httpcore
from onehttp_backends.double.tls import check_pin
from onehttp_backends.errors import CurlCode, Phase, Sent, TransferError, answer_error
from onehttp_backends.rules.public_addresses import is_public, refused_peer

_ANSWERED: Final = "receive_response_headers.complete"
_CAME: Final = (
    *(_ANSWERED, "receive_response_headers.failed"),
    *("receive_response_body.complete", "receive_response_body.failed"),
)
reading: Final[ContextVar[ExchangeProgress | None]] = ContextVar(
    "onehttp_double_reading", default=None
)
"""Whom the task that reads from a connection reads for: connections are kept, traces are not."""
_OF_ANSWER: Final = (Phase.SEND, Phase.FIRST_BYTE, Phase.BODY)
_ALERT_WAIT_S: Final = 1.0
"""How long to read on after a connection has failed: what has come is there already."""


class ExchangeProgress:
    """Follows one exchange by httpcore's ``trace`` extension.

    Args:
        place: what errors begin with.
        only_public: end it when it has connected to an address that is not public.
        proxy_url: the proxy it goes through.
        pinned: of the server's public key; end it where that is another.
        is_http2: it speaks HTTP/2 without having asked.
        of_body: what is announced to be larger ends it, and how much is read; 0: all there is.
        user_agent: which proxies are told.
        tunnel: where one is asked for the way to.
    """

    def __init__(
        self,
        place: str,
        only_public: bool = False,
        proxy_url: str | None = None,
        pinned: str | None = None,
        is_http2: bool = False,
        of_body: tuple[int, int] = (0, 0),
        user_agent: str | None = None,
        tunnel: bytes = b"",
    ) -> None:
        self._place = place
        self._only_public = only_public
        self._pinned = pinned
        self._is_http2 = is_http2
        self._of_body = of_body
        self._user_agent = user_agent
        self._tunnel = tunnel
        self._heads: list[Heads] = []
        self._is_proxied = proxy_url is not None
        self.is_socks = proxy_url is not None and proxy_url.lower().startswith("socks")
        self.started = time.perf_counter()
        self.phase = Phase.QUEUE
        self.opened = 0
        self.is_answered = False
        self.received_bytes = 0
        """Bytes of the response received so far, on the wire."""
        self.begins_as_http = True
        """Of HTTP/1.1; nothing that came says otherwise."""
        self.was_refused = False
        """The server has answered the TLS handshake with an alert about a certificate."""
        self.proxy_answer: ProxyAnswer | None = None
        """What a proxy is about to say to ``CONNECT``; None: it is not asked."""
        self._number = 0
        """The number of the stream whose request is being sent."""
        self._is_to_head = False
        self._answers: list[Http2Answer] = []
        """The responses by stream: one for each request over HTTP/2."""
        self._socks = SocksReplies()
        self._stream: Any = None
        self._end: HandshakeEnd | None = None
        self._at: dict[str, float] = {}

    async def __call__(self, event: str, info: dict[str, Any]) -> None:
        part, _, name = event.partition(".")
        if name == "send_request_headers.started" and _method(info) == "CONNECT":
            self.phase = Phase.PROXY
            self.proxy_answer = ProxyAnswer(self._place)
            self._write_connect(info["request"])
        elif part == "proxy":
            self.proxy_answer = None
        if self.proxy_answer is not None:
            return
        now = time.perf_counter()
        if name in (
            "connect_tcp.started",
            "connect_unix_socket.started",
            "setup_socks5_connection.started",
        ):
            self.phase = Phase.PROXY if self._is_proxied else Phase.CONNECT
            self._at.setdefault("connecting", now)
        elif name in ("connect_tcp.complete", "connect_unix_socket.complete"):
            self.opened += 1
            self._at["connect"] = now
            self._stream = info["return_value"]
            if self._only_public:
                await _check_peer(self._stream, self._place)
            _keep_address(self._stream)
            _watch_reads(self._stream, self._is_http2)
        elif name == "start_tls.started":
            is_to_proxy = part == "connection" and self._is_proxied
            self.phase = Phase.PROXY if is_to_proxy else Phase.TLS
            self.received_bytes = 0
        elif name == "start_tls.complete":
            if self.phase is Phase.TLS:
                self._at["appconnect"] = now
                await self._shaken_hands(info["return_value"])
            _keep_address(info["return_value"])
            _watch_reads(info["return_value"], _speaks_http2(info["return_value"]))
        elif name == "send_request_headers.started":
            self.phase = Phase.SEND
            self.is_answered = False
            is_reused = bool(self._heads) or not self.opened
            self._heads.append(Heads(self._place, _method(info), *self._of_body, is_reused))
            self._number = info.get("stream_id", 0)
            self._is_to_head = _method(info) == "HEAD"
            self._at.setdefault("sending", now)
            self._at["pretransfer"] = now
        elif name == "send_request_body.complete":
            self.phase = Phase.FIRST_BYTE
            self._at["posttransfer"] = now
        elif name == "send_request_headers.complete":
            self._number = 0
        elif name in _CAME and (found := self._fault_of_fields()):
            raise found
        elif name == _ANSWERED:
            self.phase = Phase.BODY
            self.is_answered = True
            self._at["starttransfer"] = now
            self._end = None
        elif name in ("setup_socks5_connection.failed", "start_tls.failed"):
            await self._stream.aclose()  # httpcore forgets that, the latter where it is cancelled
        elif name.endswith(".failed") and self._end is not None:
            self.was_refused = await self._is_refusal(self._end, info.get("exception"))
            self._end = None

    def _write_connect(self, request: Any) -> None:
        """Write a request for the way as libcurl does."""
        request.url.target = self._tunnel
        agent = [(b"User-Agent", self._user_agent.encode())] if self._user_agent else []
        request.headers = [
            (b"Host", self._tunnel),
            *(pair for pair in request.headers if pair[0] not in (b"Host", b"Accept")),
            *agent,
            (b"Proxy-Connection", b"Keep-Alive"),
        ]

    def _fault_of_fields(self) -> TransferError | None:
        return self._answers[-1].fault(self._place) if self._answers else None

    async def _shaken_hands(self, stream: Any) -> None:
        self._stream = stream
        connected: ssl.SSLObject = stream.get_extra_info("ssl_object")
        if self._pinned:
            try:
                check_pin(self._pinned, connected, self._place)
            except BaseException:
                await stream.aclose()
                raise
        if connected.version() == "TLSv1.3":
            self._end = HandshakeEnd(stream.get_extra_info("socket").fileno())

    async def _is_refusal(self, end: HandshakeEnd, error: Exception | None) -> bool:
        """Whether a new connection was ended for the sake of the client's certificate. The alert
        says so, and may be unread: with asyncio, or in the kernel."""
        if not isinstance(error, (httpcore.ReadError, httpcore.WriteError)):
            return False
        if end.has_alert_unread:
            return True
        try:
            await self._stream.read(1, timeout=_ALERT_WAIT_S)
        except httpcore.NetworkError as told:
            return isinstance(told.__context__, ssl.SSLError) and is_of_a_certificate(
                str(told.__context__)
            )
        return False

    def writes_to(self, fields: Http2Fields | None) -> None:
        """What it sends goes out on a connection of which these are the fields that come."""
        if fields is not None and self._number:
            self._answers.append(fields.answer(self._number))
            self._answers[-1].is_to_head = self._is_to_head
            self._number = 0

    def received(self, data: bytes) -> None:
        """More was read.

        Raises:
            TransferError: the head has no end.
        """
        if not self.received_bytes:
            self.begins_as_http = data[:5] == b"HTTP/"[: len(data)]
        self.received_bytes += len(data)
        if not self.is_answered and self.received_bytes > MAX_HEAD_BYTES:
            message = f"{self._place}: a head of more than {MAX_HEAD_BYTES} bytes"
            raise answer_error(CurlCode.RECV_ERROR, message, sent=Sent.YES, phase=Phase.BODY)

    def is_whole(self, data: bytes) -> bool:
        """Whether the library may have what was read; it takes what SOCKS says for all of it."""
        is_of_socks = self.is_socks and self.phase is Phase.PROXY
        return not (data and is_of_socks) or self._socks.is_whole(data)

    @property
    def heads(self) -> Heads | None:
        """Reads the heads of the response that is arriving; None if none is."""
        is_waiting = self.phase in _OF_ANSWER and self.proxy_answer is None
        return self._heads[-1] if is_waiting and self._heads else None

    @property
    def reached(self) -> Phase:
        """The phase that an error tells: an interim response is the beginning of an answer."""
        return Phase.BODY if self._is_begun and self.phase in _OF_ANSWER else self.phase

    @property
    def _is_begun(self) -> bool:
        """The server has answered, if only that it is about to."""
        if self._answers:
            return self._answers[-1].is_begun
        return bool(self._heads) and self._heads[-1].is_begun

    @property
    def has_more(self) -> bool:
        """Something has come after the end of an answer."""
        return any(heads.has_more for heads in self._heads)

    @property
    def head_lines(self) -> list[bytes]:
        """The heads that came, as they came, or as libcurl tells of those of HTTP/2."""
        came: list[Heads | Http2Answer] = [*self._answers] or [*self._heads]
        return [line for each in came for line in each.lines]

    @property
    def has_http2_body(self) -> bool:
        """Some of the body of an answer over HTTP/2 has come."""
        return any(answer.received for answer in self._answers)

    @property
    def sent(self) -> Sent:
        if self.is_answered or self._is_begun:
            return Sent.YES
        return Sent.MAYBE if self.phase in (Phase.SEND, Phase.FIRST_BYTE) else Sent.NO

    @property
    def may_repeat(self) -> bool:
        """The exchange went into a connection made before, and no answer came."""
        is_answered = self.is_answered or self._is_begun
        return self.opened == 0 and not is_answered and self.phase is not Phase.QUEUE

    def timings(self) -> Timings:
        """Microseconds to the end of each phase."""

        def micros(name: str) -> int:
            at = self._at.get(name)
            return round((at - self.started) * 1e6) if at else 0

        return Timings(
            queue_us=micros("connecting") or micros("sending"),
            lookup_us=micros("connecting") if self.opened else 0,
            connect_us=micros("connect"),
            appconnect_us=micros("appconnect"),
            pretransfer_us=micros("pretransfer"),
            posttransfer_us=micros("posttransfer"),
            starttransfer_us=micros("starttransfer"),
            total_us=round((time.perf_counter() - self.started) * 1e6),
        )


def _method(info: dict[str, Any]) -> str:
    request = info.get("request")
    return "" if request is None else bytes(request.method).decode("latin-1")


def _keep_address(stream: Any) -> None:
    """Whom it has connected to: of a connection that is closed by now nothing tells any more."""
    told, address = stream.get_extra_info, stream.get_extra_info("server_addr")
    stream.get_extra_info = lambda info: address if info == "server_addr" else told(info)


def _watch_reads(stream: Any, is_http2: bool) -> None:
    """Have what comes over a connection counted, and its heads read: httpcore tells nobody of
    bytes."""
    read, write = stream.read, stream.write
    fields = Http2Fields() if is_http2 else None

    async def watched(max_bytes: int, timeout: float | None = None) -> bytes:
        data: bytes = await read(max_bytes, timeout)
        if fields is not None:
            fields.take(data)
        progress = reading.get()
        if progress is None:
            return data
        if (answer := progress.proxy_answer) is not None:
            while (opened := answer.take(data)) is None:
                data = await read(max_bytes, timeout)
            return opened
        progress.received(data)
        while not progress.is_whole(data) and (more := await read(max_bytes, timeout)):
            data += more
        heads = None if is_http2 else progress.heads
        if heads is None:
            return data
        while data:
            if (passed := heads.take(data)) is not None:
                return passed
            data = await read(max_bytes, timeout)
            progress.received(data)
        return heads.left()

    async def noted(data: bytes, timeout: float | None = None) -> None:
        if (progress := reading.get()) is not None:
            progress.writes_to(fields)
        await write(data, timeout)

    stream.read, stream.write = watched, noted


def _speaks_http2(stream: Any) -> bool:
    connected = stream.get_extra_info("ssl_object")
    return connected is not None and connected.selected_alpn_protocol() == "h2"


async def _check_peer(stream: Any, place: str) -> None:
    peer = str(stream.get_extra_info("server_addr")[0])
    if not is_public(peer):
        await stream.aclose()
        raise refused_peer(place, peer)
