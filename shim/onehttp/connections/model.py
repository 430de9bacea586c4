"""Named connections as values: what a connection is once its file has been read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from onehttp.policies.breaker import BreakerPolicy
from onehttp.policies.limits import LimitsPolicy
from onehttp.policies.retry import RetryPolicy
from onehttp_backends.contract import TransferOptions
from onehttp_backends.headers import HeaderPairs


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSpec:
    """One named connection. A spec is never changed: a reload makes a new one, or keeps it."""

    name: str
    url: str = field(repr=False)
    """``scheme://host[:port][/prefix]``, without credentials."""
    headers: HeaderPairs = field(default=(), repr=False)
    params: HeaderPairs = field(default=(), repr=False)
    """Query parameters added to every call."""
    content_type: str | None = None
    """Content-Type of bodies given as bytes or text, where the call names none."""
    max_redirects: int = 0
    options: TransferOptions = field(default_factory=TransferOptions, repr=False)
    """Its identity is the connection's: engines pool handles under it."""
    attempt_timeout_s: float | None = None
    """For one attempt; the options' total is for all attempts of a call together."""
    failover: tuple[str, ...] = ()
    """As written: the connections to go to, in order, when this one fails."""
    retry: RetryPolicy | None = None
    breaker: BreakerPolicy | None = None
    limits: LimitsPolicy | None = None
    file: str | None = None
    line: int | None = None


class ConnectionSet(Mapping[str, ConnectionSpec]):
    """Connections by name, in the order of their file; read-only."""

    __slots__ = ("_specs", "revision")

    def __init__(
        self, specs: Mapping[str, ConnectionSpec] | None = None, revision: int = 1
    ) -> None:
        self._specs = dict(specs or {})
        self.revision = revision

    def __getitem__(self, name: str) -> ConnectionSpec:
        return self._specs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def __repr__(self) -> str:
        return f"ConnectionSet(revision={self.revision}, names={list(self._specs)})"
