"""``KSR`` with the HTTP modules on our engine. All else is passed to the real ``KSR``."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from onehttp_compat.pseudo_variables.reading import NullReading
from onehttp_compat.pv import (
    MAX_KNOWN_VARIABLES,
    PvStore,
    ReadOnlyVariableError,
    RefusedValueError,
    UnknownVariableError,
    Value,
)
from onehttp_compat.registry import KEMI
from onehttp_compat.server import LegacyServer, default_server

_OF_THE_SERVER: Final = frozenset(("rc", "retcode", "null"))
"""Names that a script reads from the server itself. Outside of the server, the emulation has
them."""
_class_of: Final = re.compile(r"\$\(?([A-Za-z_0-9.]+)").match
ASYNCHRONOUS: Final = "http_async_client"


class KemiModule:
    """``KSR.<module>``, with a function for each entry of the module in the registry."""

    def __init__(self, server: LegacyServer, module: str, real: object = None) -> None:
        self._server = server
        self._module = module
        self._real = real

    def __getattr__(self, name: str) -> Any:
        if (self._module, name) in KEMI:
            function = self._server.kemi_function(self._module, name)
            setattr(self, name, function)  # found without `__getattr__` from now on
            return function
        if self._real is not None:
            return getattr(self._real, name)
        raise AttributeError(f"KSR.{self._module} has no function {name!r}")

    def __dir__(self) -> list[str]:
        own = {name for module, name in KEMI if module == self._module}
        return sorted(own.union(_names(self._real)))


class KemiPv(NullReading):
    """``KSR.pv`` on a `PvStore`, with the functions and return values of the real one."""

    def __init__(self, store: PvStore) -> None:
        self._store = store

    def get(self, name: str) -> int | str | None:
        """Return the value. Text that is not UTF-8 raises UnicodeDecodeError, as in the server."""
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
            return True  # the real one logs that, too, and sets nothing
        except (UnknownVariableError, RefusedValueError):
            return False
        return True


class Ksr:
    """The object that is called ``KSR`` in KEMI scripts.

    Args:
        server: the server with the state of the modules.
        real: the real ``KSR``, to which all else is passed.
        is_asynchronous: whether to replace ``http_async_client``, too.
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
        pv = KemiPv(self._server.pv)
        self.pv: Any = pv if real is None else KsrPv(pv, real.pv, self._is_ours)
        self._has_queries = False
        if is_asynchronous:
            self.take_over_queries()

    def take_over_queries(self) -> None:
        """Replace ``http_async_client``, too, with its variables."""
        self._take_over(ASYNCHRONOUS)
        self._has_queries = True

    def _take_over(self, module: str) -> None:
        setattr(self, module, KemiModule(self._server, module, getattr(self._real, module, None)))

    def __getattr__(self, name: str) -> Any:
        if self._real is not None and not name.startswith("_"):
            value = getattr(self._real, name)
            setattr(self, name, value)  # found without `__getattr__` from now on
            return value
        raise AttributeError(f"KSR has no {name!r}")

    def __dir__(self) -> list[str]:
        own = {name for name in vars(self) if not name.startswith("_")}
        return sorted(own.union(_names(self._real)))

    def _is_ours(self, kind: str) -> bool:
        """Whether variables of a class belong to the emulated modules."""
        if kind in _OF_THE_SERVER or not self._server.pv.is_registered(kind):
            return False
        return self._has_queries or not kind.startswith("http_")


class KsrPv:
    """The server's ``KSR.pv``, except for the variables of the emulated modules.

    Args:
        own: the store with the variables of the emulated modules.
        real: the store with all others.
        is_ours: whether a class of variables belongs to the emulated modules.
    """

    def __init__(self, own: KemiPv, real: Any, is_ours: Callable[[str], bool]) -> None:
        self._own = own
        self._real = real
        self._is_ours = is_ours

    def __getattr__(self, name: str) -> Any:
        function = theirs = getattr(self._real, name)
        ours = getattr(self._own, name, None)
        if ours is not None:
            function = self._chosen(ours, theirs)
        setattr(self, name, function)  # found without `__getattr__` from now on
        return function

    def __dir__(self) -> list[str]:
        return dir(self._real)

    def _chosen(self, ours: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
        known: dict[str, Callable[..., Any]] = {}

        def look(variable: str) -> Callable[..., Any]:
            kind = _class_of(variable)
            function = ours if kind is not None and self._is_ours(kind[1]) else theirs
            if len(known) < MAX_KNOWN_VARIABLES:
                known[variable] = function
            return function

        # In one line for speed, because scripts call this for each of their variables.
        def call(variable: str, *value: Any) -> Any:
            return (known.get(variable) or look(variable))(variable, *value)

        return call


def _names(real: object) -> list[str]:
    return [] if real is None else [name for name in dir(real) if not name.startswith("_")]
