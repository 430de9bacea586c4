"""``KSR`` with the HTTP modules on the one engine; everything else is the real ``KSR``'s."""

from __future__ import annotations

from typing import Any, Final

from onehttp_compat.pseudo_variables.reading import NullReading
from onehttp_compat.pv import (
    PvStore,
    ReadOnlyVariableError,
    RefusedValueError,
    UnknownVariableError,
    Value,
)
from onehttp_compat.registry import KEMI
from onehttp_compat.server import LegacyServer, default_server

ASYNCHRONOUS: Final = "http_async_client"


class KemiModule:
    """``KSR.<module>``: one function for each of the module's in the registry."""

    def __init__(self, server: LegacyServer, module: str, real: object = None) -> None:
        self._server = server
        self._module = module
        self._real = real

    def __getattr__(self, name: str) -> Any:
        if (self._module, name) in KEMI:
            function = self._server.kemi_function(self._module, name)
            setattr(self, name, function)  # found at once from now on
            return function
        if self._real is not None:
            return getattr(self._real, name)
        raise AttributeError(f"KSR.{self._module} has no function {name!r}")


class KemiPv(NullReading):
    """``KSR.pv`` on a `PvStore`: the functions of the real one, with its return values."""

    def __init__(self, store: PvStore) -> None:
        self._store = store

    def get(self, name: str) -> int | str | None:
        """The value; text that is not UTF-8 raises UnicodeDecodeError, as in the server."""
        value: Value
        try:
            value = self._store.get(name)
        except UnknownVariableError:
            return None
        return value.decode() if isinstance(value, bytes) else value

    def sets(self, name: str, value: str) -> bool:
        """Write text."""
        if not isinstance(value, str):
            raise TypeError(f"KSR.pv.sets: expected text, got {type(value).__name__}")
        return self._set(name, value)

    def seti(self, name: str, value: int) -> bool:
        """Write a number."""
        return self._set(name, int(value))

    def unset(self, name: str) -> bool:
        """Make it null."""
        return self._set(name, None)

    def _set(self, name: str, value: Value) -> bool:
        try:
            self._store.set(name, value)
        except ReadOnlyVariableError:
            return True  # the real one says so too, and sets nothing
        except (UnknownVariableError, RefusedValueError):
            return False
        return True


class Ksr:
    """The object a KEMI script calls ``KSR``.

    Args:
        server: whose state the modules work on.
        real: what answers for everything that is not taken over.
        is_asynchronous: take over asynchronous queries as well.
    """

    def __init__(
        self,
        server: LegacyServer | None = None,
        real: Any = None,
        *,
        is_asynchronous: bool = True,
    ) -> None:
        self._real = real
        self._server = server or default_server()
        for module in {module for module, _ in KEMI} - {ASYNCHRONOUS}:
            self._take_over(module)
        if real is None:
            self.pv: Any = KemiPv(self._server.pv)
        if is_asynchronous:
            self.take_over_queries()

    def take_over_queries(self) -> None:
        """Take over ``http_async_client`` as well, with its variables."""
        self._take_over(ASYNCHRONOUS)
        if self._real is not None:
            self.pv = _KsrPv(KemiPv(self._server.pv), self._real.pv)

    def _take_over(self, module: str) -> None:
        setattr(self, module, KemiModule(self._server, module, getattr(self._real, module, None)))

    def __getattr__(self, name: str) -> Any:
        if self._real is not None and not name.startswith("_"):
            return getattr(self._real, name)
        raise AttributeError(f"KSR has no {name!r}")


class _KsrPv:
    """The server's ``KSR.pv``, save for the variables of asynchronous queries."""

    def __init__(self, own: KemiPv, real: Any) -> None:
        self._own = own
        self._real = real

    def __getattr__(self, name: str) -> Any:
        theirs, own = getattr(self._real, name), getattr(self._own, name, None)
        if own is None:
            return theirs

        def function(variable: str, *value: Any) -> Any:
            chosen = own if variable.startswith(("$http_", "$(http_")) else theirs
            return chosen(variable, *value)

        setattr(self, name, function)
        return function
