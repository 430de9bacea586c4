"""The seam between the API above and the engines below, whole: all a backend has to import.

A backend turns a `Request` into a `Response` or raises a `TransferError`. It knows
nothing of connection names, files, SIP or routes. Everything that crosses the seam is
an immutable value; the one exception, `Response`, parses its headers on first use.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, NamedTuple, NoReturn, Protocol, TypeAlias, runtime_checkable

from onehttp_backends.bodies.upload import Upload
from onehttp_backends.certificates.pem import Pem
from onehttp_backends.errors import TransferError
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.response import NO_PEER as NO_PEER
from onehttp_backends.response import NO_TIMINGS as NO_TIMINGS
from onehttp_backends.response import Peer as Peer
from onehttp_backends.response import Response as Response
from onehttp_backends.response import Timings as Timings
from onehttp_backends.secret_values import HoldsSecrets, not_pickled, shown_url

DEFAULT_MAX_BODY_BYTES = 10 * 1024 * 1024
MOST_CHALLENGES: Final = 5  # answers to challenges of digest that call each nonce too old
_new: Final = tuple.__new__


class HttpVersion(enum.Enum):
    """Which HTTP versions a transfer may use."""

    AUTO = "auto"
    """HTTP/2 where TLS negotiates it, else HTTP/1.1."""
    HTTP_1_1 = "1.1"
    HTTP_2 = "2"
    HTTP_2_PRIOR_KNOWLEDGE = "2-prior-knowledge"
    HTTP_3 = "3"
    """By QUIC, or by TCP where nothing answers there."""
    HTTP_3_ONLY = "3-only"


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
class Auth(HoldsSecrets):
    """Credentials. Basic and bearer alone go out at once, others after the challenge."""

    schemes: AuthScheme = AuthScheme.BASIC
    username: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    each_time: bool = False
    """Wait for the challenge each time; otherwise what a server has asked for once goes out at
    once in later calls."""
    asks_first: bool = False
    """Of digest alone: until a server has asked for it, send an empty body first, as libcurl does
    by itself, and the body to whom asks. Spares large ones; a server that does not ask acts on
    both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls(HoldsSecrets):
    """What is trusted, and what is shown to the server.

    Certificates and keys are given by path (``*_file``, ``ca_path``) or by content (``*_pem``),
    which goes first. What is given by content is what each connection uses; a path is opened
    anew for each, whatever it leads to by then.
    """

    verify_peer: bool = True
    verify_host: bool = True
    ca_file: str | None = None
    ca_path: str | None = None
    ca_pem: Pem | None = None
    cert_file: str | None = None
    cert_pem: Pem | None = None
    key_file: str | None = None
    key_pem: Pem | None = None
    key_password: str | None = field(default=None, repr=False)
    ciphers: str | None = None
    """Of TLS 1.2 and below, in OpenSSL's notation."""
    curves: str | None = None
    """For key exchange, e.g. ``X25519:P-256``."""
    crl_file: str | None = None
    crl_pem: Pem | None = None
    """Revoked certificates: one list for each authority that a server's chain has."""
    verify_status: bool = False
    """The server must show in the handshake that its certificate is not revoked (OCSP stapling)."""
    min_version: TlsVersion = TlsVersion.TLS_1_2
    max_version: TlsVersion | None = None
    pinned_public_key: str | None = None

    def __reduce__(self) -> tuple[object, ...]:
        if self.key_password or self.key_pem:
            not_pickled(self)
        return _tls, (tuple(getattr(self, name) for name in self.__slots__),)

    @property
    def usable_ciphers(self) -> str | None:
        """The ciphers, on a security level that allows the versions asked for.

        Level 1, the lowest that OpenSSL 3 has by itself, forbids what TLS 1.0 and 1.1 sign their
        handshakes with.
        """
        if self.min_version not in (TlsVersion.TLS_1_0, TlsVersion.TLS_1_1):
            return self.ciphers
        ciphers = self.ciphers or "DEFAULT"
        return ciphers if "@SECLEVEL" in ciphers else f"{ciphers}:@SECLEVEL=0"

    def without_identity(self) -> Tls:
        """The same for a server that this is not meant for: without certificate, key and pin."""
        return replace(
            self,
            cert_file=None,
            cert_pem=None,
            key_file=None,
            key_pem=None,
            key_password=None,
            pinned_public_key=None,
        )


def _tls(values: tuple[object, ...]) -> Tls:
    return Tls(**dict(zip(Tls.__slots__, values, strict=True)))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy(HoldsSecrets):
    """A proxy by its URL, or (``from_environment``) what http_proxy and its kin name."""

    url: str | None = None
    from_environment: bool = False
    username: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    ca_file: str | None = None
    ca_pem: Pem | None = None
    """Who is trusted to be an https:// proxy, by path or by content; else whom `Tls` names."""

    def __repr__(self) -> str:
        if self.from_environment:
            return "Proxy(from_environment=True)"
        return f"Proxy({shown_url(self.url or '')!r})"


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
    unix_socket: str | None = None
    """Connect to this socket of the file system, whatever host the URL names, which is the server's
    name all the same: for ``Host``, TLS and cookies."""
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
    passes_redirects_by: bool = False
    """A redirect that leads somewhere is over with its head: its body is not waited for."""
    upload: Upload | None = None
    """A body that is read while it is sent, instead of ``body``; see `optional.streaming`."""

    def __repr__(self) -> str:
        size = f" {len(self.body)} bytes" if isinstance(self.body, bytes) else ""
        return f"<Request {self.method} {shown_url(self.url)}{size}>"

    def __reduce__(self) -> NoReturn:
        not_pickled(self)

    def __copy__(self) -> Request:
        return self

    def __deepcopy__(self, memo: object) -> Request:
        return self


def plain_request(
    method: str, url: str, pairs: HeaderPairs, options: TransferOptions, total: float | None = None,
    body: bytes | None = None, connect: float | None = None, upload: Upload | None = None,
) -> Request:  # fmt: skip
    """A `Request`, made in half the time that a named tuple takes to make itself."""
    return _new(Request, (method, url, pairs, body, options, total, connect, False, upload))


Outcome: TypeAlias = "Response | TransferError"
"""What a transfer ends with: exactly one of the two, exactly once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """An engine's account of itself. Counters never go down while the engine lives."""

    backend: str
    library: str = ""
    """What carries the transfers, and its version."""
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
