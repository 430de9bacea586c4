"""Loads a legacy script and runs its route once for each message.

A script is for KEMI (``mod_init()`` returns an object with ``ksr_request_route``) or for the older
``app_python`` (its object has methods that take a ``msg`` with ``call_function``).
"""

from __future__ import annotations

import runpy
import sys
import time
import traceback
import types
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from onehttp import OnehttpError
from onehttp_compat.ksr import Ksr
from onehttp_compat.rfc4474.request import SipRequest
from onehttp_compat.script.message import SipMessage
from onehttp_compat.script.router import Msg, router_modules
from onehttp_compat.script.stand_in import MessageOutcome, ScriptExit, StandIn
from onehttp_compat.server import LegacyServer

FIRST_WORKER_RANK: Final = 1
_KEMI_ROUTE: Final = "ksr_request_route"


class ScriptError(OnehttpError, RuntimeError):
    """The script could not be loaded or started; names the place."""


class Script:
    """A loaded legacy script and the server process it believes to be in."""

    def __init__(self, path: Path, server: LegacyServer, method: str | None = None) -> None:
        self.path = path
        self.server = server
        self.stand_in = StandIn(server)
        self.ksr = Ksr(server, _WithPv(server, self.stand_in))
        self.handler = self._load()
        self.is_kemi = hasattr(self.handler, _KEMI_ROUTE) and method is None
        self._method = _KEMI_ROUTE if self.is_kemi else self._python_method(method)
        self._child_init()

    def run(self, message: SipMessage) -> MessageOutcome:
        """Give one message to the script; what it raises is kept as ``error``."""
        outcome = self.stand_in.outcome = MessageOutcome(message)
        self.server.pv.new_message(message.variables())
        self.server.pv.request = lambda: SipRequest(
            message.wire(), on_add=lambda line: outcome.headers.append(line.strip())
        )
        started = time.perf_counter()
        with self._modules():
            try:
                if self.is_kemi:
                    getattr(self.handler, self._method)(None)
                else:
                    self._run_python(message, outcome)
            except ScriptExit:
                pass
            except Exception as error:  # noqa: BLE001 - a script may raise anything; the run goes on
                outcome.error = self._place(error)
        outcome.time_s = time.perf_counter() - started
        self.stand_in.outcome = None
        return outcome

    def _run_python(self, message: SipMessage, outcome: MessageOutcome) -> None:
        msg = Msg(message, self.server, outcome)
        try:
            code = getattr(self.handler, self._method)(msg)
        finally:
            msg.expire()
        if not isinstance(code, int):
            outcome.error = f"{self._method} returned {type(code).__name__}, expected int"

    def _load(self) -> object:
        if not self.path.is_file():
            raise ScriptError(f"{self.path}: no such file")
        with self._modules():
            try:
                names = runpy.run_path(str(self.path), {"KSR": self.ksr}, run_name=self.path.stem)
                init = names.get("mod_init")
                if not callable(init):
                    raise ScriptError(f"{self.path}: has no mod_init()")
                handler = init()
            except ScriptError:
                raise
            except Exception as error:
                raise ScriptError(f"{self.path}: does not start: {self._place(error)}") from error
        if handler is None:
            raise ScriptError(f"{self.path}: mod_init() returned None; it must return an object")
        return handler

    def _python_method(self, method: str | None) -> str:
        names = [
            name
            for name in dir(self.handler)
            if not name.startswith("_")
            and name not in ("child_init", "mod_init")
            and callable(getattr(self.handler, name))
        ]
        if method is not None:
            if method not in names:
                raise ScriptError(
                    f"{self.path}: no method {method!r}; there are: {', '.join(names)}"
                )
            return method
        if len(names) == 1:
            return names[0]
        raise ScriptError(
            f"{self.path}: which method handles a message? Say --method NAME: {', '.join(names)}"
        )

    def _child_init(self) -> None:
        start = getattr(self.handler, "child_init", None)
        if start is None:
            return
        with self._modules():
            try:
                code = start(FIRST_WORKER_RANK)
            except Exception as error:
                raise ScriptError(f"{self.path}: child_init: {self._place(error)}") from error
        if not isinstance(code, int) or code < 0:
            raise ScriptError(
                f"{self.path}: child_init({FIRST_WORKER_RANK}) must return an int >= 0"
            )

    @contextmanager
    def _modules(self) -> Iterator[None]:
        """``import KSR`` and ``import Router`` find ours, and the script's folder is searched."""
        ours: dict[str, Any] = {"KSR": _as_module("KSR", self.ksr), **router_modules()}
        saved = {name: sys.modules.get(name) for name in ours}
        folder = str(self.path.resolve().parent)
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

    def _place(self, error: BaseException) -> str:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).name == self.path.name]
        where = f"{self.path.name}:{own[-1].lineno}: " if own else ""
        return f"{where}{type(error).__name__}: {error}"


class _WithPv:
    """The stand-in with ``KSR.pv`` of the emulated server."""

    def __init__(self, server: LegacyServer, stand_in: StandIn) -> None:
        from onehttp_compat.ksr import KemiPv

        self.pv = KemiPv(server.pv)
        self._stand_in = stand_in

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stand_in, name)


def _as_module(name: str, target: object) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__getattr__ = lambda attribute: getattr(target, attribute)  # type: ignore[method-assign]
    return module
