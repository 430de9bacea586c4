"""Provides ``import KSR`` and ``import Router`` to a script and to the modules that it imports."""

from __future__ import annotations

import os
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from onehttp_compat.script.app_python import router_modules


@contextmanager
def provided_modules(ksr: types.ModuleType, script: Path) -> Iterator[None]:
    """While this is active, scripts can import the modules of the server, and those next to
    ``script``."""
    ours: dict[str, types.ModuleType] = {"KSR": ksr, **router_modules()}
    # Also by its name, because `dataclasses` and others look up the module of a class there.
    if script.stem not in sys.modules:
        ours[script.stem] = types.ModuleType(script.stem)
    saved = {name: sys.modules.get(name) for name in ours}
    before = set(sys.modules)
    folder = str(script.resolve().parent)
    sys.modules.update(ours)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        if folder in sys.path:
            sys.path.remove(folder)
        for name, module in saved.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
        _forget_neighbours(before, folder)


def _forget_neighbours(before: set[str], folder: str) -> None:
    """Forget modules in the folder of a script, because another script may have modules of the same
    names."""
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if os.path.dirname(file) == folder:
            del sys.modules[name]
