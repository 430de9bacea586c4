"""Responses, the timings of their transfers, and the peers that they came from."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

from onehttp_backends.codings.text import decoded, parsed
from onehttp_backends.errors import OnehttpError
from onehttp_backends.headers import Headers, parse_head, parse_trailers
from onehttp_backends.hints.elsewhere import OF_RESPONSE, tell
from onehttp_backends.links import Link, parse_links
from onehttp_backends.secret_values import shown_url

if TYPE_CHECKING:
    from datetime import timedelta

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""The statuses that redirect to their Location."""
FIRST_ERROR: Final = 400
"""The lowest status that says that something went wrong."""


class Timings(NamedTuple):
    """Microseconds from the start of the transfer to the end of each phase, as libcurl counts them.

    ``lookup_us``, ``connect_us`` and ``appconnect_us`` are 0 on a reused connection. The test
    double looks names up while it connects: its ``lookup_us`` is when that began. All times of an
    answer that was made in process are 0.
    """

    queue_us: int = 0
    """It left the queue of transfers that wait for a connection."""
    lookup_us: int = 0
    """The host name was resolved."""
    connect_us: int = 0
    """The TCP connection was made."""
    appconnect_us: int = 0
    """The TLS handshake was complete."""
    pretransfer_us: int = 0
    """The request was about to be sent."""
    posttransfer_us: int = 0
    """The last byte of the request was sent."""
    starttransfer_us: int = 0
    """The first byte of the answer came."""
    redirect_us: int = 0
    """Time spent on redirects that the engine followed; 0 where the API did."""
    total_us: int = 0
    """The last byte of the answer came."""


class Peer(NamedTuple):
    """Address and port of the server, or of the proxy; for a unix socket its path, and port 0.
    Empty for answers made in process."""

    host: str = ""
    port: int = 0


NO_TIMINGS = Timings()
_OF_KEPT: Final = ("queue_us", "pretransfer_us", "posttransfer_us", "starttransfer_us", "total_us")
"""The times that are not 0 on a kept connection. A `Response` may be given these alone."""
NO_PEER = Peer()
_PAUSE_S: Final = 0.001
_MOST_LOOKS: Final = 2000
Facts: TypeAlias = tuple[tuple[int, ...], Peer]  # the times of a transfer, and who answered


class Unread(Protocol):
    """Facts that are read when one of them is first asked for. Any thread may do that."""

    def facts(self) -> Facts | None:
        """Times and peer; None if they cannot be read at this moment.

        Who is about to use it for another transfer lets the response settle before.
        """


