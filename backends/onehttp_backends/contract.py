"""The whole seam between the API above and the engines below: all that a backend has to import.

A backend turns a `Request` into a `Response` or raises a `TransferError`. It knows
nothing of connection names, files, SIP or routes. Everything that crosses the seam is
an immutable value; the one exception, `Response`, parses its headers on first use.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple, NoReturn, Protocol, TypeAlias, runtime_checkable

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
MOST_CHALLENGES: Final = 5  # digest answers to a server that calls each nonce stale
_new: Final = tuple.__new__


class HttpVersion(enum.Enum):
    """Which HTTP versions a transfer may use."""

    AUTO = "auto"
    """HTTP/2 where TLS negotiates it, else HTTP/1.1."""
    HTTP_1_1 = "1.1"
    HTTP_2 = "2"
    HTTP_2_PRIOR_KNOWLEDGE = "2-prior-knowledge"
    HTTP_3 = "3"
    """QUIC, or TCP where nothing answers over QUIC."""
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
    """Credentials. Basic and bearer are sent at once, others after the server's challenge."""

    schemes: AuthScheme = AuthScheme.BASIC
    username: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    each_time: bool = False
    """Wait for the challenge in each call. Otherwise later calls send at once what the server has
    asked for before."""
    asks_first: bool = False
    """Digest only: until the server has sent a challenge, send an empty body first, as libcurl does
    by default, and the real body with the answer. It saves sending a large body twice, but a server
    that sends no challenge acts on both requests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls(HoldsSecrets):
    """Which certificates are trusted, and which one is shown to the server.

    Certificates and keys are given by path (``*_file``, ``ca_path``) or by content (``*_pem``),
    which counts where both are given. A path is opened again for each connection, whatever the file
    holds by then.
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
    """For TLS 1.2 and below, in OpenSSL's notation."""
    curves: str | None = None
    """For key exchange, e.g. ``X25519:P-256``."""
    crl_file: str | None = None
    crl_pem: Pem | None = None
    """Revoked certificates; needs one list for each authority in a server's chain."""
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
        """`ciphers`, at a security level that allows `min_version`.

        Level 1, the lowest default of OpenSSL 3, forbids the signatures that handshakes of TLS 1.0
        and 1.1 are made with.
        """
        if self.min_version not in (TlsVersion.TLS_1_0, TlsVersion.TLS_1_1):
            return self.ciphers
        ciphers = self.ciphers or "DEFAULT"
        return ciphers if "@SECLEVEL" in ciphers else f"{ciphers}:@SECLEVEL=0"

    def without_identity(self) -> Tls:
        """The same for another server than it was made for: without certificate, key and pin."""
        return replace(
            self,
            cert_file=None,
            cert_pem=None,
            key_file=None,
            key_pem=None,
            key_password=None,
            pinned_public_key=None,
        )


