"""The modules and objects of the older ``app_python``: ``Router`` and ``msg``."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable, Iterable
from typing import Any, Final

from onehttp import OnehttpError
from onehttp_compat.pv import (
    ReadOnlyVariableError,
    RefusedValueError,
    UnknownVariableError,
    as_bytes,
)
from onehttp_compat.script.kemi.native import native_function, why_none
from onehttp_compat.script.message_in_progress import Scene, script_log
from onehttp_compat.script.world import World
from onehttp_compat.server import NoSuchFunctionError

_LOG_FUNCTIONS: Final = {
    "LM_ALERT": logging.CRITICAL,
    "LM_CRIT": logging.CRITICAL,
    "LM_ERR": logging.ERROR,
    "LM_WARN": logging.WARNING,
    "LM_NOTICE": logging.INFO,
    "LM_INFO": logging.INFO,
    "LM_DBG": logging.DEBUG,
}
_LEVELS: Final = {
    "L_ALERT": -5, "L_BUG": -4, "L_CRIT2": -3, "L_CRIT": -2, "L_ERR": -1, "L_WARN": 0,
    "L_NOTICE": 1, "L_INFO": 2, "L_DBG": 3,
}  # fmt: skip
_RANKS: Final = {
    "PROC_MAIN": 0, "PROC_TIMER": -1, "PROC_RPC": -2, "PROC_FIFO": -2, "PROC_TCP_MAIN": -4,
    "PROC_UNIXSOCK": -5, "PROC_ATTENDANT": -10, "PROC_INIT": -127, "PROC_NOCHLDINIT": -128,
    "PROC_SIPINIT": 1, "PROC_SIPRPC": 127, "PROC_MIN": -128,
}  # fmt: skip
_MAX_ARGUMENTS: Final = 2


class ExpiredMessageError(OnehttpError, RuntimeError):
    """A ``msg`` was used after its call had ended."""


class Msg:
    """The ``msg`` that routes get as an argument. It can be used only until the call ends."""

    __slots__ = ("_scene", "_world")

    def __init__(self, scene: Scene, world: World) -> None:
        self._scene: Scene | None = scene
        self._world = world

    @property
    def Type(self) -> str:
        return "SIP_REQUEST" if self._alive.message.is_request else "SIP_REPLY"

    @property
    def Method(self) -> str:
        if not self._alive.message.is_request:
            raise RuntimeError("Not a request message - no method available.")
        return self._alive.message.method

    @property
    def RURI(self) -> str:
        if not self._alive.message.is_request:
            raise RuntimeError("Not a request message - RURI is not available.")
        return self._alive.routed.uri

    @property
    def Status(self) -> str:
        if self._alive.message.is_request:
            raise RuntimeError("Not a non-reply message - no status available.")
        return self._alive.message.reason

    @property
    def src_address(self) -> tuple[str, int]:
        return self._alive.message.source

    @property
    def dst_address(self) -> tuple[str, int]:
        return self._alive.message.destination

    def getHeader(self, name: str) -> str | None:
        """Return the first header with exactly this name. The compact form counts as another
        name. Text that is not UTF-8 raises UnicodeDecodeError."""
        wanted = name.lower()
        headers = self._alive.message.headers
        found = next((text for known, text in headers if known.lower() == wanted), None)
        return found if found is None else as_bytes(found).decode()

    def rewrite_ruri(self, uri: str) -> None:
        """Replace the request URI."""
        self._alive.routed.set_uri(uri)
        self._alive.act(f"$ru = {uri}")

    def set_dst_uri(self, uri: str) -> None:
        """Set the destination that the request is sent to."""
        self._alive.routed.dst_uri = uri
        self._alive.act(f"destination {uri}")

    def copy(self) -> Msg:
        """Return a copy of the object for the same message."""
        return Msg(self._alive, self._world)

    def call_function(self, *arguments: str) -> int:
        """Call a module function by name, with up to two text arguments.

        Raises:
            RuntimeError: there is no such function with that many arguments, or an argument is
                refused.
            TypeError: an argument is not text.
        """
        alive = self._alive
        if not 1 <= len(arguments) <= _MAX_ARGUMENTS + 1:
            raise RuntimeError("call_function() should have from 1 to 3 arguments")
        for number, value in enumerate(arguments, 1):
            if not isinstance(value, str):
                raise TypeError(
                    f"call_function() argument {number} must be str, not {type(value).__name__}"
                )
        del alive
        name, *given = arguments
        follow, label = self._world.follow, f"call_function({name})"
        try:
            code = self._call(name, given)
        except RuntimeError:
            if follow is not None:
                follow(label, tuple(given), "raised RuntimeError")
            raise
        if follow is not None:
            follow(label, tuple(given), code)
        return code

    def _call(self, name: str, given: list[str]) -> int:
        function = native_function(self._world, name, len(given))
        if function is not None:
            return self._expanded(function, given)
        try:
            return self._world.server.call(name, given)
        except NoSuchFunctionError:
            why = why_none(name, len(given))
            self._world.mistakes.note(why)
            raise RuntimeError(f"no such function: {why}") from None

    def expire(self) -> None:
        """End the call: the object cannot be used any more."""
        self._scene = None

    @property
    def _alive(self) -> Scene:
        if self._scene is None:
            raise ExpiredMessageError("msg was used after the call it was given to")
        return self._scene

    def _expanded(self, function: Callable[..., int], given: Iterable[str]) -> int:
        try:
            return function(*given)
        except (UnknownVariableError, ReadOnlyVariableError, RefusedValueError) as error:
            self._world.mistakes.note(str(error))
            raise RuntimeError(f"Error in fixup (1): {error}") from None


def router_modules() -> dict[str, types.ModuleType]:
    """Return ``Router`` and its submodules, for ``sys.modules``."""
    log = {name: _logger(level) for name, level in _LOG_FUNCTIONS.items()}
    general = {
        "LM_GEN1": lambda level, text: script_log.info("%s", str(text).rstrip("\n")),
        "LM_GEN2": lambda facility, level, text: script_log.info("%s", str(text).rstrip("\n")),
        "DEFAULT_FACILITY": 0,
    }
    logger = _module("Router.Logger", {**log, **general, **_LEVELS})
    ranks = _module("Router.Ranks", _RANKS)
    core = _module("Router.Core", {})
    # The oldest scripts import the log functions from Router itself.
    names = {**log, **general, **_LEVELS, "Logger": logger, "Ranks": ranks, "Core": core}
    return {
        "Router": _module("Router", names),
        "Router.Logger": logger,
        "Router.Ranks": ranks,
        "Router.Core": core,
    }


def _logger(level: int) -> Any:
    return lambda text: script_log.log(level, "%s", str(text).rstrip("\n"))


def _module(name: str, names: dict[str, Any]) -> types.ModuleType:
    module = types.ModuleType(name)
    module.__dict__.update(names)
    return module
