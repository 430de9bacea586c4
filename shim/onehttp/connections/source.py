"""The source of a process's connections, which is read again at a reload."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from onehttp.connections.model import ConnectionSet
from onehttp.errors import ConfigurationError

if TYPE_CHECKING:
    from onehttp.connections.file.engine_check import EngineCheck
    from onehttp.connections.file.secrets import Resolver
    from onehttp_backends.contract import Backend

Source: TypeAlias = "str | os.PathLike[str] | Mapping[str, Any] | None"

YIELDING_SWITCH_S: Final = 0.0001
"""While a configuration is read, other threads get their turn within this time."""


class ConnectionSource:
    """A file or a mapping, and the resolvers of its secrets.

    Args:
        secrets: resolvers for further kinds of references, by the text before the colon.
    """

    def __init__(self, source: Source, secrets: Mapping[str, Resolver] | None = None) -> None:
        self._source = source if isinstance(source, Mapping) else _absolute(source)
        self._secrets = secrets
        self._backend: Backend | None = None
        self._check: EngineCheck | None = None

    def ask(self, backend: Backend) -> None:
        """Have ``backend`` check whether it supports what is read."""
        self._backend = backend

    def read(self, instead: Source = None) -> ConnectionSet:
        """Read, check and resolve everything; no connections if there is no source.

        Args:
            instead: another source, which replaces this one if it has no mistakes.

        Raises:
            ConfigurationError: the source has mistakes.
        """
        source = self._source if instead is None else instead
        if source is None:
            return ConnectionSet()
        from onehttp.connections.file.engine_check import EngineCheck
        from onehttp.connections.file.load import load_connections

        if self._backend is not None and self._check is None:
            self._check = EngineCheck(self._backend)

        with _quick_turns():
            found = load_connections(source, secrets=self._secrets, check=self._check)
        self._source = source if isinstance(source, Mapping) else _absolute(source)
        return found

    def check_is_there(self) -> None:
        """Raise ConfigurationError if there is no source that could be read again."""
        if self._source is None:
            raise ConfigurationError(
                "nothing to reload: init() was given no connections; give reload() a file"
            )


def _absolute(source: str | os.PathLike[str] | None) -> str | None:
    # The process may change its working directory before it reads the file again.
    return os.path.abspath(source) if isinstance(source, (str, os.PathLike)) else source


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Let calls in other threads run while a large file is read, which is pure computation.

    They would wait 5 ms, Python's usual switch interval, each time they return from the network,
    and tens of milliseconds for the garbage collector, which the many short-lived values would
    trigger.
    """
    usual, collects = sys.getswitchinterval(), gc.isenabled()
    try:  # a signal handler may raise after each of these calls
        sys.setswitchinterval(min(usual, YIELDING_SWITCH_S))
        gc.disable()
        yield
    finally:
        try:
            if collects:
                gc.enable()
        finally:
            sys.setswitchinterval(usual)
