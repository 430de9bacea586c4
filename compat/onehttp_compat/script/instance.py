"""A legacy script and its instances. Each process of the server, here a thread, has its own.

There are three kinds. For KEMI, ``mod_init()`` returns an object with ``ksr_request_route``. For
``app_python3s``, the same functions are at the top level of the file, without ``mod_init``. For the
older ``app_python``, an object has methods that take a ``msg`` with ``call_function``.
"""

from __future__ import annotations

import enum
import os
import types
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from onehttp import OnehttpError, Result
from onehttp_compat.modules.http_async_client.calls import EVENT
from onehttp_compat.process import ScriptRoute
from onehttp_compat.script.app_python import Msg
from onehttp_compat.script.kemi.tree import ScriptExit
from onehttp_compat.script.limits import TimeLimitExceeded, end_forked_child
from onehttp_compat.script.message_in_progress import Scene, current
from onehttp_compat.script.message_method import MethodUnclearError, message_method, takes_text
from onehttp_compat.script.script_errors import place, told_text, way_out
from onehttp_compat.script.world import World

HINTS: Final = {
    "no number": "{0} returned {1}: up to Kamailio 5.7 at least, the first call of KSR for the "
    "next message raises SystemError then; return a number",
    "no text": "{0} takes a text that kamailio.cfg passes to it, and was given an empty one: "
    "--call {0}:TEXT, or --config kamailio.cfg",
    "held back": "{0} for {1} was made by the server and not sent: nothing leaves this machine",
}
"""Advice on routes, and on what the server does without the script."""
NOT_RUN: Final = (
    "{} is async, or has a yield: the server calls it and goes on, and none of its lines are run"
)
running_route: ContextVar[str] = ContextVar("onehttp_route", default="")
"""The name of the script's route that runs in this context."""
KEMI_ROUTE: Final = "ksr_request_route"


class ScriptError(OnehttpError, RuntimeError):
    """The script could not be loaded or started. The message has the place."""


class ScriptKind(enum.Enum):
    """How the routes of a script are called."""

    KEMI = "methods of what mod_init() returns"
    PLAIN = "functions of the file"
    APP_PYTHON = "methods that kamailio.cfg calls by name"


@dataclass(frozen=True, slots=True)
class MessageMethod:
    """The method of an ``app_python`` script that takes messages, and its text argument, if any."""

    method: str
    argument: str | None = None


class ScriptFile:
    """The file of a script.

    Raises:
        ScriptError: there is no such file, or it is not valid Python.
    """

    def __init__(
        self, path: Path, world: World, ksr: types.ModuleType, call: MessageMethod | None = None
    ) -> None:
        self.path = path
        self.world = world
        self.call = call
        self._ksr = ksr
        if not path.is_file():
            raise ScriptError(f"{path}: no such file")
        try:
            self._code = compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self.does_not_start(error) from error

    def names(self) -> dict[str, object]:
        """Run the file and return the names that it defines.

        Raises:
            BaseException: any error that the file raises.
        """
        module = types.ModuleType(self.path.stem)
        names: dict[str, object] = vars(module)
        names.update(__file__=str(self.path), KSR=self._ksr)
        exec(self._code, names)
        return names

    def does_not_start(self, error: BaseException) -> ScriptError:
        return ScriptError(f"{self.path}: does not start: {self.placed(error)}")

    def placed(self, error: BaseException) -> str:
        """Return the error of the script, with its line and advice."""
        where = place(error, self.path)
        cause = error.__cause__ if isinstance(error, SystemError) else None
        told = told_text(error) + (f" ({cause})" if cause else "")
        return (f"{where}: " if where else "") + told + way_out(error, self.path)


