"""What came back: a response, when each phase of its transfer ended, and from whom."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING, Final, NamedTuple

from onehttp_backends.errors import OnehttpError
from onehttp_backends.headers import Headers, parse_head, parse_trailers
from onehttp_backends.hints.elsewhere import OF_RESPONSE, tell
from onehttp_backends.links import Link, parse_links
from onehttp_backends.secret_values import shown_url

if TYPE_CHECKING:
    from datetime import timedelta

REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
"""The statuses that lead on by their Location."""
FIRST_ERROR: Final = 400
"""The lowest status that says that something went wrong."""

_NOT_OF_TEXT: Final = frozenset(
    {"idna", "mbcs", "oem", "punycode", "raw-unicode-escape", "undefined", "unicode-escape"}
)
"""Codecs that Python has for other purposes, and no charset of RFC 9110 (8.3.2) is called."""


class Timings(NamedTuple):
    """Microseconds from the start of the transfer to the end of each phase (libcurl's meaning).

    ``lookup_us``, ``connect_us`` and ``appconnect_us`` are 0 on a reused connection.
    """

    queue_us: int = 0
    lookup_us: int = 0
    connect_us: int = 0
    appconnect_us: int = 0
    pretransfer_us: int = 0
    posttransfer_us: int = 0
    starttransfer_us: int = 0
    redirect_us: int = 0
    total_us: int = 0


class Peer(NamedTuple):
    """The far end of the connection; empty where there is none (in-process answers)."""

    host: str = ""
    port: int = 0


NO_TIMINGS = Timings()
NO_PEER = Peer()


class Response:
    """What came back. ``head`` is the raw header section, parsed when first asked for."""

    __slots__ = (
        "_blocks",
        "_head",
        "_timings",
        "body",
        "decompress",
        "history",
        "http_version",
        "is_reused",
        "peer",
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
        self._timings = timings
        self.peer = peer
        self.is_reused = is_reused
        self.truncated = truncated
        self.redirect_count = redirect_count
        self.decompress = decompress
        """Whether a coding was taken off the body, as the option of that name asks; False where it
        has none, or one that is not known."""
        self._blocks: list[tuple[str, Headers]] | None = None
        self.history: tuple[Response, ...] = ()
        """The redirects that the call followed, in their order, without their bodies."""

    def __reduce__(self) -> tuple[object, ...]:
        given = (self.status, self._head, self.body, self.url, self.http_version)
        told = (self._timings, self.peer, self.is_reused, self.truncated, self.redirect_count)
        return _rebuilt, (self.history, *given, *told, self.decompress)

    @property
    def timings(self) -> Timings:
        """When each phase ended."""
        return Timings(*self._timings)

    @property
    def effective_url(self) -> str:
        """The URL that answered, after the redirects the engine followed."""
        return self.url

    @property
    def reason(self) -> str:
        """Text of the status line; empty for HTTP/2 and 3."""
        return self._parsed()[-1][0]

    @property
    def headers(self) -> Headers:
        """Headers of the final response."""
        return self._parsed()[-1][1]

    @property
    def trailers(self) -> Headers:
        """What came behind the body (RFC 9110, 6.5): of no meaning to this library, whatever it
        says of lengths, cookies or redirects."""
        return parse_trailers(self._head)

    @property
    def earlier_headers(self) -> list[Headers]:
        """Headers of what came before the final response: interim 1xx, challenges, redirects."""
        return [headers for _, headers in self._parsed()[:-1]]

    @property
    def head(self) -> bytes:
        """The header section as received, every hop of it."""
        return b"".join(self._head)

    @property
    def text(self) -> str:
        """The body decoded by the charset of its Content-Type, else UTF-8; never fails."""
        return decoded(self.body, self.headers.get("content-type", ""))

    def json(self) -> object:
        """The body as JSON.

        Raises:
            json.JSONDecodeError: it is none.
        """
        from json import JSONDecodeError

        try:
            return parsed(self.body)
        except JSONDecodeError as error:
            raise error.with_traceback(None) from None  # its frames hold the body

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_redirect(self) -> bool:
        """Whether it leads on to another URL, and was not followed there."""
        return self.status in REDIRECTS and bool(self.headers.get("location"))

    def raise_for_status(self) -> Response:
        """The response itself, unless it is an error.

        Raises:
            HTTPStatusError: the status is 400 or above.
        """
        if self.status < FIRST_ERROR:
            return self
        raise HTTPStatusError(f"{shown_url(self.url)}: {self.status} {self.reason}".rstrip(), self)

    @property
    def elapsed(self) -> timedelta:
        """What the exchange took that this is the answer of, its body included; the redirects
        before it, in ``history``, took their own."""
        from datetime import timedelta

        return timedelta(microseconds=self.timings.total_us)

    @property
    def links(self) -> dict[str, Link]:
        """The ``Link`` headers (RFC 8288) by relation, the first of each; what is malformed, or
        about another resource (``anchor``), is left out."""
        return parse_links(self.headers.get_all("link"), self.url)

    def __repr__(self) -> str:
        return f"<Response {self.status} {len(self.body)} bytes>"

    def _parsed(self) -> list[tuple[str, Headers]]:
        if self._blocks is None:
            self._blocks = parse_head(self._head)
        return self._blocks


tell(Response, OF_RESPONSE)


class HTTPStatusError(OnehttpError):
    """The server answered with a status of 400 or above, and `Response.raise_for_status` was asked.

    Attributes:
        response: what it answered. The message has its status, and of its URL nothing that may be
            a secret.
    """

    def __init__(self, message: str, response: Response) -> None:
        super().__init__(message)
        self.response = response


def _rebuilt(history: tuple[Response, ...], *given: object) -> Response:
    response = Response(*given)  # type: ignore[arg-type]
    response.history = history
    return response


def decoded(body: bytes, content_type: str) -> str:
    """``body`` decoded by the charset of its Content-Type, else UTF-8. Bytes that do not fit become
    U+FFFD."""
    return body.decode(text_codec(content_type), "replace")


def text_codec(content_type: str) -> str:
    """Python's codec for the charset that a Content-Type names, else UTF-8."""
    try:
        name = codecs.lookup(_charset(content_type)).name
        if name.replace("_", "-") not in _NOT_OF_TEXT:
            b"\0".decode(name, "replace")
            return name
    except (LookupError, ValueError):
        pass  # no such charset, or one that cannot replace
    return "utf-8"


def parsed(body: bytes) -> object:
    """``body`` as JSON.

    Raises:
        json.JSONDecodeError: it is none: wrong, nested too deeply, a number of too many digits,
            or not UTF-8 (-16, -32).
    """
    import json

    try:
        return json.loads(body)
    except json.JSONDecodeError:
        raise
    except UnicodeDecodeError as error:
        text = body.decode(error.encoding, "replace")
        raise json.JSONDecodeError(
            f"not {error.encoding}: {error.reason}", text, error.start
        ) from None
    except (RecursionError, ValueError) as error:
        text = body.decode("utf-8", "replace")
        raise json.JSONDecodeError(str(error), text, 0) from None


def _charset(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"') or "utf-8"
    return "utf-8"
