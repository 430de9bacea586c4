"""What `init` was given, as one value: what a second `init` is compared with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final, TypedDict

from onehttp.calls.around.hooks import NO_HOOKS, Hooks
from onehttp.connections.source import Source
from onehttp.errors import ConfigurationError
from onehttp.hints.settings import OF_INIT
from onehttp.policies.clock import Clock
from onehttp.queries.limits import QueryLimits
from onehttp_backends.contract import Backend
from onehttp_backends.hints.keywords import unexpected
from onehttp_backends.registry import load

if TYPE_CHECKING:
    from onehttp.connections.file.secrets import Resolver
    from onehttp_backends.double.answers import Answer, Handler, Table

_OF_INIT: Final = ("source", "connections", "backend", "queries", "secrets", "hooks", "control")


class BackendSettings(TypedDict, total=False):
    """Settings of the backends that come with this library, as keywords of `init`.

    Those of another backend are keywords, too, or are given to a backend made by hand:
    ``init(backend=TheirBackend(size=3))``.
    """

    max_idle_connections: int
    """``pycurl``: how many connections are kept for later calls."""
    handler: Handler | None
    """``httpx``, as the rest, of which only one is given: answers every request in process."""
    answers: Mapping[str, Answer | Handler | list[Answer | Handler]] | Table | None
    """Canned answers by ``"METHOD URL"``."""
    app: Any
    """An ASGI application."""
    wsgi_app: Any


@dataclass(frozen=True, slots=True)
class Settings:
    """The arguments of `init`. A mapping is copied, because its owner may change it."""

    source: Source = None
    backend: str | Backend = "pycurl"
    queries: QueryLimits | None = None
    secrets: Mapping[str, Resolver] | None = None
    hooks: tuple[Hooks, ...] = NO_HOOKS
    of_backend: Mapping[str, object] = field(default_factory=dict)
    control: str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        self._check_types()
        source = self.source
        if isinstance(source, (str, os.PathLike)):
            source = os.path.abspath(source)
        object.__setattr__(self, "source", _copied(source))
        object.__setattr__(self, "of_backend", dict(self.of_backend))
        if self.control is not None:
            object.__setattr__(self, "control", os.path.abspath(self.control))

    def _check_types(self) -> None:
        """Raises TypeError for what would be a mistake of the first call, or of none."""
        backend, queries, secrets = self.backend, self.queries, self.secrets
        if not (isinstance(backend, str) or hasattr(backend, "perform")):
            raise _unfit("backend", "a name or a Backend", backend)
        if not (queries is None or isinstance(queries, QueryLimits)):
            raise _unfit("queries", "onehttp.QueryLimits", queries)
        if not (self.control is None or isinstance(self.control, (str, os.PathLike))):
            raise _unfit("control", "a path", self.control)
        if not (secrets is None or isinstance(secrets, Mapping)):
            raise _unfit("secrets", "a mapping", secrets)
        for name, resolver in (secrets or {}).items():
            if not callable(resolver):
                raise _unfit(f"secrets[{name!r}]", "a function", resolver)

    def engine(self) -> Callable[[], Backend]:
        """Return a function that makes the engine of these settings.

        Raises:
            BackendUnavailableError: there is no backend of that name.
            TypeError: a setting that it does not have; says which is meant.
        """
        backend, settings = self.backend, self.of_backend
        if not isinstance(backend, str):
            if settings:
                what = f"a backend that is made by hand ({type(backend).__name__}) takes none"
                hints = {**dict.fromkeys(settings, what), **OF_INIT}
                raise unexpected(next(iter(settings)), _OF_INIT, hints)
            return lambda: backend
        make = load(backend)
        if settings:
            _check_settings(backend, make, settings)
        return lambda: make(**settings)

    def differences(self, other: Settings) -> Iterator[str]:
        """Return the differences from other settings, argument by argument, without secrets."""
        if self.source != other.source:
            yield f"connections ({_difference(self.source, other.source)})"
        if self.backend != other.backend:
            yield f"backend ({_difference(self.backend, other.backend)})"
        ours, theirs = self.queries or QueryLimits(), other.queries or QueryLimits()
        for limit in fields(QueryLimits):
            now, before = getattr(ours, limit.name), getattr(theirs, limit.name)
            if now != before:
                yield f"queries.{limit.name} ({now!r}, before {before!r})"
        if ours == theirs and self.queries != other.queries:
            yield "queries (given, or left to the file)"
        if self.secrets != other.secrets:
            yield "secrets"
        if self.control != other.control:
            yield f"control ({self.control!r}, before {other.control!r})"
        if self.hooks != other.hooks:
            yield "hooks"
        for name in sorted({*self.of_backend, *other.of_backend}):
            if self.of_backend.get(name) != other.of_backend.get(name):
                yield name


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The replacements that `init` uses in a test."""

    engine: Callable[[Settings], Callable[[], Backend]]
    """Makes the engine from the settings."""
    clock: Clock | None = None
    """The clock of policies; None: real time."""
    is_told: Callable[[str, BaseException], object] | None = None
    """Called with the errors of routes."""


def _unfit(what: str, expected: str, given: object) -> TypeError:
    return TypeError(f"{what}: expected {expected}, got {type(given).__name__}")


def chosen_source(source: Source, connections: Mapping[str, Any] | None) -> Source:
    """What `init` was given.

    Raises:
        ConfigurationError: both were given.
    """
    if source is not None and connections is not None:
        raise ConfigurationError("give connections as the first argument or as connections=")
    return source if source is not None else connections


def _check_settings(
    name: str, make: Callable[..., Backend], settings: Mapping[str, object]
) -> None:
    import inspect

    parameters = inspect.signature(make).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return
    known = [parameter.name for parameter in parameters]
    other = f"a setting of another backend than {name!r}; its own: {', '.join(known)}"
    hints = {**OF_INIT, **dict.fromkeys(BackendSettings.__annotations__, other)}
    for setting in settings:
        if setting not in known:
            raise unexpected(setting, (*_OF_INIT, *known), hints)


def _copied(value: Any) -> Any:
    """``value`` with mappings and lists of its own."""
    if isinstance(value, Mapping):
        return {key: _copied(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copied(each) for each in value]
    return value


def _difference(now: object, before: object) -> str:
    """Describe how two sources or engines differ. For mappings only keys, because values may be
    secret."""
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
