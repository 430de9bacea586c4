"""The object whose methods the server calls: those of the script, with reports about them."""

from __future__ import annotations

import os
import sys
import traceback
import types
from collections.abc import Callable
from typing import Any

import KSR as REAL

from .ksr import RemoteKsr, RemoteMsg, expanded, signed
from .link import calls, link
from .message_method import MethodUnclearError, message_method, takes_text
from .sending import LOCAL_REQUEST, USERS_LOCAL_REQUEST, hold_message, hold_request

SCRIPT = os.environ["ONEHTTP_SCRIPT"]
METHOD = os.environ.get("ONEHTTP_METHOD", "")
ARGUMENT = os.environ.get("ONEHTTP_ARGUMENT")
EVENT = "http_async_client:callback"
KEMI_ROUTE = "ksr_request_route"
# Up to Kamailio 5.7 the server fails if a callback is missing.
ALWAYS_THERE = frozenset(("ksr_reply_route", "onehttp_nothing"))


class Handler:
    """The script as the server sees it."""

    def __init__(self, user: Any, is_plain: bool) -> None:
        self._user = user
        self._is_plain = is_plain
        self._method = METHOD or ("" if hasattr(user, KEMI_ROUTE) else message_method(user))

    def child_init(self, rank: int) -> Any:
        start = getattr(self._user, "child_init", None)
        return 0 if start is None else start(rank)

    def ksr_request_route(self, msg: Any) -> Any:
        order = REAL.pv.get("$rU")
        if order == "onehttp-probe":
            REAL.sl.send_reply(200, "here")
            return 1
        if order == "onehttp-resume":
            return self._resume(msg)
        REAL.force_rport()
        calls.is_on = True
        link.ask("begin")
        if self._method:
            route = getattr(self._user, self._method)
            given = [] if ARGUMENT is None else [expanded(ARGUMENT)]
            if not given and takes_text(route):
                link.ask("hint", about="no text", what=self._method, kind="")
                given = [""]
            return self._guarded(self._method, lambda: route(RemoteMsg(msg), *given))
        return self._guarded(KEMI_ROUTE, lambda: self._run(KEMI_ROUTE, msg))

    def ksr_onsend_route(self, msg: Any) -> Any:
        if not hasattr(self._user, "ksr_onsend_route"):
            code = 1
        else:
            code = self._guarded("ksr_onsend_route", lambda: self._run("ksr_onsend_route", msg))
        hold_message()
        return code

    def _local_request(self, msg: Any, event: str) -> Any:
        own = USERS_LOCAL_REQUEST
        if own and hasattr(self._user, own):
            self._guarded(own, lambda: self._run(own, msg, event))
        hold_request()
        return 1

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name.startswith("onehttp_answer_"):
            number = name.rpartition("_")[2]
            return lambda msg, *_: self._answer(number, msg)
        if name == LOCAL_REQUEST:
            return self._local_request
        if hasattr(self._user, name):
            return lambda msg, *given: self._guarded(name, lambda: self._run(name, msg, *given))
        if name in ALWAYS_THERE:
            return lambda *_: 1
        raise AttributeError(name)

    def _resume(self, msg: Any) -> int:
        """The answer of a query has arrived: resume its transaction, or run its route alone."""
        number = REAL.hdr.get("X-Onehttp")
        suspended = link.ask("resumed", number=number)["suspended"]
        REAL.sl.send_reply(202, "resuming")
        try:
            if suspended:
                REAL.tmx.t_continue(*map(signed, suspended), "onehttp_answer_" + number)
            else:
                self._answer(number, msg, EVENT)
        finally:
            link.ask("ran", number=number)
        return 1

    def _answer(self, number: str, msg: Any, *event: str) -> int:
        route = link.ask("answering", number=number)["route"]
        calls.is_on = True
        self._guarded(route, lambda: self._run(route, msg, *event))
        return 1

    def _run(self, name: str, msg: Any, *given: Any) -> Any:
        function = getattr(self._user, name)
        return function(*given) if self._is_plain else function(RemoteMsg(msg), *given)

    def _guarded(self, what: str, work: Callable[[], Any]) -> Any:
        error = ""
        calls.routes.append(what)
        try:
            code = work()
            if not isinstance(code, int):  # otherwise the server's next call would fail
                link.ask("hint", about="no number", what=what, kind=type(code).__name__)
                return 1
            return code
        except SystemExit:
            return 1
        except Exception as raised:  # noqa: BLE001 - told where the report is written
            error = described(raised)
            return -1
        finally:
            calls.routes.pop()
            link.ask("end", what=what, error=error, calls=calls.take())


def described(error: BaseException) -> str:
    """Return the error of the script, and its line."""
    folder = os.path.dirname(SCRIPT)
    frames = [one for one in traceback.extract_tb(error.__traceback__)
              if os.path.dirname(one.filename) == folder]  # fmt: skip
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}: " if frames else ""
    cause = error.__cause__ if isinstance(error, SystemError) else None
    return f"{where}{type(error).__name__}: {error}" + (f" ({cause})" if cause else "")


def mod_init() -> Handler:
    """The server calls this first."""
    sys.stdout = open(os.environ["ONEHTTP_PRINTS"], "a", buffering=1)  # noqa: SIM115 - to the end
    ksr: Any = RemoteKsr()
    sys.modules["KSR"] = ksr
    sys.path.insert(0, os.path.dirname(SCRIPT))
    module = types.ModuleType(os.path.basename(SCRIPT).rpartition(".")[0])
    sys.modules[module.__name__] = module  # as the server's own import does
    names = vars(module)
    names.update(__file__=SCRIPT, KSR=ksr)
    try:
        with open(SCRIPT, "rb") as file:
            exec(compile(file.read(), SCRIPT, "exec"), names)
        if "mod_init" not in names:
            return Handler(types.SimpleNamespace(**names), True)
        return Handler(names["mod_init"](), False)
    except BaseException as error:
        is_plain = isinstance(error, MethodUnclearError)
        link.ask("does_not_start", error=str(error) if is_plain else described(error))
        raise
