"""``import KSR`` and ``import Router`` in a script, and in modules that it imports."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onehttp_compat.ksr import KemiPv, Ksr
from onehttp_compat.script.app_python import router_modules
from onehttp_compat.script.kemi_stand_in import StandIn
from onehttp_compat.server import LegacyServer


def script_ksr(server: LegacyServer) -> Ksr:
    """The ``KSR`` of scripts outside their server, for all threads: it keeps nothing itself."""
    return Ksr(server, _WithPv(server))


@contextmanager
def provided_modules(ksr: Ksr, script: Path) -> Iterator[None]:
    """Scripts find their server's modules, and those that lie beside ``script``."""
    ours: dict[str, Any] = {"KSR": _as_module("KSR", ksr), **router_modules()}
    # Known by its name too: `dataclasses` and its like look a class's module up.
    if script.stem not in sys.modules:
        ours[script.stem] = types.ModuleType(script.stem)
    saved = {name: sys.modules.get(name) for name in ours}
    folder = str(script.resolve().parent)
    sys.modules.update(ours)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
        for name, module in saved.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module


class _WithPv:
    """The stand-in with ``KSR.pv`` of the emulated server."""

    def __init__(self, server: LegacyServer) -> None:
        self.pv = KemiPv(server.pv)
        self._stand_in = StandIn(server)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stand_in, name)


def _as_module(name: str, target: object) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__getattr__ = lambda attribute: getattr(target, attribute)  # type: ignore[method-assign]
    return module
