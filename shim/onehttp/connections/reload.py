"""Compares connections for a reload: what changes, and what stays."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from onehttp.connections.model import Adhoc, AdhocCalls, ConnectionSet, ConnectionSpec, Notice

FILE_KEYS: Final = {
    "total_timeout_s": "timeout.total",
    "connect_timeout_s": "timeout.connect",
    "idle_timeout_s": "timeout.idle",
    "attempt_timeout_s": "timeout.attempt",
    "max_body_bytes": "max_body",
    "max_redirects": "redirects",
    "private_redirects": "redirects",
    "ip_version": "ip",
    "unix_socket": "socket",
    "breaker": "circuit_breaker",
    "tls.ca_pem": "tls.ca_file",
    "tls.cert_file": "tls.cert",
    "tls.cert_pem": "tls.cert",
    "tls.crl_pem": "tls.crl_file",
    "tls.key_file": "tls.key",
    "tls.key_pem": "tls.key",
}
"""Names in our values -> keys of the file, where the two differ."""
_SECTIONS: Final = frozenset({"options", "tls"})
"""Compared field by field; of the others it is enough to know which has changed."""


@dataclass(slots=True)
class Reloads:
    """Counts of the reloads so far."""

    done: int = 0
    refused: int = 0
    last_success: float = 0.0
    """When the connections in force were read, in seconds since 1970; 0: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reload:
    """The result of a reload, by names of connections."""

    revision: int
    """The revision of the connections that are now in force."""
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The changed connections with their changed keys. A certificate is compared by content."""
    unchanged: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """Keys of ``names`` that have changed."""
    sections: tuple[str, ...] = ()
    """The sections among ``requests`` and ``queries`` that have changed."""
    warnings: tuple[Notice, ...] = ()

    @property
    def is_change(self) -> bool:
        """Whether anything has changed."""
        return bool(self.added or self.removed or self.changed or self.names or self.sections)

    def __str__(self) -> str:
        parts = [
            f"{what} {', '.join(names)}"
            for what, names in (("added", self.added), ("removed", self.removed))
            if names
        ]
        if self.changed:
            each = (f"{name} ({', '.join(keys)})" for name, keys in self.changed.items())
            parts.append(f"changed {', '.join(each)}")
        if self.names:
            parts.append(f"names ({', '.join(self.names)})")
        if self.sections:
            parts.append(f"changed {' and '.join(self.sections)}")
        parts.append(f"{len(self.unchanged)} unchanged")
        return f"revision {self.revision}: {'; '.join(parts)}"


def next_revision(before: ConnectionSet, read: ConnectionSet) -> tuple[ConnectionSet, Reload]:
    """The set that replaces ``before``, and the differences.

    Whatever is equal stays the same object: engines keep handles and connections by the identity of
    the options, and policies keep their state.
    """
    revision = before.revision + 1
    specs: dict[str, ConnectionSpec] = {}
    changed: dict[str, tuple[str, ...]] = {}
    for name, spec in read.items():
        old = before.get(name)
        specs[name] = _successor(old, spec, revision)
        if old is not None and old != spec:
            changed[name] = tuple(dict.fromkeys(_differences(old, spec)))
    added = tuple(name for name in read if name not in before)
    removed = tuple(name for name in before if name not in read)
    unchanged = tuple(name for name in read if name in before and name not in changed)
    names = tuple(_differences(before.names, read.names))
    adhoc, sections = _next_adhoc(before.adhoc, read.adhoc)
    if not (added or removed or changed or names or sections):
        revision = before.revision
    diff = Reload(
        revision=revision,
        added=added,
        removed=removed,
        changed=changed,
        unchanged=unchanged,
        names=names,
        sections=sections,
        warnings=read.warnings,
    )
    return ConnectionSet(specs, revision, read.warnings, read.files, read.names, adhoc), diff


def _next_adhoc(old: Adhoc, new: Adhoc) -> tuple[Adhoc, tuple[str, ...]]:
    requests = _successor_of_calls(old.requests, new.requests)
    queries = (
        requests if new.queries is new.requests else _successor_of_calls(old.queries, new.queries)
    )
    changed = []
    if old.requests != new.requests:
        changed.append("requests")
    if (old.queries, old.limits) != (new.queries, new.limits):
        changed.append("queries")
    return Adhoc(requests, queries, new.limits), tuple(changed)


def _successor_of_calls(old: AdhocCalls, new: AdhocCalls) -> AdhocCalls:
    if old == new:
        return old
    return AdhocCalls(old.options, new.max_redirects) if old.options == new.options else new


def _successor(old: ConnectionSpec | None, new: ConnectionSpec, revision: int) -> ConnectionSpec:
    if old is None:
        return dataclasses.replace(new, revision=revision)
    options = old.options if old.options == new.options else new.options
    if old != new:
        return dataclasses.replace(new, options=options, revision=revision)
    if (old.file, old.line) == (new.file, new.line):
        return old
    return dataclasses.replace(old, file=new.file, line=new.line)


def _differences(old: Any, new: Any, around: str = "") -> Iterator[str]:
    for each in dataclasses.fields(old):
        one, other = getattr(old, each.name), getattr(new, each.name)
        if not each.compare or one == other:
            continue
        if each.name in _SECTIONS:
            yield from _differences(one, other, "" if each.name == "options" else "tls.")
        else:
            name = f"{around}{each.name}"
            yield FILE_KEYS.get(name, name)
