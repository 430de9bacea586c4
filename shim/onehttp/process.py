"""What this process has been initialised to: `init`, `reload`, `shutdown`, and forks."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from onehttp.connections.background import BackgroundReload
from onehttp.connections.model import ConnectionSpec
from onehttp.connections.reload import Reload
from onehttp.connections.source import ConnectionSource, Source
from onehttp.errors import (
    AlreadyInitialisedError,
    ConfigurationError,
    NotInitialisedError,
)
from onehttp.queries.counts import ShutdownReport
from onehttp.queries.limits import QueryLimits
from onehttp.queries.routes import Routes
from onehttp.runtime import Runtime
from onehttp_backends.contract import Backend
from onehttp_backends.registry import load

if TYPE_CHECKING:
    from onehttp.connections.file.secrets import Resolver


@dataclass(frozen=True, slots=True)
class Settings:
    """What `init` was given. A mapping is kept as it was then: its owner may change it."""

    source: Source = None
    backend: str | Backend = "pycurl"
    queries: QueryLimits = field(default_factory=QueryLimits)
    secrets: Mapping[str, Resolver] | None = None
    of_backend: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        source = self.source
        if isinstance(source, (str, os.PathLike)):
            source = os.path.abspath(source)
        object.__setattr__(self, "source", _copied(source))
        object.__setattr__(self, "of_backend", dict(self.of_backend))

    def engine(self) -> Backend:
        """The engine they ask for.

        Raises:
            BackendUnavailableError: there is none of that name.
        """
        if isinstance(self.backend, str):
            return load(self.backend)(**self.of_backend)
        return self.backend

    def differences(self, other: Settings) -> Iterator[str]:
        """What `init` was given otherwise there, argument by argument; quotes no secret."""
        if self.source != other.source:
            yield f"connections ({_difference(self.source, other.source)})"
        if self.backend != other.backend:
            yield f"backend ({_difference(self.backend, other.backend)})"
        for limit in fields(QueryLimits):
            now, before = (getattr(given.queries, limit.name) for given in (self, other))
            if now != before:
                yield f"queries.{limit.name} ({now!r}, before {before!r})"
        if self.secrets != other.secrets:
            yield "secrets"
        for name in sorted({*self.of_backend, *other.of_backend}):
            if self.of_backend.get(name) != other.of_backend.get(name):
                yield name


def chosen_source(source: Source, connections: Mapping[str, Any] | None) -> Source:
    """What `init` was given.

    Raises:
        ConfigurationError: both were given.
    """
    if source is not None and connections is not None:
        raise ConfigurationError("give connections as the first argument or as connections=")
    return source if source is not None else connections


class Process:
    """What this process has been initialised to: one `Runtime`, or none."""

    def __init__(self) -> None:
        self.runtime: Runtime | None = None
        self.routes = Routes()
        self._changing = threading.Lock()  # guards all of this: two first calls make one engine
        self._reloading = threading.Lock()  # guards the connections of the runtime
        self.background = BackgroundReload(self.reload)
        os.register_at_fork(after_in_child=self._renew_lock)
        self._declared: Mapping[str, ConnectionSpec] = {}
        self._settings = Settings()
        self._place = ""
        self._was_shut_down = False

    def init(self, settings: Settings, place: str) -> None:
        """See `onehttp.init`."""
        with self._changing:
            if self.runtime is not None:
                self._check_is_same(settings)
                return
            configured = ConnectionSource(settings.source, settings.secrets)
            specs = configured.read()
            self.runtime = Runtime(
                settings.engine(),
                specs,
                self.routes,
                settings.queries,
                source=configured,
                declared=self._declared,
            )
            self._settings, self._place = settings, place

    def _check_is_same(self, settings: Settings) -> None:
        if settings != self._settings:
            what = ", ".join(settings.differences(self._settings))
            raise AlreadyInitialisedError(
                f"onehttp is initialised already, at {self._place}; different here: {what}; "
                "call onehttp.shutdown() first, or init() only once"
            )

    def _renew_lock(self) -> None:
        """In a forked child: whoever held the lock is not here."""
        self._changing = threading.Lock()
        self._reloading = threading.Lock()
        self.background.forget_lock()

    def reload(self, source: Source = None) -> Reload:
        """See `onehttp.reload`."""
        runtime = self.runtime
        if runtime is None:
            raise self.missing()
        with self._reloading:
            return runtime.reload(source)

    def declare(self, specs: Iterable[ConnectionSpec]) -> None:
        """See `onehttp.declare`."""
        with self._changing:
            self._declared = {spec.name: spec for spec in specs}
            runtime = self.runtime
            if runtime is not None:
                with self._reloading:
                    runtime.declare(self._declared)

    def files(self) -> frozenset[str]:
        """Every file that the connections in force were read from."""
        runtime = self.runtime
        return runtime.revision.connections.files if runtime else frozenset()

    def shutdown(self, grace_s: float) -> ShutdownReport:
        """See `onehttp.shutdown`."""
        with self._changing:
            runtime, self.runtime = self.runtime, None
            self._declared = {}
            self._was_shut_down = self._was_shut_down or runtime is not None
        return ShutdownReport() if runtime is None else runtime.close(grace_s)

    def missing(self) -> NotInitialisedError:
        """The error of a call without a runtime."""
        when = "was shut down" if self._was_shut_down else "is not initialised"
        return NotInitialisedError(f"onehttp {when}; call onehttp.init() first")


def caller(depth: int) -> str:
    """``file:line`` of a calling frame."""
    frame = sys._getframe(depth)
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _copied(value: Any) -> Any:
    """``value`` with mappings and lists of its own."""
    if isinstance(value, Mapping):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(each) for each in value]
    return value


def _difference(now: object, before: object) -> str:
    """Where two sources or engines differ. Of mappings the keys: what they hold may be secret."""
    if isinstance(now, dict) and isinstance(before, dict):
        return ", ".join(_differing_keys(now, before))
    return f"{_shown(now)}, before {_shown(before)}"


def _differing_keys(now: Any, before: Any, prefix: str = "") -> Iterator[str]:
    if not (isinstance(now, dict) and isinstance(before, dict)):
        yield prefix
        return
    for key in {**before, **now}:
        if key not in now or key not in before or now[key] != before[key]:
            place = f"{prefix}.{key}" if prefix else str(key)
            yield from _differing_keys(now.get(key), before.get(key), place)


def _shown(value: object) -> str:
    if value is None or isinstance(value, str):
        return repr(value)
    return "a mapping" if isinstance(value, dict) else f"{type(value).__name__} object"
