"""Where the connections of a process come from, and how they are read again."""

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
    """A file or a mapping, and who resolves its secrets.

    Args:
        secrets: further kinds of references: what stands before the colon, and who resolves it.
    """

    def __init__(self, source: Source, secrets: Mapping[str, Resolver] | None = None) -> None:
        self._source = source if isinstance(source, Mapping) else _absolute(source)
        self._secrets = secrets
        self._backend: Backend | None = None
        self._check: EngineCheck | None = None

    def ask(self, backend: Backend) -> None:
        """Have ``backend`` asked whether it can serve what is read."""
        self._backend = backend

    def read(self, instead: Source = None) -> ConnectionSet:
        """Read, check and resolve it whole; no connections where there is no source.

        Args:
            instead: becomes the source, once it has been read without mistakes.

        Raises:
            ConfigurationError: something is wrong with it.
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
        """Raises ConfigurationError where there is nothing to read again."""
        if self._source is None:
            raise ConfigurationError(
                "nothing to reload: init() was given no connections; give reload() a file"
            )


def _absolute(source: str | os.PathLike[str] | None) -> str | None:
    # The process may change its working directory before it reads the file again.
    return os.path.abspath(source) if isinstance(source, (str, os.PathLike)) else source


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Lets calls in other threads through while a large file is read, which is pure computation.

    They would wait 5 ms, the interpreter's usual turn, each time they come back from the network,
    and tens of milliseconds for the garbage collector, which the many short-lived values call up.
    """
    usual, collects = sys.getswitchinterval(), gc.isenabled()
    sys.setswitchinterval(min(usual, YIELDING_SWITCH_S))
    gc.disable()
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
        if collects:
            gc.enable()
