"""From the arguments of a script to the method of a module: check, evaluate, warn, observe."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.calls.warning import calling_end, calling_place
from onehttp_compat.modules.ready_call import KeptCalls
from onehttp_compat.process import LegacyProcess
from onehttp_compat.pv import (
    NULL_TEXT,
    ReadOnlyVariableError,
    UnknownVariableError,
    Value,
    Variable,
)
from onehttp_compat.registry import Argument, Kind, LegacyFunction

_log = logging.getLogger("onehttp_compat")

Function: TypeAlias = Callable[..., int]
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def kemi_function(
    server: LegacyProcess,
    form: LegacyFunction,
    method: Callable[..., int],
    kept: KeptCalls | None = None,
) -> Function:
    """Return the function ``KSR.<module>.<function>``. It takes every argument literally.

    Args:
        kept: the calls that need no check any more.

    The function raises TypeError if there are too few or too many arguments or one is not text, and
    ValueError if one contains a NUL.
    """
    names = tuple(argument.name for argument in form.arguments)
    result_at = names.index("result") if "result" in names else -1
    writable, known = server.pv.writable, server.pv.known_writable
    observers, note, seen = server.observers, server.warnings.note, server.warnings.seen
    recorded = server.warnings.recorded
    known_calls = {} if kept is None else kept.by_arguments

    def call(*arguments: str) -> int:
        if not server.has_started:
            _check(form, arguments)
            server.start()  # empties `known_calls`
        try:
            again = known_calls.get(arguments)
        except TypeError:  # not even a text
            again = None
        if again is None:
            _check(form, arguments)
        frame = sys._getframe(1)
        key = (id(frame.f_code), frame.f_lasti)
        site = seen.get(key)
        if site is not None:
            site.calls += 1
        else:
            place = recorded.get(key)
            if place is not None:
                place[0]()
            else:
                note(form, True, lambda: _expected(server, form, names, arguments, is_kemi=True))
        if again is not None and not observers:
            return again()
        values: dict[str, Any] = dict(zip(names, arguments, strict=True))
        if result_at >= 0:
            text = arguments[result_at]
            try:
                values["result"] = known.get(text) or writable(text)
            except (UnknownVariableError, ReadOnlyVariableError) as error:
                return _unusable(server, form, values, error, is_kemi=True)
        if observers:
            return _observed(server, form, method, values, is_kemi=True)
        if kept is not None:
            return kept.make(arguments, values)
        return method(is_kemi=True, **values)

    return call


def native_function(
    server: LegacyProcess,
    form: LegacyFunction,
    method: Callable[..., int],
    kept: KeptCalls | None = None,
) -> Function:
    """Return a function for calls from native scripts. It replaces pseudo-variables in its
    arguments.

    Args:
        kept: the calls that need no check any more.
    """
    names = tuple(argument.name for argument in form.arguments)
    observers, note = server.observers, server.warnings.note
    known_calls = {} if kept is None else kept.by_arguments

    def call(*arguments: object) -> int:
        if not server.has_started:
            server.start()  # empties `known_calls`
        note(form, False, lambda: _expected(server, form, names, arguments, is_kemi=False))
        try:
            again = None if observers else known_calls.get(arguments)
        except TypeError:  # not even a text
            again = None
        server.return_code = code = evaluate_and_make(arguments) if again is None else again()
        return code

    def evaluate_and_make(arguments: tuple[object, ...]) -> int:
        values: dict[str, Any] = {}
        written: dict[str, str] = {}
        try:
            for argument, given in zip(form.arguments, arguments, strict=True):
                values[argument.name] = _evaluated(server, form, argument, given, written)
        except (UnknownVariableError, ReadOnlyVariableError, TypeError) as error:
            shown = {name: str(one) for name, one in zip(names, arguments, strict=True)}
            return _unusable(server, form, {**shown, **values}, error, is_kemi=False)
        if observers:
            return _observed(server, form, method, values, is_kemi=False, written=written)
        if kept is None:
            return method(is_kemi=False, **values)
        # With a variable in them the arguments do not tell the call; the values, of which the
        # result is no text any more, are not taken for arguments.
        key = tuple(values.values()) if written else arguments
        again = known_calls.get(key)
        return kept.make(key, values) if again is None else again()

    return call


def _evaluated(
    server: LegacyProcess,
    form: LegacyFunction,
    argument: Argument,
    given: object,
    written: dict[str, str],
) -> Any:
    """The value of an argument of a native script, which goes into ``written`` if it has to be
    evaluated.

    Raises:
        TypeError: it is of another type.
        UnknownVariableError: it contains what is no variable.
        ReadOnlyVariableError: it is the result, and cannot be written.
    """
    name, kind = argument.name, argument.kind
    if kind is Kind.NUMBER:
        return _number(server, given)
    if not isinstance(given, str):
        raise TypeError(f"{name}: expected text, got {type(given).__name__}")
    if kind is Kind.RESULT:
        return server.pv.writable(given)
    text = given
    if kind is Kind.TEXT and "$" in given:
        text = server.pv.expand(given)
        written[name] = given
        if text == NULL_TEXT and name == "body":
            _warn_of_null(server, form, given)
    return _cut(server, name, text) if "\0" in text else text


def _expected(
    server: LegacyProcess,
    form: LegacyFunction,
    names: Sequence[str],
    arguments: Sequence[object],
    is_kemi: bool,
) -> LegacyCall:
    """A call that is about to be made, with the arguments as the script wrote them."""
    settings = server.settings_of_next_query()
    given = {name: one if isinstance(one, int) else str(one)
             for name, one in zip(names, arguments, strict=True)}  # fmt: skip
    file, line = calling_place()
    return LegacyCall(
        function=form,
        name=form.label(is_kemi),
        file=file,
        line=line,
        end=calling_end(),
        url=str(given.get("url", "")),
        code=0 if getattr(settings, "is_suspending", True) else 1,
        result_bytes=None,
        time_s=0.0,
        is_kemi=is_kemi,
        arguments=given,
        written={name: one for name, one in given.items() if isinstance(one, str) and "$" in one},
        settings=settings,
    )


def _warn_of_null(server: LegacyProcess, form: LegacyFunction, given: str) -> None:
    # The server's core turns a null variable into this text, and the module sends it (B49).
    if not server.has_warned_of_null:
        server.has_warned_of_null = True
        _log.warning("%s: %s is null; the text %s is sent", form.name, given, NULL_TEXT)


def _check(form: LegacyFunction, arguments: tuple[str, ...]) -> None:
    """Check the arguments of a KEMI function.

    Raises:
        TypeError: there are too few or too many, or one is not text.
        ValueError: one contains a NUL.
    """
    if len(arguments) != len(form.arguments):
        given = len(arguments)
        raise TypeError(f"{form.label(True)} takes {len(form.arguments)} arguments, got {given}")
    try:
        if "\0" not in "".join(arguments):
            return
    except TypeError:
        pass  # the loop names the argument
    for argument, value in zip(form.arguments, arguments, strict=True):
        where = f"{form.label(True)}: {argument.name}"
        if not isinstance(value, str):
            raise TypeError(f"{where}: expected text, got {type(value).__name__}")
        if "\0" in value:
            raise ValueError(f"{where}: contains a NUL")


def _unusable(
    server: LegacyProcess,
    form: LegacyFunction,
    values: dict[str, Any],
    error: Exception,
    is_kemi: bool,
) -> int:
    _log.error("%s: %s; nothing was sent", form.label(is_kemi), error)
    if server.observers:
        _tell(server, form, values, -1, is_kemi=is_kemi, refusal=str(error))
    return -1


def _cut(server: LegacyProcess, name: str, text: str) -> str:
    # The real modules take URLs and headers as C strings (B37), and engines refuse a NUL.
    return text.partition("\0")[0] if name != "body" and server.is_faithful else text


def _number(server: LegacyProcess, given: object) -> int:
    value: object = server.pv.get(given) if isinstance(given, str) and "$" in given else given
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str) and value.lstrip("+-").isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected a number, got {type(given).__name__}")
    return value


def _observed(
    server: LegacyProcess,
    form: LegacyFunction,
    method: Callable[..., int],
    values: dict[str, Any],
    *,
    is_kemi: bool,
    written: Mapping[str, str] = _NONE,
) -> int:
    settings = server.settings_of_next_query()
    started = time.perf_counter()
    code = method(is_kemi=is_kemi, **values)
    time_s = time.perf_counter() - started
    _tell(
        server, form, values, code, is_kemi=is_kemi, time_s=time_s, settings=settings,
        written=written,
    )  # fmt: skip
    return code


def _tell(
    server: LegacyProcess,
    form: LegacyFunction,
    values: dict[str, Any],
    code: int,
    *,
    is_kemi: bool,
    time_s: float = 0.0,
    settings: object = None,
    refusal: str = "",
    written: Mapping[str, str] = _NONE,
) -> None:
    """Notify the observers of a call."""
    file, line = calling_place()
    result = values.get("result")
    record = LegacyCall(
        function=form,
        name=form.label(is_kemi),
        file=file,
        line=line,
        end=calling_end(),
        url=values.get("url") or f"{values.get('connection', '')} {values.get('path', '')}",
        code=code,
        result_bytes=_size(server.pv.read(result)) if isinstance(result, Variable) else None,
        time_s=time_s,
        is_kemi=is_kemi,
        arguments={
            name: str(value) if isinstance(value, Variable) else value
            for name, value in values.items()
        },
        refusal=refusal,
        settings=settings,
        written=written,
    )
    for observer in server.observers:
        observer(record)


def _size(value: Value) -> int:
    return 0 if value is None else len(value if isinstance(value, bytes) else str(value))
