"""Named connections as values, after their file has been read and checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from onehttp.errors import placed
from onehttp.policies.breaker import BreakerPolicy
from onehttp.policies.limits import LimitsPolicy
from onehttp.policies.redirects import DEFAULT_MAX_REDIRECTS
from onehttp.policies.retry import RetryPolicy
from onehttp.policies.shared.policy import SharedPolicy
from onehttp.queries.limits import QueryLimits
from onehttp.version import USER_AGENT
from onehttp_backends.contract import TransferOptions
from onehttp_backends.headers import HeaderPairs
from onehttp_backends.optional.naming import NameLimits
from onehttp_backends.secret_values import HoldsSecrets


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSpec(HoldsSecrets):
    """One named connection. It never changes: a reload keeps it, or makes another."""

    name: str
    url: str = field(repr=False)
    """``scheme://host[:port][/prefix]``, without credentials."""
    address: str = field(default="", compare=False)
    """The URL as the file writes it: references to secrets unresolved, no query."""
    headers: HeaderPairs = field(default=(), repr=False)
    params: HeaderPairs = field(default=(), repr=False)
    """Query parameters added to every call."""
    content_type: str | None = None
    """Content-Type of bodies given as bytes or text, where the call names none."""
    leave_base: bool = False
    """Paths of calls may lead out of ``url`` by dot segments."""
    cookies: bool = False
    """Whether cookies of its servers are kept and sent back."""
    alt_svc: bool = False
    """HTTP/3 is asked for where the server has offered it."""
    max_redirects: int = 0
    options: TransferOptions = field(default_factory=TransferOptions, repr=False)
    """The options. Engines pool handles by the identity of this object."""
    attempt_timeout_s: float | None = None
    """The limit of one attempt. The total limit in the options is for all attempts of a call."""
    failover: tuple[str, ...] = ()
    """The connections to fail over to, in the order of the file."""
    retry: RetryPolicy | None = None
    breaker: BreakerPolicy | None = None
    limits: LimitsPolicy | None = None
    shared: SharedPolicy | None = None
    """The server for shared limits; None if there are no limits to share."""
    revision: int = field(default=1, compare=False)
    """The revision of the set in which it became what it is."""
    file: str | None = field(default=None, compare=False)
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class AdhocCalls:
    """How calls without a connection are made."""

    options: TransferOptions = field(default=TransferOptions(user_agent=USER_AGENT), repr=False)
    """One object for all of them: engines pool by its identity."""
    max_redirects: int = 0
    """How many redirects a call follows if it does not say."""

    def hops(self, follow_redirects: bool | None) -> int:
        """How many redirects a call follows, given its ``follow_redirects`` (None: not given)."""
        if follow_redirects is None:
            return self.max_redirects
        return (self.max_redirects or DEFAULT_MAX_REDIRECTS) if follow_redirects else 0


ADHOC_CALLS: Final = AdhocCalls()
"""The settings if no file says anything."""


@dataclass(frozen=True, slots=True)
class Adhoc:
    """The parts of a file besides its connections."""

    requests: AdhocCalls = ADHOC_CALLS
    queries: AdhocCalls = ADHOC_CALLS
    limits: QueryLimits | None = None
    """The limits of queries; None if the file does not set them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A remark for operators about a configuration that can be used."""

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    key: str | None = None

    def __str__(self) -> str:
        return placed(self.message, self.file, self.line, self.column, self.key)


class ConnectionSet(Mapping[str, ConnectionSpec]):
    """Connections by name, in the order of their files; read-only. As text, a table of them.

    Attributes:
        revision: 1 at first, one more with each reload that changes something.
        warnings: what an operator should know of the files they come from.
        files: every file that was read for them.
        names: how names become addresses.
        adhoc: what the files say of calls without a connection, and of queries.
    """

    __slots__ = ("_specs", "adhoc", "files", "names", "revision", "warnings")

    def __init__(
        self,
        specs: Mapping[str, ConnectionSpec] | None = None,
        revision: int = 1,
        warnings: tuple[Notice, ...] = (),
        files: frozenset[str] = frozenset(),
        names: NameLimits | None = None,
        adhoc: Adhoc | None = None,
    ) -> None:
        self._specs = dict(specs or {})
        self.revision = revision
        self.warnings = warnings
        self.files = files
        self.names = names or NameLimits()
        self.adhoc = adhoc or Adhoc()

    def beside(self, others: Mapping[str, ConnectionSpec]) -> ConnectionSet:
        """The union with ``others``; if both have a name, this set's connection is taken."""
        if not others:
            return self
        specs = {**self._specs, **{name: others[name] for name in others if name not in self}}
        return ConnectionSet(
            specs, self.revision, self.warnings, self.files, self.names, self.adhoc
        )

    def __getitem__(self, name: str) -> ConnectionSpec:
        return self._specs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def __len__(self) -> int:
        return len(self._specs)

    def __repr__(self) -> str:
        return f"ConnectionSet(revision={self.revision}, names={list(self._specs)})"

    def __str__(self) -> str:
        rows = [("name", "url", "revision", "source")]
        rows += [
            (spec.name, spec.address, str(spec.revision), placed("", spec.file, spec.line))
            for spec in self.values()
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        )
