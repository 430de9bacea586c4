"""The seam between the API above and the engines below, whole, in one file.

A backend turns a `Request` into a `Response` or raises a `TransferError`. It knows
nothing of connection names, files, SIP or routes. Everything that crosses the seam is
an immutable value; the one exception, `Response`, parses its headers on first use.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

from onehttp_backends.errors import TransferError
from onehttp_backends.headers import HeaderPairs, Headers, parse_head

DEFAULT_MAX_BODY_BYTES = 10 * 1024 * 1024


class HttpVersion(enum.Enum):
    """Which HTTP versions a transfer may use."""

    AUTO = "auto"
    """HTTP/2 where TLS negotiates it, else HTTP/1.1."""
    HTTP_1_1 = "1.1"
    HTTP_2 = "2"
    HTTP_2_PRIOR_KNOWLEDGE = "2-prior-knowledge"
    HTTP_3 = "3"


class TlsVersion(enum.Enum):
    """A bound of the TLS versions offered."""

    TLS_1_0 = "1.0"
    TLS_1_1 = "1.1"
    TLS_1_2 = "1.2"
    TLS_1_3 = "1.3"


class AuthScheme(enum.Flag):
    """Authentication schemes allowed; the numbers are libcurl's CURLAUTH bits."""

    NONE = 0
    BASIC = 1
    DIGEST = 2
    NEGOTIATE = 4
    NTLM = 8
    DIGEST_IE = 16
    BEARER = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """Credentials. With one scheme they go out at once, with several after the challenge."""

    schemes: AuthScheme = AuthScheme.BASIC
    username: str = ""
    secret: str = field(default="", repr=False)
    each_time: bool = False
    """Wait for the challenge each time; otherwise what a server has asked for once goes out at
    once in later calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What is trusted, and what is shown to the server. Paths are of PEM files."""

    verify_peer: bool = True
    verify_host: bool = True
    ca_file: str | None = None
    ca_path: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password: str | None = field(default=None, repr=False)
    ciphers: str | None = None
    min_version: TlsVersion = TlsVersion.TLS_1_2
    max_version: TlsVersion | None = None
    pinned_public_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy:
    """A proxy by its URL, or (``from_environment``) what http_proxy and its kin name."""

    url: str | None = None
    from_environment: bool = False
    username: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LowSpeed:
    """Abort (code 28) below ``bytes_per_s`` for ``time_s`` seconds."""

    bytes_per_s: int
    time_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keepalive:
    """TCP keep-alive probes."""

    idle_s: int = 60
    interval_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """How transfers of one kind are made; one object per named connection, reused for each call.

    Engines pool per-transfer state under the *identity* of this object: two connections
    never share a handle, nor (where their TLS identity differs) a socket.
    """

    name: str = ""
    """Of the connection, for traces and errors; empty for calls on none."""
    total_timeout_s: float = 4.0
    """Seconds for the whole transfer, queueing and lookup included; 0 = no limit."""
    connect_timeout_s: float = 1.0
    """Seconds until connected (TLS included); 0 = only the total counts."""
    idle_timeout_s: float = 0.0
    """Seconds without progress in any phase: lookup, connecting, each TLS step, sending, waiting
    for the first byte, between bytes; 0 = no limit. The total counts beside it."""
    low_speed: LowSpeed | None = None
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    """Decoded bytes; 0 = no limit."""
    body_policy: Literal["fail", "truncate"] = "fail"
    """Past the limit: fail with code 63, or keep what fits and mark it ``truncated``."""
    max_redirects: int = 0
    """How many the *engine* follows; the API above follows redirects itself and leaves this 0."""
    redirects_keep_method: bool = False
    """Of the engine's redirects: a POST stays one (without its body) after 301, 302 and 303."""
    tls: Tls = Tls()
    proxy: Proxy | None = None
    auth: Auth | None = None
    http_version: HttpVersion = HttpVersion.AUTO
    interface: str | None = None
    ip_version: Literal["any", "4", "6"] = "any"
    peers: Literal["any", "public"] = "any"
    """``public``: connect to globally reachable addresses only, else fail with code 7. For URLs
    that a stranger chose; the address itself is checked, so no name can lead elsewhere."""
    private_redirects: bool = False
    """Of redirects that the API follows: a server with a public address may lead to loopback,
    private and link-local ones."""
    keepalive: Keepalive | None = None
    reuse: bool = True
    """Keep the connection for later calls; False closes it after each."""
    decompress: bool = False
    user_agent: str | None = None
    """The ``User-Agent`` header; None or empty = none is sent."""
    unsafe_resend: bool = False
    """Allow the engine to repeat an unsafe request on a fresh connection."""
    as_libcurl: bool = False
    """Where this engine is stricter than libcurl by itself, be as libcurl: headers go out as they
    are written, lengths and blanks included. The legacy modules' wire, and nothing for others."""
    expect_continue: bool = False
    """Let the engine send ``Expect: 100-continue`` for large bodies."""