class Response:
    """A response, whatever its status. Its headers are parsed when they are first asked for.

    Attributes:
        status: e.g. 200.
        body: all of it, decoded where `decompress` says so.
        url: the URL that answered, after the redirects.
        http_version: ``1.0``, ``1.1``, ``2`` or ``3``.
        is_reused: it came over a connection that existed before.
        truncated: the body was cut off at its limit (``body_policy: truncate``).
        redirect_count: how many redirects led here.
        decompress: a content coding was removed from the body, as the option of that name asks.
            False if it had none, or an unknown one.
        history: the redirects that the call followed, in order, without their bodies.
    """

    __slots__ = (
        "__weakref__",
        "_blocks",
        "_facts",
        "_head",
        "body",
        "decompress",
        "history",
        "http_version",
        "is_reused",
        "redirect_count",
        "status",
        "truncated",
        "url",
    )

    def __init__(
        self,
        status: int,
        head: list[bytes],
        body: bytes,
        url: str,
        http_version: str = "1.1",
        timings: tuple[int, ...] = NO_TIMINGS,
        peer: Peer = NO_PEER,
        is_reused: bool = False,
        truncated: bool = False,
        redirect_count: int = 0,
        decompress: bool = False,
    ) -> None:
        self.status = status
        self._head = head
        self.body = body
        self.url = url
        self.http_version = http_version
        self._facts: Facts | Unread = (timings, peer)
        self.is_reused = is_reused
        self.truncated = truncated
        self.redirect_count = redirect_count
        self.decompress = decompress
        self._blocks: list[tuple[str, Headers]] | None = None
        self.history: tuple[Response, ...] = ()

    def __reduce__(self) -> tuple[object, ...]:
        given = (self.status, self._head, self.body, self.url, self.http_version)
        told = (*self.settled(), self.is_reused, self.truncated, self.redirect_count)
        return _rebuilt, (self.history, *given, *told, self.decompress)

    @property
    def timings(self) -> Timings:
        """When each phase ended."""
        times = self.settled()[0]
        if len(times) == len(_OF_KEPT):
            return Timings(**dict(zip(_OF_KEPT, times, strict=True)))
        return Timings(*times)

    @property
    def peer(self) -> Peer:
        """Who answered."""
        return self.settled()[1]

    @property
    def effective_url(self) -> str:
        """`url`, by libcurl's name for it."""
        return self.url

    @property
    def reason(self) -> str:
        """The reason phrase of the status line; empty for HTTP/2 and HTTP/3."""
        return self._parsed()[-1][0]

    @property
    def headers(self) -> Headers:
        """Headers of the final response."""
        return self._parsed()[-1][1]

    @property
    def trailers(self) -> Headers:
        """Fields sent after the body (RFC 9110, 6.5). This library ignores what they say of
        lengths, cookies or redirects."""
        return parse_trailers(self._head)

    @property
    def earlier_headers(self) -> list[Headers]:
        """Headers of the answers before the final one: interim (1xx), challenges, redirects."""
        return [headers for _, headers in self._parsed()[:-1]]

    @property
    def head(self) -> bytes:
        """The raw header sections of every hop, as received."""
        return b"".join(self._head)

    @property
    def text(self) -> str:
        """The body, decoded by the charset of its Content-Type, else UTF-8. Never fails."""
        return decoded(self.body, self.headers.get("content-type", ""))

    def json(self) -> object:
        """The body as JSON.

        Raises:
            json.JSONDecodeError: it is not JSON.
        """
        from json import JSONDecodeError

        try:
            return parsed(self.body)
        except JSONDecodeError as error:
            raise error.with_traceback(None) from None  # its frames hold the body

    @property
    def is_success(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        """Whether it redirects to another URL (and the call did not follow it)."""
        return self.status in REDIRECTS and bool(self.headers.get("location"))

    def raise_for_status(self) -> Response:
        """The response itself, if its status is no error: ``get(url).raise_for_status().json()``.

        Raises:
            HTTPStatusError: the status is 400 or above.
        """
        if self.status < FIRST_ERROR:
            return self
        raise HTTPStatusError(f"{shown_url(self.url)}: {self.status} {self.reason}".rstrip(), self)

    @property
    def elapsed(self) -> timedelta:
        """How long this exchange took, its body included. Redirects before it are not counted: each
        response in ``history`` has its own."""
        from datetime import timedelta

        return timedelta(microseconds=self.timings.total_us)

    @property
    def links(self) -> dict[str, Link]:
        """The first ``Link`` of each relation (RFC 8288), by relation. Links that are malformed or
        belong to another resource (``anchor``) are left out."""
        return parse_links(self.headers.get_all("link"), self.url)

    def __repr__(self) -> str:
        return f"<Response {self.status} {len(self.body)} bytes>"

    def settled(self) -> Facts:
        """Times and peer, after which nothing is left to be read."""
        looks = 0
        while not isinstance(facts := self._facts, tuple):
            try:
                found = facts.facts()
            except Exception:
                if self._facts is facts:
                    raise
                continue  # another thread has settled it, and has used or closed the handle
            # As long as it is not settled, what was just read is of the right transfer.
            if self._facts is not facts:
                continue
            if found is None:
                looks += 1
                assert looks <= _MOST_LOOKS, "libcurl does not let go of a handle"
                time.sleep(_PAUSE_S)
            else:
                self._facts = found
        return facts

    def _parsed(self) -> list[tuple[str, Headers]]:
        if self._blocks is None:
            self._blocks = parse_head(self._head)
        return self._blocks


tell(Response, OF_RESPONSE)
_new: Final = Response.__new__


def new_response(
    status: int, http_version: str, head: list[bytes], body: bytes, url: str,
    facts: Facts | Unread, is_reused: bool, truncated: bool, redirect_count: int, decompress: bool,
) -> Response:  # fmt: skip
    """A `Response`, made in half the time that its own constructor takes."""
    response = _new(Response)
    response.status = status
    response.http_version = http_version
    response._head = head
    response._blocks = None
    response.body = body
    response.url = url
    response._facts = facts
    response.is_reused = is_reused
    response.truncated = truncated
    response.redirect_count = redirect_count
    response.decompress = decompress
    response.history = ()
    return response


class HTTPStatusError(OnehttpError):
    """`Response.raise_for_status` found a status of 400 or above.

    Attributes:
        response: the response. The message has its status, and no part of its URL that may be a
            secret.
    """

    def __init__(self, message: str, response: Response) -> None:
        super().__init__(message)
        self.response = response


def _rebuilt(history: tuple[Response, ...], *given: Any) -> Response:
    response = Response(*given)
    response.history = history
    return response
