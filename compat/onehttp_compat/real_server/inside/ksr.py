"""``KSR`` and ``msg`` for the script: those of the server, except for HTTP and for modules that it
has not loaded."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import KSR as REAL

from .link import link, place, plain, recorded
from .sending import PAST_ALL_ROUTES, RELAYS, SENDERS, relay

HTTP_MODULES = ("http_client", "http_async_client")
HTTP_NATIVE = frozenset(os.environ.get("ONEHTTP_NATIVE", "").split())
HTTP_VARIABLES = ("$http_", "$(http_", "$curlerror", "$httprhdr")
SUSPENDING = (("http_async_client", "query"), ("", "http_async_query"))
MAX_ARGUMENTS = 3
SCRATCH = "$var(onehttp_scratch)"


class RemoteModule:
    """``KSR.<name>`` of the script."""

    def __init__(self, name: str, real: Any) -> None:
        self._name = name
        self._real = real

    def __getattr__(self, name: str) -> Any:
        function = recorded(f"{self._name}.{name}", self._function(name))
        setattr(self, name, function)
        return function

    def _function(self, name: str) -> Callable[..., Any]:
        if self._name in HTTP_MODULES:
            link.ask("known", module=self._name, name=name)
            return lambda *arguments: http_call(self._name, name, arguments)
        if self._name == "tm" and name in RELAYS:
            return relay
        if (self._name, name) in SENDERS and hasattr(self._real, name):
            return SENDERS[self._name, name]
        real = getattr(self._real, name, None)
        if real is None:
            link.ask("known", module=self._name, name=name)
            return assumed_function(self._name, name)
        return pv_function(name, real) if self._name == "pv" else real

    def __dir__(self) -> list[str]:
        return dir(self._real)


class RemoteKsr:
    """``KSR`` of the script."""

    def __getattr__(self, name: str) -> Any:
        real = getattr(REAL, name, None)
        if callable(real):
            found: Any = recorded(name, SENDERS.get(("", name), real))
        elif real is not None or name in HTTP_MODULES:
            found = real if isinstance(real, (int, str)) else RemoteModule(name, real)
        elif name.startswith("__"):
            raise AttributeError(name)
        else:
            found = missing(name)
        setattr(self, name, found)
        return found

    def __dir__(self) -> list[str]:
        return sorted({*dir(REAL), *HTTP_MODULES})


class RemoteMsg:
    """``msg`` of the script."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def call_function(self, *arguments: Any) -> Any:
        """Call a function by its native name."""
        # the limit of app_python, whatever this server accepts
        if not 1 <= len(arguments) <= MAX_ARGUMENTS:
            raise RuntimeError("call_function() should have from 1 to 3 arguments")
        name, given = arguments[0], arguments[1:]
        if name in RELAYS:
            return recorded(f"call_function({name})", relay)(*given)
        if name in PAST_ALL_ROUTES:
            return recorded(f"call_function({name})", assumed_function("", name))(*given)
        if name not in HTTP_NATIVE:
            call = recorded(
                f"call_function({name})", lambda *_: self._real.call_function(*arguments)
            )
            return call(*given)
        kinds = link.ask("native", name=name, count=len(given))["kinds"]
        values = [
            expanded(one) if kind == "text" else one
            for one, kind in zip(given, kinds or [""] * len(given), strict=False)
        ]
        return recorded(f"call_function({name})", lambda *_: http_call("", name, tuple(values)))(
            *given
        )


def missing(name: str) -> Any:
    """Return a function that this server has not loaded. It is assumed, if any server has it."""
    if link.ask("known", module=name, name="")["kind"] == "module":
        return RemoteModule(name, None)
    return recorded(name, assumed_function("", name))


def assumed_function(module: str, name: str) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        file, line = place()
        given = list(map(plain, arguments))
        answer = link.ask("assume", module=module, name=name, arguments=given, file=file, line=line)
        for variable, value in answer["sets"].items():
            set_variable(variable, value)
        return answer["value"]

    return call


def pv_function(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of ``KSR.pv``. Variables of the HTTP modules do not belong to the
    server."""

    def call(*arguments: Any) -> Any:
        variable = arguments[0] if arguments else None
        if isinstance(variable, str) and variable.startswith(HTTP_VARIABLES):
            file, line = place()
            given = list(arguments)
            return link.ask("pv", name=name, arguments=given, file=file, line=line)["value"]
        return real(*arguments)

    return call


def http_call(module: str, name: str, arguments: tuple[Any, ...]) -> Any:
    """Call a function of the HTTP modules. If the transaction waits for it, it is suspended
    here."""
    file, line = place()
    suspended = None
    may_suspend = (module, name) in SUSPENDING and REAL.pv.get("$T(id_index)") is not None
    if may_suspend and link.ask("suspends")["value"]:
        # `t_suspend` gives 1 also for a transaction that was cancelled, and suspends nothing then.
        if REAL.tmx.t_suspend() < 0 or REAL.tm.t_is_canceled() > 0:
            return -1
        suspended = [REAL.pv.get("$T(id_index)"), REAL.pv.get("$T(id_label)")]
    answer = link.ask(
        "call", module=module, name=name, arguments=list(arguments), suspended=suspended,
        file=file, line=line,
    )  # fmt: skip
    if suspended and answer["value"] != 0:
        REAL.tmx.t_continue(*map(signed, suspended), "onehttp_nothing")
    for variable, value in answer["sets"].items():
        set_variable(variable, value)
    return answer["value"]


def set_variable(name: str, value: Any) -> None:
    """Write a variable without changing its bytes."""
    if value is None:
        REAL.pv.unset(name)
    elif isinstance(value, int):
        REAL.pv.seti(name, value)
    else:
        raw = value.encode("utf-8", "surrogateescape")
        try:
            is_text = "\0" not in raw.decode()
        except UnicodeDecodeError:
            is_text = False
        if is_text:
            REAL.pv.sets(name, value)
        else:
            REAL.pv.sets(SCRATCH, raw.hex())
            REAL.pvx.evalx(name, f"$({SCRATCH[1:]}{{s.decode.hexa}})")


def expanded(text: str) -> str:
    """Return text with its variables replaced by the server."""
    if "$" not in text:
        return text
    REAL.pvx.evalx(SCRATCH, text)
    return str(REAL.pv.get(SCRATCH))


def signed(number: int) -> int:
    """Convert an unsigned number of 32 bits to the signed one that ``KSR`` takes."""
    return number - (1 << 32) if number >= 1 << 31 else number