DEFAULT_OPTIONS = TransferOptions()


class Request(NamedTuple):
    """One request, checked (see ``request_rules``) before an engine touches it.

    A named tuple rather than a frozen dataclass: it is made for each call, and costs a third.
    """

    method: str
    url: str
    headers: HeaderPairs = ()
    """In wire order. ``("Accept", "")`` removes a default header of the engine's."""
    body: bytes | None = None
    """None sends no body; ``b""`` sends an empty one (``Content-Length: 0``)."""
    options: TransferOptions = DEFAULT_OPTIONS
    total_timeout_s: float | None = None
    """Overrides the options' total for this transfer; 0 = no limit."""
    connect_timeout_s: float | None = None


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
        self._blocks: list[tuple[str, Headers]] | None = None

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
        """Headers of the final response (chunked trailers included, at the end)."""
        return self._parsed()[-1][1]

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
        charset = _charset(self.headers.get("content-type", ""))
        try:
            return self.body.decode(charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> object:
        """The body as JSON.

        Raises:
            json.JSONDecodeError: it is none.
        """
        return json.loads(self.body)

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def __repr__(self) -> str:
        return f"<Response {self.status} {len(self.body)} bytes>"

    def _parsed(self) -> list[tuple[str, Headers]]:
        if self._blocks is None:
            self._blocks = parse_head(self._head)
        return self._blocks


def _charset(content_type: str) -> str:
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"') or "utf-8"
    return "utf-8"


Outcome: TypeAlias = "Response | TransferError"
"""What a transfer ends with: exactly one of the two, exactly once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """An engine's account of itself. Counters never go down while the engine lives."""

    backend: str
    transfers: int = 0
    """Started, whatever became of them."""
    completed: int = 0
    """Ended with a response, whatever its status."""
    failed: int = 0
    cancelled: int = 0
    in_flight: int = 0
    connections_opened: int = 0
    connections_reused: int = 0
    """Transfers that went out on a connection made before."""
    connections_open: int = 0
    callback_errors: int = 0
    lookups: int = 0
    """Names that were looked up."""
    lookups_in_flight: int = 0
    """Names being looked up, also those that nobody waits for any more."""
    global_inits: int = 0
    """Times libcurl was initialised in this process by this engine: 0 or 1."""
    by_http_version: Mapping[str, int] = field(default_factory=dict)


class Transfer(Protocol):
    """A transfer somebody may want to stop."""

    def cancel(self) -> bool:
        """End it with a `CancelledError`; False when it had ended already."""


@runtime_checkable
class Backend(Protocol):
    """An engine. All methods may be called from any thread; one object serves the process.

    ``perform`` and ``aperform`` raise the `TransferError` they end with; ``submit`` hands it
    to ``on_done``, which is called exactly once, on whatever thread drives the engine, and
    must return quickly: hand real work to others.
    """

    @property
    def name(self) -> str: ...

    @property
    def capabilities(self) -> frozenset[str]:
        """What it can do, of: ``http2``, ``http3``, ``sockets``, ``asyncio``, ``drive``."""

    def perform(self, request: Request) -> Response: ...

    async def aperform(self, request: Request) -> Response: ...

    def submit(self, request: Request, on_done: Callable[[Outcome], None]) -> Transfer: ...

    def stats(self) -> Stats: ...

    def forget(self, options: TransferOptions) -> None:
        """Let go of what is pooled for options that no new request will have."""

    def close(self, grace_s: float = 0.0) -> None:
        """Wait up to ``grace_s`` for transfers in flight, end the rest (code 42), let go of all."""
