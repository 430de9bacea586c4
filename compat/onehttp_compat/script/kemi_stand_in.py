"""A stand-in for the ``KSR`` functions that routing scripts use beside the HTTP modules.

It keeps to what a script can see: return values, variables, and what was replied and logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from onehttp import OnehttpError
from onehttp_compat.pv import NULL_TEXT
from onehttp_compat.script.message_in_progress import Scene, current, script_log
from onehttp_compat.server import LegacyServer
from onehttp_compat.sip.message import SipMessage

_LEVELS: Final = {
    "dbg": logging.DEBUG,
    "info": logging.INFO,
    "notice": logging.INFO,
    "warn": logging.WARNING,
    "err": logging.ERROR,
    "crit": logging.CRITICAL,
}


class ScriptExit(BaseException):
    """The script has ended its work on this message."""


class NoMessageError(OnehttpError, RuntimeError):
    """A function was called, in ``mod_init`` say, that needs a message."""


class UnknownFunctionError(OnehttpError, AttributeError):
    """The script calls a ``KSR`` function that is not emulated here."""


class StandIn:
    """The parts of ``KSR`` that are not HTTP, for whatever message the calling thread works on."""

    def __init__(self, server: LegacyServer) -> None:
        self._server = server
        log = {level: _logger(number, lambda text: text) for level, number in _LEVELS.items()}
        self._names: dict[str, Any] = {
            **log,
            "log": lambda level, text: log.get(level, log["info"])(text),
            "is_method": lambda methods: self._message.method in methods.split("|"),
            "is_method_in": self._is_method_in,
            "is_INVITE": lambda: self._message.method == "INVITE",
            "is_ACK": lambda: self._message.method == "ACK",
            "is_BYE": lambda: self._message.method == "BYE",
            "is_CANCEL": lambda: self._message.method == "CANCEL",
            "is_REGISTER": lambda: self._message.method == "REGISTER",
            "is_OPTIONS": lambda: self._message.method == "OPTIONS",
            "forward": lambda: self._act("forward"),
            "drop": self._exit,
            "setuser": lambda user: self._set_uri("$rU", user),
            "sethost": lambda host: self._set_uri("$rd", host),
            "seturi": lambda uri: self._set_uri("$ru", uri),
            "setdsturi": lambda uri: self._act(f"destination {uri}"),
        }
        xlog = {f"x{level}": _logger(number, server.pv.expand) for level, number in _LEVELS.items()}
        reply = dict.fromkeys(("send_reply", "sl_send_reply"), self._reply)
        self._modules: dict[str, dict[str, Callable[..., Any]]] = {
            "sl": {**reply, "sl_reply_error": lambda: self._reply(500, "Server Internal Error")},
            "tm": {
                "t_reply": lambda code, reason: self._scene.reply_in_transaction(
                    f"{code} {reason}"
                ),
                "t_relay": lambda: self._scene.relay(),
                "t_newtran": lambda: self._scene.new_transaction(),
                "t_check_trans": lambda: 1,
                "t_on_failure": lambda name: self._set_route("failure", name),
                "t_on_reply": lambda name: self._set_route("onreply", name),
                "t_on_branch": lambda name: self._set_route("branch", name),
                "t_is_set": lambda kind: 1 if kind in self._scene.progress.routes_set else -1,
            },
            "hdr": {
                "append": self._append_header,
                "append_to_reply": self._append_header,
                "remove": lambda name: self._act(f"remove header {name}"),
                "is_present": lambda name: 1 if self._message.header(name) is not None else -1,
                "get": lambda name: self._message.header(name),
            },
            "x": {"exit": self._exit, "drop": self._exit, "modf": self._no_function},
            "xlog": xlog,
            "maxfwd": {"process_maxfwd": lambda limit: 1},
            "sanity": {"sanity_check": lambda message, uri: 1},
            "textops": {"remove_hf": lambda name: self._act(f"remove header {name}")},
            "rr": {"record_route": lambda: self._act("record-route"), "loose_route": lambda: -1},
            "siputils": {"has_totag": lambda: 1 if "tag=" in self._header_text("to") else -1},
            "pvx": {"evalx": self._evaluate},
        }

    def __getattr__(self, name: str) -> Any:
        if name in self._names:
            return self._names[name]
        if name in self._modules:
            return _Module(name, self._modules[name])
        raise UnknownFunctionError(f"KSR.{name} is not emulated outside the server")

    @property
    def _scene(self) -> Scene:
        scene = current()
        if scene is None:
            raise NoMessageError("a function for messages was called where there is none")
        return scene

    @property
    def _message(self) -> SipMessage:
        return self._scene.message

    def _header_text(self, name: str) -> str:
        return self._message.header(name) or ""

    def _is_method_in(self, letters: str) -> bool:
        known = {"I": "INVITE", "A": "ACK", "B": "BYE", "C": "CANCEL", "R": "REGISTER",
                 "O": "OPTIONS", "S": "SUBSCRIBE", "P": "PUBLISH", "N": "NOTIFY", "M": "MESSAGE",
                 "U": "UPDATE", "K": "PRACK", "F": "INFO", "E": "REFER"}  # fmt: skip
        return self._message.method in {known.get(letter) for letter in letters}

    def _reply(self, code: int | str, reason: str) -> int:
        return self._scene.reply(f"{code} {reason}")

    def _act(self, what: str) -> int:
        return self._scene.act(what)

    def _set_route(self, kind: str, name: str) -> int:
        self._scene.progress.routes_set.add(f"{kind}_route")
        return self._act(f"{kind} route {name}")

    def _append_header(self, line: str) -> int:
        return self._scene.append_header(line)

    def _set_uri(self, variable: str, value: str) -> int:
        self._server.pv.set_message(variable, value)
        return self._act(f"{variable} = {value}")

    def _evaluate(self, target: str, text: str) -> int:
        self._server.pv.set(target, self._server.pv.expand(text))
        return 1

    def _exit(self) -> None:
        raise ScriptExit

    def _no_function(self, *_: object) -> None:
        raise UnknownFunctionError("KSR.x.modf is not emulated: it crashes the real server")


class _Module:
    """``KSR.<module>`` of the stand-in."""

    def __init__(self, name: str, functions: dict[str, Callable[..., Any]]) -> None:
        self._name = name
        self._functions = functions

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            return self._functions[name]
        except KeyError:
            raise UnknownFunctionError(
                f"KSR.{self._name}.{name} is not emulated outside the server"
            ) from None


def _logger(level: int, shown: Callable[[str], str]) -> Callable[[str], int]:
    def log(text: str) -> int:
        script_log.log(level, "%s", shown(text).rstrip("\n").replace("\0", NULL_TEXT))
        return 1

    return log
