"""A script that cannot be read anew changes nothing: the server goes on with the one it has.

What the server does at a reload (5.6 to 6.1): ``importlib.reload``, then ``mod_init`` and
``child_init``; when one of them fails, the same again at the next call of that process, and so on.
Each time it gives up a reference to ``traceback.format_exception`` that it never took, so it ends
by signal 11 after a few; and the names of a script that failed half way are half new.
"""

from __future__ import annotations

import contextlib
import logging
import os
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
"""Times that a script is read which is changed meanwhile. The server takes a reload that is asked
for while a process is reading for one that this process has done."""
_MODULE: Final = "app_python3"


class ReloadGuard:
    """Reads the script of this process anew, as one of ``sys.meta_path``.

    Args:
        spreading: what all processes know of the scripts that they have read.
        is_new: whether no process has said a text.
    """

    def __init__(self, spreading: Spreading, is_new: Callable[[str], bool]) -> None:
        self.script: Any = None
        """The object that the server calls, as far as is known."""
        self.rank: int | None = None
        """Of this process, once the server has told its script."""
        self.on_read: Callable[[], None] = lambda: None
        """Called when a new script is in force."""
        self._spreading = spreading
        self._is_new = is_new
        self._met: Counter[str] = Counter()
        self._module = ""
        self._mod_init = "mod_init"
        self._child_init = "child_init"
        self.references: list[object] = []
        """As many as the server may have given up without having taken them."""

    def watch(self, config: ServerConfig) -> None:
        """Be asked when the script that a configuration names is read anew."""
        for line in config.modparams():
            if line.is_about(_MODULE):
                if line.name in ("load", "script_name"):
                    self._module = Path(str(line.value)).stem
                elif line.name == "mod_init_function":
                    self._mod_init = str(line.value)
                elif line.name == "child_init_method":
                    self._child_init = str(line.value)
        if self._module and self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def close(self) -> None:
        """Be asked no more: for tests, which are many servers one after the other."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def begins(self, script: object, rank: int) -> None:
        """The server has told its script which process this is."""
        self.script, self.rank = script, rank

    def find_spec(
        self, name: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """How the script is read anew; None: another module, or it is read for the first time."""
        file = getattr(target, "__file__", None)
        if name != self._module or file is None:
            return None
        return spec_from_file_location(name, file, loader=_Reading(name, file, self))

    def read(self, module: ModuleType, code_of: Callable[[], Any]) -> None:
        """Have the names of ``module`` be those of its new text, or leave them as they are."""
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
        """What went wrong."""
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
        """The new object, told of its process: the server's own call then finds that done."""
        if self._mod_init not in names:
            raise AttributeError(f"it has no {self._mod_init}")
        script = names[self._mod_init]()
        if script is None:
            raise TypeError(f"{self._mod_init} returned None")
        if self.rank is not None:
            done = getattr(script, self._child_init)(self.rank)
            if not isinstance(done, int) or done < 0:
                raise ValueError(f"{self._child_init}({self.rank}) returned {done!r}")
            with contextlib.suppress(AttributeError):  # it has slots: it is called twice
                setattr(script, self._child_init, lambda _rank: done)
        return script

    def is_to_tell(self, text: str) -> bool:
        """Whether this process is to say what went wrong in a reload: one does for all of them."""
        self._met[text] += 1
        return self._is_new(f"{text} {self._met[text]}")


def _state(file: str | None) -> object:
    """Differs when a file was changed in between; None: it is not there."""
    try:
        found = os.stat(file or "")
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


class _Reading(SourceFileLoader):
    """Reads text, and no bytecode: that of a file changed within a second is taken for new."""

    def __init__(self, name: str, path: str, guard: ReloadGuard) -> None:
        super().__init__(name, path)
        self._guard = guard

    def exec_module(self, module: ModuleType) -> None:
        self._guard.read(module, lambda: self.source_to_code(self.get_data(self.path), self.path))
