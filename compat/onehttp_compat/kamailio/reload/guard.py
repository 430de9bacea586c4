"""Keeps the old script in force if a new one cannot be read.

At a reload the server (5.6 to 6.1) calls ``importlib.reload``, then ``mod_init`` and
``child_init``. If one of them fails, it does the same at the next call of that process, and so on.
Each time it releases a reference to ``traceback.format_exception`` that it does not own, so it
crashes (signal 11) after some attempts. The names of a script that failed half way are a mixture of
old and new.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from onehttp_compat.kamailio.reload.spreading import Spreading
from onehttp_compat.server_config import ServerConfig

_log = logging.getLogger("onehttp_compat.kamailio")
AT_MOST: Final = 5
"""How often a script is read if it changes meanwhile. If a reload is requested while a process is
reading, the server counts it as done in this process."""
_MODULE: Final = "app_python3"
CALLED: Final = ("ksr_request_route", "ksr_reply_route", "ksr_onsend_route", "onehttp_resume")
"""Functions that the server looks for in the object of a script. If one is missing, the server
answers nothing, or crashes when it reads the next script."""


class ReloadGuard:
    """Reads the script of this process again, as a finder in ``sys.meta_path``.

    Args:
        spreading: what all processes know about the scripts that they have read.
        is_new: whether no process has logged a text before.
    """

    def __init__(self, spreading: Spreading, is_new: Callable[[str], bool]) -> None:
        self.script: Any = None
        """The object that the server calls, if it is known."""
        self.rank: int | None = None
        """The rank of this process, after the server has passed it to the script."""
        self.on_read: Callable[[], None] = lambda: None
        """Called when a new script is in force."""
        self._spreading = spreading
        self._is_new = is_new
        self._met: Counter[str] = Counter()
        self._module = ""
        self._mod_init = "mod_init"
        self._child_init = "child_init"
        self._routes: list[str] = []
        """The routes that ``rtimer`` calls."""
        self.references: list[object] = []
        """As many references as the server may have released without owning them."""

    def watch(self, config: ServerConfig) -> None:
        """Get called when the script in a configuration is read again."""
        for line in config.modparams():
            if line.is_about(_MODULE):
                if line.name in ("load", "script_name"):
                    self._module = Path(str(line.value)).stem
                elif line.name == "mod_init_function":
                    self._mod_init = str(line.value)
                elif line.name == "child_init_method":
                    self._child_init = str(line.value)
            elif line.is_about("rtimer") and line.name == "exec":
                self._routes += re.findall(r"\broute\s*=\s*(\w+)", str(line.value))
        if self._module and self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def close(self) -> None:
        """Stop that. Tests use this, because they are many servers in turn."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def begins(self, script: object, rank: int) -> None:
        """The server has passed the rank of this process to its script."""
        self.script, self.rank = script, rank

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to read the script again; None for other modules, and if it is read for the
        first time."""
        file = getattr(target, "__file__", None)
        if name != self._module or file is None:
            return None
        return spec_from_file_location(name, file, loader=_SourceLoader(name, file, self))

    def read(self, module: ModuleType, code_of: Callable[[], Any]) -> None:
        """Execute the new source in ``module``, or leave the module unchanged if that fails."""
        self._spreading.reads()
        self.references.append(traceback.format_exception)
        for _ in range(AT_MOST):
            found = _state(module.__file__)
            error = self._read(module, code_of)
            if found == _state(module.__file__):
                break
        if error is not None and self.is_to_tell(repr(error)):
            _log.error(
                "app_python.reload: %s cannot be used, the script stays as it was:\n%s",
                module.__file__,
                "".join(traceback.format_exception(error)),
            )

    def _read(self, module: ModuleType, code_of: Callable[[], Any]) -> BaseException | None:
        """Read the script. Returns the error, if any."""
        names = vars(module)
        before, script = dict(names), self.script
        try:
            names.pop(self._mod_init, None)
            exec(code_of(), names)
            self.script = self._begun(names)
        except BaseException as error:  # noqa: BLE001 - a sys.exit() as well
            failure: BaseException | None = error
            names.clear()
            names.update(before)
            self.script = script or names[self._mod_init]()
        else:
            failure = None
            self.on_read()
        began = self.script
        names[self._mod_init] = lambda: began
        return failure

    def _begun(self, names: dict[str, Any]) -> Any:
        """Make the new object and pass it the rank, so that the server's own call has nothing left
        to do."""
        if self._mod_init not in names:
            raise AttributeError(f"it has no {self._mod_init}")
        script = names[self._mod_init]()
        if script is None:
            raise TypeError(f"{self._mod_init} returned None")
        for name in (*CALLED, *self._routes):
            if _has(self.script, name) and not _has(script, name):
                raise AttributeError(f"its object has no function {name}, which the server calls")
        if self.rank is not None:
            done = getattr(script, self._child_init)(self.rank)
            if not isinstance(done, int) or done < 0:
                raise ValueError(f"{self._child_init}({self.rank}) returned {done!r}")
            with contextlib.suppress(AttributeError):  # an object with slots is called twice
                setattr(script, self._child_init, lambda _rank: done)
        return script

    def is_to_tell(self, text: str) -> bool:
        """Whether this process logs the error of a reload. One process does so for all."""
        self._met[text] += 1
        return self._is_new(f"{text} {self._met[text]}")


def _has(script: object, name: str) -> bool:
    return callable(getattr(script, name, None))


def _state(file: str | None) -> object:
    """A value that changes when the file changes; None if there is no file."""
    try:
        found = os.stat(file or "")
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class _SourceLoader(SourceFileLoader):
    """Reads source and no bytecode, because bytecode counts as current if the file changed within a
    second."""

    def __init__(self, name: str, path: str, guard: ReloadGuard) -> None:
        super().__init__(name, path)
        self._guard = guard

    def exec_module(self, module: ModuleType) -> None:
        self._guard.read(module, lambda: self.source_to_code(self.get_data(self.path), self.path))
