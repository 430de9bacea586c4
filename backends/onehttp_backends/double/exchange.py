"""One transfer over httpx: its deadline, its redirects, its body limit, its one repetition."""

from __future__ import annotations

import asyncio
import time
from operator import add
from typing import Final

from onehttp_backends.contract import NO_TIMINGS, HttpVersion, Peer, Request, Response, Timings
from onehttp_backends.double.clients import Clients, make_client
from onehttp_backends.double.codes import FAULTS, error_of
from onehttp_backends.double.coming.pace import slow_text
from onehttp_backends.double.credentials.challenges import Credentials
from onehttp_backends.double.judging.hops import of_a_later_hop, onward
from onehttp_backends.double.judging.speed import Speed, TooSlowError
from onehttp_backends.double.judging.stream_refusals import (
    is_crowded,
    is_of_stream,
    options_after,
    refusal_of,
    refused,
)
from onehttp_backends.double.library import httpx
from onehttp_backends.double.progress import ExchangeProgress, reading
from onehttp_backends.double.received import body_of, check_end
from onehttp_backends.double.tls import has_unread
from onehttp_backends.double.wire import Slices, tunnel_to, wire_request
from onehttp_backends.errors import (
    CurlCode,
    Phase,
    ProtocolError,
    Sent,
    TLSError,
    TransferError,
    idle_text,
    transfer_error,
)
from onehttp_backends.headers import parse_head
from onehttp_backends.response import REDIRECTS
from onehttp_backends.rules.framing import is_ambiguous
from onehttp_backends.rules.methods import SAFE_METHODS
from onehttp_backends.rules.proxies import proxy_of
from onehttp_backends.rules.request_rules import check_url
from onehttp_backends.rules.url_paths import asked_url
from onehttp_backends.shown import shown
from onehttp_backends.time_limits import connect_s, total_s

_VERSIONS: Final = {b"HTTP/1.0": "1.0", b"HTTP/1.1": "1.1", b"HTTP/2": "2"}
_SLACK_S: Final = 0.05
"""How much later than httpcore's own limits the whole is cut off."""