def _tls(values: tuple[Any, ...]) -> Tls:
    return Tls(**dict(zip(Tls.__slots__, values, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxy(HoldsSecrets):
    """A proxy by its URL, or (``from_environment``) the one that http_proxy and its kin name."""

    url: str | None = None
    from_environment: bool = False
    username: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    ca_file: str | None = None
    ca_pem: Pem | None = None
    """Authorities trusted to certify an ``https://`` proxy; those of `Tls` unless given."""

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
    """The connection's name, for traces and errors; empty for calls without a connection."""
    total_timeout_s: float = 4.0
    """Seconds for the whole transfer, queueing and lookup included; 0 = no limit."""
    connect_timeout_s: float = 1.0
    """Seconds until connected (TLS included); 0 = only the total counts."""
    idle_timeout_s: float = 0.0
    """Seconds without progress in any phase: lookup, connecting, each TLS step, sending, waiting
    for the first byte, between bytes; 0 = no limit. The total limit applies as well."""
    low_speed: LowSpeed | None = None
    max_body_bytes: int = DEFAULT_MAX_BODY_BYTES
    """Decoded bytes; 0 = no limit."""
    body_policy: Literal["fail", "truncate"] = "fail"
    """For a larger body: fail with code 63, or keep what fits and mark it ``truncated``."""
    max_redirects: int = 0
    """How many the *engine* follows; the API above follows redirects itself and leaves this 0."""
    redirects_keep_method: bool = False
    """In the engine's redirects a POST stays a POST (without its body) after 301, 302 and 303."""
    tls: Tls = Tls()
    proxy: Proxy | None = None
    auth: Auth | None = None
    http_version: HttpVersion = HttpVersion.AUTO
    unix_socket: str | None = None
    """Path of a unix socket to connect to. The URL's host still names the server: in ``Host``, for
    TLS and for cookies."""
    interface: str | None = None
    ip_version: Literal["any", "4", "6"] = "any"
    peers: Literal["any", "public"] = "any"
    """``public``: connect to globally reachable addresses only, else fail with code 7. For URLs
    that a stranger chose: the address itself is checked, so no name can lead elsewhere."""
    private_redirects: bool = False
    """Let the API follow redirects from a public address to private, loopback, link-local ones."""
    keepalive: Keepalive | None = None
    reuse: bool = True
    """Keep connections for later calls; False closes them after each call."""
    decompress: bool = False
    user_agent: str | None = None
    """The ``User-Agent`` header; none is sent if it is None or empty."""
    unsafe_resend: bool = False
    """Allow the engine to repeat an unsafe request on a fresh connection."""
    as_libcurl: bool = False
    """Where the engine is stricter than plain libcurl, behave as plain libcurl: headers are sent
    exactly as written, wrong lengths and blanks included. For the legacy modules only."""
    expect_continue: bool = False
    """Let the engine send ``Expect: 100-continue`` for large bodies."""


DEFAULT_OPTIONS = TransferOptions()


class Request(NamedTuple):
    """One request, checked (see ``request_rules``) before an engine touches it.

    A named tuple rather than a frozen dataclass: each call makes one, at a third of the cost.
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
    """Return a redirect as soon as its head has come, without waiting for its body."""
    upload: Upload | None = None
    """Replaces ``body`` by one that is read while it is sent; see `optional.streaming`."""

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
    """A `Request`, made in half the time that its own constructor takes."""
    return _new(Request, (method, url, pairs, body, options, total, connect, False, upload))


Outcome: TypeAlias = "Response | TransferError"
"""The result of a transfer: exactly one of the two, exactly once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """Counters of one engine; they never go down while it lives."""

    backend: str
    library: str = ""
    """The library that carries the transfers, and its version."""
    transfers: int = 0
    """Transfers started, however they ended."""
    completed: int = 0
    """Transfers that ended with a response, whatever its status."""
    failed: int = 0
    cancelled: int = 0
    in_flight: int = 0
    connections_opened: int = 0
    connections_reused: int = 0
    """Transfers on a connection that existed before."""
    connections_open: int = 0
    callback_errors: int = 0
    lookups: int = 0
    """Host names looked up."""
    lookups_in_flight: int = 0
    """Lookups that are running, including those that no transfer waits for any more."""
    global_inits: int = 0
    """How often this engine has initialised libcurl in this process: 0 or 1."""
    by_http_version: Mapping[str, int] = field(default_factory=dict)


class Transfer(Protocol):
    """A transfer that can be cancelled."""

    def cancel(self) -> bool:
        """End it with a `CancelledError`. False: it had ended already."""


@runtime_checkable
class Backend(Protocol):
    """An engine. Any thread may call any method; one object serves the process."""

    @property
    def name(self) -> str:
        """What `init` calls it: ``pycurl``, ``httpx``, ..."""

    @property
    def capabilities(self) -> frozenset[str]:
        """A subset of ``http2``, ``http3``, ``sockets``, ``asyncio`` and ``drive``."""

    def perform(self, request: Request) -> Response:
        """Run ``request`` in the calling thread; raises the `TransferError` that it ends with."""

    async def aperform(self, request: Request) -> Response:
        """`perform`, awaitable."""

    def submit(self, request: Request, on_done: Callable[[Outcome], None]) -> Transfer:
        """Start ``request``; ``on_done`` is called once, on a thread of the engine's or one that
        has driven it. It must return quickly: hand real work to other threads."""

    def stats(self) -> Stats:
        """The counters of this engine."""

    def forget(self, options: TransferOptions) -> None:
        """Drop everything pooled for ``options``, which no new request will use."""

    def close(self, grace_s: float = 0.0) -> None:
        """Wait up to ``grace_s`` seconds for transfers in flight, cancel the rest, free it all."""
