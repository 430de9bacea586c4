"""What scripts for the older ``app_python`` import and are given: ``Router`` and ``msg``."""

from __future__ import annotations

import logging
import types
from collections.abc import Callable
from typing import Any, Final

from onehttp import OnehttpError
from onehttp_compat.script.message_in_progress import Scene, script_log
from onehttp_compat.server import LegacyServer

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
    "PROC_MAIN": 0,
    "PROC_TIMER": -1,
    "PROC_RPC": -2,
    "PROC_TCP_MAIN": -4,
    "PROC_INIT": -127,
    "PROC_SIPINIT": 1,
    "PROC_SIPRPC": 127,
    "PROC_MIN": -127,
}
_MAX_ARGUMENTS: Final = 2


class ExpiredMessageError(OnehttpError, RuntimeError):
    """A ``msg`` was used after its call."""


class Msg:
    """The ``msg`` of an ``app_python`` method. It dies with the call."""

    def __init__(self, scene: Scene, server: LegacyServer) -> None:
        self._scene: Scene | None = scene
        self._server = server

    @property
    def Type(self) -> str:  # noqa: N802 - the legacy name
        return "SIP_REQUEST" if self._alive else ""

    @property
    def Method(self) -> str:  # noqa: N802
        return self._alive.message.method

    @property
    def RURI(self) -> str:  # noqa: N802
        return self._alive.message.uri

    @property
    def src_address(self) -> tuple[str, int]:
        return self._alive.message.source

    @property
    def dst_address(self) -> tuple[str, int]:
        return self._alive.message.destination

    def getHeader(self, name: str) -> str | None:  # noqa: N802
        """The first header of that name."""
        return self._alive.message.header(name)

    def rewrite_ruri(self, uri: str) -> None:
        """Replace the request URI."""
        self._server.pv.set_message("$ru", uri)
        self._alive.act(f"$ru = {uri}")

    def set_dst_uri(self, uri: str) -> None:
        """Choose where the request goes."""
        self._alive.act(f"destination {uri}")

    def copy(self) -> Msg:
        """The same message again."""
        return Msg(self._alive, self._server)

    def call_function(self, name: str, *arguments: str) -> int:
        """A module function by name, with up to two text arguments.

        Raises:
            RuntimeError: no such function with that many arguments.
        """
        alive = self._alive
        if len(arguments) > _MAX_ARGUMENTS:
            raise RuntimeError("call_function should have from 1 to 3 arguments")
        functions: dict[str, Callable[..., int]] = {
            "append_hf": self._append_header,
            "xlog": self._xlog,
            "sl_send_reply": self._reply,
            "send_reply": self._reply,
            "t_reply": lambda code, reason: alive.reply_in_transaction(
                self._server.pv.expand(f"{code} {reason}")
            ),
            "t_newtran": alive.new_transaction,
            "t_relay": alive.relay,
            "forward": lambda: alive.act("forward"),
            "is_method": lambda methods: 1 if alive.message.method in methods.split("|") else -1,
        }
        if name in functions:
            return functions[name](*arguments)
        try:
            return self._server.call(name, arguments)
        except LookupError as error:
            raise RuntimeError(f"no such function: {error}") from None

    def expire(self) -> None:
        """The call is over."""
        self._scene = None

    @property
    def _alive(self) -> Scene:
        if self._scene is None:
            raise ExpiredMessageError("msg was used after the call it was given to")
        return self._scene

    def _append_header(self, line: str) -> int:
        return self._alive.append_header(self._server.pv.expand(line))

    def _xlog(self, *texts: str) -> int:
        script_log.info("%s", self._server.pv.expand(texts[-1]).rstrip("\n"))
        return 1

    def _reply(self, code: str, reason: str) -> int:
        return self._alive.reply(self._server.pv.expand(f"{code} {reason}"))


def router_modules() -> dict[str, Any]:
    """``Router`` and its submodules, for ``sys.modules``."""
    log = {name: _logger(level) for name, level in _LOG_FUNCTIONS.items()}
    general = {
        "LM_GEN1": lambda level, text: script_log.info("%s", str(text).rstrip("\n")),
        "LM_GEN2": lambda facility, level, text: script_log.info("%s", str(text).rstrip("\n")),
    }
    logger = _module("Router.Logger", {**log, **general, **_LEVELS})
    ranks = _module("Router.Ranks", _RANKS)
    core = _module("Router.Core", {})
    # The oldest scripts take the log functions from Router itself.
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