class ScriptInstance:
    """A script in one process of the server, with its own global names and its own object.

    Raises:
        ScriptError: the script does not start, or has no route for messages.
    """

    def __init__(self, script: ScriptFile, rank: int) -> None:
        self._script = script
        self._process = os.getpid()
        self.kind = ScriptKind.KEMI
        self.handler = self._made()
        self._method = self._message_method()
        self._child_init(rank)
        end_forked_child(self._process)

    def run(self, scene: Scene) -> None:
        """Run the script for the message."""
        script, name = self._script, self._method
        text = script.call.argument if script.call is not None else None
        if self.kind is not ScriptKind.APP_PYTHON:
            self._run(name, scene)
        elif text is not None:
            self._run(name, scene, script.world.server.pv.expand(text))
        elif takes_text(self._function(name)):
            script.world.mistakes.hint(HINTS["no text"].format(name), script.path.name)
            self._run(name, scene, "")
        else:
            self._run(name, scene)

    def has_route(self, name: str) -> bool:
        """Whether the script has this route."""
        return self._function(name) is not None

    @property
    def event_routes(self) -> list[str]:
        """The names of the functions that an event or a timer may run."""
        names = vars(self.handler) if self.kind is ScriptKind.PLAIN else dir(self.handler)
        known = (KEMI_ROUTE, "child_init", "mod_init")
        return [name for name in names if name not in known and self.has_route(name)]

    def run_route(self, name: str, scene: Scene, *arguments: object) -> bool:
        """Run a route by name. False if there is no such route."""
        if not self.has_route(name):
            return False
        self._run(name, scene, *arguments)
        return True

    def async_route(self, name: str) -> ScriptRoute | None:
        """Return the route of that name, for the answer of a query."""
        if not self.has_route(name):
            return None

        def run(result: Result, is_suspended: bool) -> None:
            scene = current()
            assert scene is not None
            is_told = self.kind is not ScriptKind.APP_PYTHON and not is_suspended
            self._call(name, scene, *([EVENT] if is_told else []))

        return run

    def result_route(self, name: str) -> ScriptRoute | None:
        """The same for a query of `onehttp.submit`, whose route takes only the result."""
        if not self.has_route(name):
            return None

        def run(result: Result, _is_suspended: bool) -> None:
            scene = current()
            assert scene is not None
            self._call(name, scene, result, has_message=False)

        return run

    def guard(self, scene: Scene, work: Callable[[], object]) -> None:
        """Run a part of the script, and keep its error with the message."""
        try:
            work()
        except (ScriptExit, SystemExit):
            pass  # the script has ended its work on the message (``exit``)
        except (TimeLimitExceeded, KeyboardInterrupt):
            raise  # raised by the watchdog, or for the user's Ctrl-C
        except BaseException as error:  # noqa: BLE001 - the server lives on
            scene.progress.fail(self._script.placed(error))
        finally:
            end_forked_child(self._process)

    def _run(self, name: str, scene: Scene, *arguments: object) -> None:
        self.guard(scene, lambda: self._call(name, scene, *arguments))

    def _call(self, name: str, scene: Scene, *arguments: object, has_message: bool = True) -> None:
        function = self._function(name)
        assert function is not None
        msg = Msg(scene, self._script.world)
        is_told = has_message and self.kind is not ScriptKind.PLAIN
        given = (msg, *arguments) if is_told else arguments
        before = running_route.get()
        try:  # the watchdog may interrupt as soon as it is set
            running_route.set(name)
            code = function(*given)
        except TypeError as error:
            if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                raise  # raised inside the route
            raise TypeError(self._misfit(function, given, error)) from None
        finally:
            running_route.set(before)
            msg.expire()
        if isinstance(code, int) or not has_message:
            return
        if isinstance(code, (types.CoroutineType, types.GeneratorType)):
            code.close()
            self._script.world.mistakes.note(NOT_RUN.format(name), self._script.path.name)
            return
        if self.kind is ScriptKind.APP_PYTHON:
            scene.progress.fail(f"{name} returned {type(code).__name__}, expected int")
        else:
            self._script.world.mistakes.hint(
                HINTS["no number"].format(name, type(code).__name__), self._script.path.name
            )

    def _misfit(
        self, function: Callable[..., Any], given: tuple[object, ...], error: TypeError
    ) -> str:
        """Return the message for a route that does not accept the arguments that the server
        passes."""
        code = getattr(function, "__code__", None)
        line = f"{Path(code.co_filename).name}:{code.co_firstlineno}: " if code else ""
        passed = ["msg" if isinstance(one, Msg) else repr(one) for one in given]
        shown = ", ".join(passed) or "nothing"
        return f"{line}{error}; the server passes {shown}"

    def _function(self, name: str) -> Callable[..., Any] | None:
        if name.startswith("_"):
            return None
        try:
            function = getattr(self.handler, name, None)
        except Exception as error:  # noqa: BLE001 - a __getattr__ of the script
            text = f"no route {name}, but {self._script.placed(error)}"
            self._script.world.mistakes.note(text, self._script.path.name)
            return None
        return function if callable(function) else None

    # ---- starting

    def _made(self) -> object:
        script = self._script
        try:
            names = script.names()
            init = names.get("mod_init")
            handler = init() if callable(init) else None
        except ScriptExit:
            raise ScriptError(f"{script.path}: does not start: it ends itself") from None
        except (TimeLimitExceeded, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise script.does_not_start(error) from error
        if not callable(init):
            if not callable(names.get(KEMI_ROUTE)):
                raise ScriptError(f"{script.path}: has no mod_init(), and no {KEMI_ROUTE}() either")
            self.kind = ScriptKind.PLAIN
            return types.SimpleNamespace(**{k: v for k, v in names.items() if callable(v)})
        if handler is None:
            raise ScriptError(f"{script.path}: mod_init() returned None; it must return an object")
        return handler

    def _message_method(self) -> str:
        call = self._script.call
        if self.kind is ScriptKind.PLAIN or (call is None and self.has_route(KEMI_ROUTE)):
            return KEMI_ROUTE
        self.kind = ScriptKind.APP_PYTHON
        path = self._script.path
        if call is not None:
            if not self.has_route(call.method):
                there = ", ".join(filter(self.has_route, dir(self.handler)))
                raise ScriptError(f"{path}: no method {call.method!r}; there are: {there}")
            return call.method
        try:
            return message_method(self.handler)
        except MethodUnclearError as error:
            raise ScriptError(f"{path}: {error}") from None

    def _child_init(self, rank: int) -> None:
        path = self._script.path
        start = self._function("child_init")
        if start is None:
            return
        try:
            code = start(rank)
        except (TimeLimitExceeded, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise ScriptError(f"{path}: child_init: {self._script.placed(error)}") from error
        if not isinstance(code, int) or code < 0:
            raise ScriptError(f"{path}: child_init({rank}) must return an int >= 0")
