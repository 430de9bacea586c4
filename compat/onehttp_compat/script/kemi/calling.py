"""Calls of KEMI functions from Python: which arguments the server accepts, and what it returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from onehttp_compat.pv import ReadOnlyVariableError, RefusedValueError, UnknownVariableError
from onehttp_compat.script.catalogue import Signature
from onehttp_compat.script.world import World
from onehttp_compat.script.world.consequences import FINDS_TARGETS, reply_of

INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1
_NO_KEYWORDS: Final = "takes no keyword arguments"
_LETTERS: Final = {"str": "s", "int": "n"}
NOT_SO_WRITTEN: Final = (UnknownVariableError, ReadOnlyVariableError, RefusedValueError)
"""Errors of arguments that are variables, expressions or values of variables."""
_FAILED: Final[dict[str, int | bool | None]] = {"int": -1, "bool": False, "none": 0, "xval": None}
"""The results of functions of each kind after an error, which the server only logs."""


def emulated(
    world: World, signature: Signature, function: Callable[..., Any]
) -> Callable[..., Any]:
    """An emulated function that fails as in the server: the script gets only the result, and the
    report has the reason."""
    failed = _FAILED[signature.result]

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except NOT_SO_WRITTEN as error:
            world.mistakes.note(str(error))
            return failed

    return call if signature.parameters else function


def assumed(world: World, signature: Signature, given: tuple[Any, ...]) -> Any:
    """Return an assumed answer, after what a function with that answer does: it finds a target, or
    replies, unless a hook has done that."""
    scene = world.scene
    before = scene.replies
    answer = world.assumptions.answer(signature, given)
    if signature.module in FINDS_TARGETS and isinstance(answer, int) and answer > 0:
        scene.routed.has_new_target = True
    label = signature.label.removeprefix("KSR.")
    reply = reply_of(label, scene.message, given, answer)
    if reply and scene.replies == before:
        scene.reply_with(reply)
    return answer


def callable_for(
    world: World, signature: Signature, function: Callable[..., Any]
) -> Callable[..., Any]:
    """The function for scripts, which also notifies the observer of calls; see `checked`."""
    call = checked(world, signature, function)
    follow = world.follow
    if follow is None:
        return call
    label = signature.label.removeprefix("KSR.")

    def followed(*arguments: Any, **keywords: Any) -> Any:
        try:
            result = call(*arguments, **keywords)
        except Exception as error:
            follow(label, arguments, f"raised {type(error).__name__}")
            raise
        follow(label, arguments, result)
        return result

    return followed


def checked(world: World, signature: Signature, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function for scripts, which checks its arguments.

    It raises SystemError for arguments that the server does not accept, as the server does. The
    reason is in ``__cause__``.
    """
    kinds = signature.parameters
    count = len(kinds)
    if count == 0:
        # The server does not check the arguments of such a function.
        def without(*_arguments: Any, **keywords: Any) -> Any:
            if keywords:
                raise TypeError(f"{signature.name}() {_NO_KEYWORDS}")
            return function()

        return without

    def call(*arguments: Any, **keywords: Any) -> Any:
        if keywords:
            raise TypeError(f"{signature.name}() {_NO_KEYWORDS}")
        if len(arguments) != count:
            raise _refused(world, signature, arguments, _miscounted(kinds, arguments))
        for kind, value in zip(kinds, arguments, strict=True):
            # The common case needs only two tests; all others are checked in detail.
            if kind == "str":
                if type(value) is not str or "\0" in value or not _is_utf8(value):
                    _check(world, signature, arguments)
            elif type(value) is not int or not INT_MIN <= value <= INT_MAX:
                _check(world, signature, arguments)
                arguments = tuple(map(_crossed, arguments))
        return function(*arguments)

    return call


def _crossed(value: Any) -> Any:
    """The number that the server gets of an object that counts as one, such as True."""
    return value if isinstance(value, str) else value.__index__()


def _is_utf8(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _check(world: World, signature: Signature, arguments: tuple[Any, ...]) -> None:
    """Raise an error if the server would."""
    name = "kemi-param-" + "".join(_LETTERS[kind] for kind in signature.parameters)
    for number, (kind, value) in enumerate(zip(signature.parameters, arguments, strict=True), 1):
        error: Exception | None = None
        if kind == "int":
            if not hasattr(value, "__index__"):
                shown = type(value).__name__
                error = TypeError(f"{shown!r} object cannot be interpreted as an integer")
            elif not INT_MIN <= value.__index__() <= INT_MAX:
                error = OverflowError("the number does not fit 32 bits")
        elif not isinstance(value, str):
            shown = "None" if value is None else type(value).__name__
            error = TypeError(f"{name}() argument {number} must be str, not {shown}")
        elif "\0" in value:
            error = ValueError("embedded null character")
        elif not _is_utf8(value):
            try:
                value.encode()
            except UnicodeEncodeError as refused:
                error = refused
        if error is not None:
            raise _refused(world, signature, arguments, error)


def _miscounted(kinds: tuple[str, ...], arguments: tuple[Any, ...]) -> TypeError:
    letters = "".join(_LETTERS[kind] for kind in kinds)
    plural = "" if len(kinds) == 1 else "s"
    return TypeError(
        f"kemi-param-{letters}() takes exactly {len(kinds)} argument{plural} "
        f"({len(arguments)} given)"
    )


def _refused(
    world: World, signature: Signature, arguments: tuple[Any, ...], cause: Exception
) -> SystemError:
    kinds = ", ".join(signature.parameters)
    world.mistakes.note(f"{signature.label}({kinds}) does not take {shown(arguments)}: {cause}")
    error = SystemError(
        f"<built-in function {signature.name}> returned a result with an exception set"
    )
    error.__cause__ = cause
    return error


def shown(arguments: tuple[Any, ...]) -> str:
    """Return arguments as text for messages, shortened to a limit."""
    text = ", ".join(map(repr, arguments))
    return f"({text if len(text) <= 60 else text[:57] + '...'})"
