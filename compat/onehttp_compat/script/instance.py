"""A legacy script, and its instances: each process of the server, here a thread, has its own.

A script is for KEMI (``mod_init()`` returns an object with ``ksr_request_route``) or for the older
``app_python`` (its object has methods that take a ``msg`` with ``call_function``).
"""

from __future__ import annotations

import traceback
import types
from collections.abc import Callable
from pathlib import Path
from typing import Final

from onehttp import OnehttpError, Result
from onehttp_compat.ksr import Ksr
from onehttp_compat.modules.http_async_client.calls import kemi_route
from onehttp_compat.process import ScriptRoute
from onehttp_compat.script.app_python import Msg
from onehttp_compat.script.kemi_stand_in import ScriptExit
from onehttp_compat.script.message_in_progress import Scene, current
from onehttp_compat.server import LegacyServer

_KEMI_ROUTE: Final = "ksr_request_route"


class ScriptError(OnehttpError, RuntimeError):
    """The script could not be loaded or started; names the place."""


class Script:
    """The file of a script.

    Args:
        method: which method of an ``app_python`` script takes messages, where it has several.

    Raises:
        ScriptError: no such file, or not Python.
    """

    def __init__(
        self, path: Path, server: LegacyServer, ksr: Ksr, method: str | None = None
    ) -> None:
        self.path = path
        self.server = server
        self._ksr = ksr
        self.method = method
        if not path.is_file():
            raise ScriptError(f"{path}: no such file")
        try:
            self._code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError) as error:
            raise self.does_not_start(error) from error

    def names(self) -> dict[str, object]:
        """Run the file: what it defines.

        Raises:
            Exception: whatever it raises.
        """
        module = types.ModuleType(self.path.stem)
        names: dict[str, object] = vars(module)
        names.update(__file__=str(self.path), KSR=self._ksr)
        exec(self._code, names)
        return names

    def does_not_start(self, error: Exception) -> ScriptError:
        return ScriptError(f"{self.path}: does not start: {self.placed(error)}")

    def placed(self, error: BaseException) -> str:
        """What the script raised, and its line."""
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == str(self.path)]
        where = f"{self.path.name}:{own[-1].lineno}: " if own else ""
        return f"{where}{type(error).__name__}: {error}"


class ScriptInstance:
    """A script as one process of the server has it: its own names, its own object.

    Raises:
        ScriptError: it does not start, or has no route for messages.
    """

    def __init__(self, script: Script, rank: int) -> None:
        self._script = script
        self.handler = self._made()
        self._is_kemi = hasattr(self.handler, _KEMI_ROUTE) and script.method is None
        self._method = _KEMI_ROUTE if self._is_kemi else self._python_method()
        self._child_init(rank)

    def run(self, scene: Scene) -> None:
        """Give the message to the script."""
        method = getattr(self.handler, self._method)
        if self._is_kemi:
            self.guard(scene, lambda: method(None))
        else:
            self.guard(scene, lambda: self._with_msg(method, scene))

    def route(self, name: str) -> ScriptRoute | None:
        """The route of that name: a method of the script's object."""
        function = None if name.startswith("_") else getattr(self.handler, name, None)
        if not callable(function):
            return None
        if self._is_kemi:
            return kemi_route(function)

        def run(result: Result, is_suspended: bool) -> None:
            scene = current()
            assert scene is not None
            self._with_msg(function, scene)

        return run

    def guard(self, scene: Scene, work: Callable[[], object]) -> None:
        """Run a part of the script; what it raises is kept with the message."""
        try:
            work()
        except ScriptExit:
            pass
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the server lives on
            scene.progress.fail(self._script.placed(error))

    def _with_msg(self, method: Callable[[Msg], object], scene: Scene) -> None:
        msg = Msg(scene, self._script.server)
        try:
            code = method(msg)
        finally:
            msg.expire()
        if not isinstance(code, int):
            name = getattr(method, "__name__", self._method)
            scene.progress.fail(f"{name} returned {type(code).__name__}, expected int")

    def _made(self) -> object:
        script = self._script
        try:
            init = script.names().get("mod_init")
            handler = init() if callable(init) else None
        except Exception as error:
            raise script.does_not_start(error) from error
        if not callable(init):
            raise ScriptError(f"{script.path}: has no mod_init()")
        if handler is None:
            raise ScriptError(f"{script.path}: mod_init() returned None; it must return an object")
        return handler

    def _python_method(self) -> str:
        path, method = self._script.path, self._script.method
        names = [
            name
            for name in dir(self.handler)
            if not name.startswith("_")
            and name not in ("child_init", "mod_init")
            and callable(getattr(self.handler, name))
        ]
        if method is not None:
            if method not in names:
                raise ScriptError(f"{path}: no method {method!r}; there are: {', '.join(names)}")
            return method
        if len(names) == 1:
            return names[0]
        raise ScriptError(
            f"{path}: which method handles a message? Say --method NAME: {', '.join(names)}"
        )

    def _child_init(self, rank: int) -> None:
        path = self._script.path
        start = getattr(self.handler, "child_init", None)
        if start is None:
            return
        try:
            code = start(rank)
        except Exception as error:
            raise ScriptError(f"{path}: child_init: {self._script.placed(error)}") from error
        if not isinstance(code, int) or code < 0:
            raise ScriptError(f"{path}: child_init({rank}) must return an int >= 0")