class Exchange:
    """Carries one request to its response."""

    def __init__(self, clients: Clients, request: Request) -> None:
        self._clients = clients
        self._request = request
        self._own_clients: dict[str | None, httpx.AsyncClient] = {}
        """Clients of a transfer that must leave no connection behind, by proxy."""
        self._spare_clients: list[httpx.AsyncClient] = []
        self.opened = 0
        self._progress = ExchangeProgress(shown(request))
        self._deadline: float | None = None
        self._has_followed = False
        self._earlier = NO_TIMINGS
        """Of the redirects that were followed, added up."""
        self._received_bytes = 0
        """Bytes of bodies received, before decoding."""
        self._slices: Slices | None = None
        self._speed = Speed(request.options.low_speed, self._passed)

    async def run(self) -> Response:
        """The response.

        Raises:
            TransferError: none came.
        """
        request, options = self._request, self._request.options
        # Before the clock starts: loading the trusted certificates takes tens of milliseconds.
        try:
            self._client(request)
        except TLSError as error:
            raise TLSError(error.code, f"{shown(request)}: {error.message}") from None
        limit_s = total_s(request)
        self._deadline = time.monotonic() + limit_s if limit_s else None
        place = shown(request)
        if options.unix_socket:
            place = f"{place} by {options.unix_socket}"
        try:
            return await asyncio.wait_for(
                self._speed.while_fast_enough(self._through_redirects),
                limit_s + _SLACK_S if limit_s else None,
            )
        except TooSlowError:
            raise self._told(self._too_slow()) from None
        except TransferError as error:
            # What frames hold is the caller's and the server's.
            raise self._told(error).with_traceback(None) from error.__cause__
        except FAULTS as error:
            text = idle_text(self._idle_s) if self._is_idle(error) else ""
            # What httpx has to say is in the text; the frames it came through hold headers.
            raise self._told(error_of(error, self._progress, place, text)) from None

    def _passed(self) -> int:
        """Bytes of bodies until now, either way."""
        return self._received_bytes + (self._slices.given if self._slices else 0)

    def _too_slow(self) -> TransferError:
        rule = self._request.options.low_speed
        assert rule is not None
        return transfer_error(
            CurlCode.OPERATION_TIMEDOUT,
            f"{shown(self._request)}: {slow_text(rule)}",
            sent=self._progress.sent,
            phase=self._progress.reached,
        )

    def _told(self, error: TransferError) -> TransferError:
        """The response, with the totals of all hops."""
        return of_a_later_hop(error) if self._has_followed else error

    def _client(self, request: Request) -> httpx.AsyncClient:
        options = request.options
        proxy_url = proxy_of(options.proxy, request.url)
        if options.reuse:
            return self._clients.get(options, proxy_url)
        if proxy_url not in self._own_clients:
            self._own_clients[proxy_url] = make_client(options, proxy_url)
        return self._own_clients[proxy_url]

    def _left_s(self) -> float | None:
        """Seconds to the deadline; None without one."""
        return None if self._deadline is None else max(0.001, self._deadline - time.monotonic())

    @property
    def _idle_s(self) -> float:
        """How long nothing may move."""
        return self._request.options.idle_timeout_s

    def _is_idle(self, error: Exception) -> bool:
        """Whether it was the idle limit, rather than that of connecting or of the whole."""
        idle_s = self._idle_s
        if not idle_s or not isinstance(error, httpx.TimeoutException):
            return False
        limit_s = connect_s(self._request)
        is_connecting = self._progress.phase in (Phase.CONNECT, Phase.PROXY, Phase.TLS)
        if is_connecting and limit_s and limit_s < idle_s:
            return False
        return self._deadline is None or time.monotonic() < self._deadline

    async def _through_redirects(self) -> Response:
        request, options = self._request, self._request.options
        heads: list[bytes] = []
        try:
            for followed in range(options.max_redirects + 1):
                response = await self._answered(self._client(request), request)
                heads += response.head.splitlines(keepends=True)
                following = onward(request, response)
                if following is None:
                    return self._final(response, heads, followed)
                request, self._has_followed = following, True
                self._earlier = self._timings()
                self._earlier = self._earlier._replace(redirect_us=self._earlier.total_us)
        finally:
            await self._let_go()
        raise transfer_error(
            CurlCode.TOO_MANY_REDIRECTS,
            f"more than {options.max_redirects} redirects",
            sent=Sent.YES,
        )

    def _timings(self) -> Timings:
        """Of all hops, added up, as libcurl does it."""
        return Timings(*map(add, self._earlier, self._progress.timings()))

    async def _let_go(self) -> None:
        for client in (*self._own_clients.values(), *self._spare_clients):
            await client.aclose()

    def _final(self, response: Response, heads: list[bytes], followed: int) -> Response:
        return Response(
            response.status,
            heads,
            response.body,
            response.url,
            response.http_version,
            self._timings(),
            response.peer,
            not self.opened,
            response.truncated,
            followed,
            response.decompress,
        )

    async def _answered(self, client: httpx.AsyncClient, request: Request) -> Response:
        """One exchange. A safe request that went into a dead connection is sent once more, and
        any of which the server has done nothing."""
        try:
            return await self._once(client, request)
        except (httpx.ProtocolError, httpx.ReadError, httpx.WriteError) as error:
            if (refusal := refusal_of(error)) and self._progress.sent is not Sent.YES:
                if request.upload is not None and not is_crowded(error):  # its source has begun
                    raise refused(shown(request)) from None
                return await self._refused(refusal, request)
            may_repeat = request.method in SAFE_METHODS or request.options.unsafe_resend
            is_dead = not (isinstance(error, httpx.LocalProtocolError) or is_of_stream(error))
            if not (may_repeat and self._progress.may_repeat and is_dead):
                raise
            return await self._once(client, request)

    async def _refused(self, refusal: int, request: Request) -> Response:
        """The response to a request whose stream was refused, on a connection of its own."""
        options = options_after(refusal, request.options)
        client = make_client(options, proxy_of(options.proxy, request.url))
        self._spare_clients.append(client)
        try:
            return await self._once(client, request)
        except httpx.RemoteProtocolError as error:
            if refusal_of(error) and self._progress.sent is not Sent.YES:
                raise refused(shown(request)) from None
            raise

    async def _once(self, client: httpx.AsyncClient, request: Request) -> Response:
        options = request.options
        self._progress = progress = ExchangeProgress(
            shown(request),
            only_public=options.peers == "public",
            proxy_url=proxy_of(options.proxy, request.url),
            pinned=options.tls.pinned_public_key,
            is_http2=options.http_version is HttpVersion.HTTP_2_PRIOR_KNOWLEDGE,
            of_body=self._of_body(request),
            user_agent=options.user_agent,
            tunnel=tunnel_to(request.url),
        )
        reading.set(progress)
        made = self._wired(wire_request(request, progress))
        idle_s = self._idle_s
        if (idle_s or options.low_speed) and request.body:
            made.stream = self._slices = Slices(request.body)
        made.extensions["timeout"] = self._step_limits(request)
        auth = self._credentials(request)
        try:
            answer = await client.send(made, auth=auth, stream=True, follow_redirects=False)
            try:
                version = _version(answer)
                if request.passes_redirects_by and _leads_on(answer, progress.head_lines):
                    body, truncated, decompress = b"", True, False
                else:
                    body, truncated, decompress = await self._received(answer, request)
            finally:
                await self._finish(answer)
            if version != "2":
                await self._drop_if_more_came(answer)
        finally:
            self.opened += progress.opened
        return Response(
            answer.status_code,
            progress.head_lines,
            body,
            asked_url(request.url),
            version,
            progress.timings(),
            _peer(answer),
            progress.opened == 0,
            truncated,
            decompress=decompress,
        )

    def _step_limits(self, request: Request) -> dict[str, float | None]:
        """The time limits of httpcore's steps, in seconds. A connection that they end is closed;
        one that a cancelled task ends would merely be dropped."""
        idle_s, left_s = self._idle_s, self._left_s()
        return {
            "connect": _soonest(connect_s(request), idle_s, left_s),
            "read": _soonest(idle_s, left_s),
            "write": _soonest(idle_s, left_s),
            "pool": left_s,
        }

    def _credentials(self, request: Request) -> Credentials | None:
        """Those of the call, unless a redirect has led to another origin."""
        options, origin = request.options, check_url(request.url)
        if options.auth is None or origin != check_url(self._request.url):
            return None
        asks_first = options.auth.asks_first or options.as_libcurl
        return Credentials(options.auth, asks_first, self._clients.remembered(options, origin))

    def _wired(self, made: httpx.Request) -> httpx.Request:
        return made

    def _of_body(self, request: Request) -> tuple[int, int]:
        """How large a body may be announced to be, and how much of it is read; 0: all there is."""
        options, passes_by = request.options, request.passes_redirects_by
        wanted = 0 if options.decompress or passes_by else options.max_body_bytes
        return wanted if options.body_policy == "fail" else 0, wanted

    async def _received(self, answer: httpx.Response, request: Request) -> tuple[bytes, bool, bool]:
        found = await body_of(answer, request, self._came)
        if not found[1]:
            check_end(answer, shown(request))
        return found

    def _came(self, size: int) -> None:
        self._received_bytes += size

    async def _drop_if_more_came(self, answer: httpx.Response) -> None:
        """Close the connection of an answer of HTTP/1 that something has come behind."""
        progress, stream = self._progress, answer.extensions["network_stream"]
        connected = stream.get_extra_info("ssl_object")
        is_followed = progress.has_more or (connected is not None and has_unread(connected))
        if is_followed or is_ambiguous(progress.head_lines):
            await stream.aclose()

    async def _finish(self, answer: httpx.Response) -> None:
        await answer.aclose()


def _soonest(*limits_s: float | None) -> float | None:
    return min((limit_s for limit_s in limits_s if limit_s), default=None)


def _leads_on(answer: httpx.Response, head: list[bytes]) -> bool:
    """Whether it is a redirect that nobody reads the body of, and has one."""
    has_body = answer.headers.get("content-length") != "0" and answer.request.method != "HEAD"
    locations = parse_head(head)[-1][1].get_all("location")
    return has_body and answer.status_code in REDIRECTS and bool(locations and locations[0])


def _version(answer: httpx.Response) -> str:
    found: bytes = answer.extensions["http_version"]
    if found not in _VERSIONS:
        raise ProtocolError(
            CurlCode.UNSUPPORTED_PROTOCOL,
            f"unsupported {found.decode('latin-1')} in the answer",
            sent=Sent.MAYBE,
            phase=Phase.FIRST_BYTE,
        )
    return _VERSIONS[found]


def _peer(answer: httpx.Response) -> Peer:
    stream = answer.extensions.get("network_stream")
    address = stream.get_extra_info("server_addr") if stream is not None else None
    if isinstance(address, str):  # of a unix socket
        return Peer(address)
    return Peer(str(address[0]), int(address[1])) if address else Peer()
