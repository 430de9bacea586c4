"""A legacy call as its source shows it: the function, and its arguments."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.registry import BOUND, FUNCTIONS, KEMI, MODULES, NATIVE, LegacyFunction
from onehttp_compat.replacements import written
from onehttp_compat.replacements.call_site import Given, given_by

_NATIVE_NAMES = frozenset(function.name for function in FUNCTIONS)
_UNKNOWN = "?"
"""Replaces a value that is known only at run time: not empty, and without special characters."""


@dataclass(frozen=True, slots=True)
class SourceArgument:
    """An argument of a call in the source."""

    code: str
    text: str
    """The text if it is a literal, or else empty."""
    is_plain: bool
    """It is a positional argument, without ``*``."""


@dataclass(frozen=True, slots=True)
class StaticCall:
    """The legacy function of a call, and its arguments."""

    function: LegacyFunction
    is_kemi: bool
    arguments: tuple[SourceArgument, ...]
    """Without the name of the function."""

    @property
    def label(self) -> str:
        """The function's name in scripts."""
        return self.function.label(self.is_kemi)

    @property
    def fault(self) -> str:
        """Why its arguments cannot be separated; empty if they can."""
        if not all(one.is_plain for one in self.arguments):
            return "its arguments are not written one by one"
        expected = len(self.function.arguments)
        if len(self.arguments) != expected:
            return f"takes {expected} arguments, here are {len(self.arguments)}"
        return ""

    def code_of(self, place: int) -> str:
        """The expression of an argument."""
        return self.arguments[place].code

    def given(self) -> dict[str, Given]:
        """The arguments by their names in the registry."""
        call = self.observed()
        return {
            one.name: given_by(*parsed(arg.code), one.kind, call, one.name)
            for one, arg in zip(self.function.arguments, self.arguments, strict=True)
        }

    def observed(self) -> LegacyCall:
        """Return the call as if it had been observed, with the values that the source shows."""
        named = zip(self.function.arguments, self.arguments, strict=True)
        return LegacyCall(
            function=self.function, name=self.label, file="", line=0, url="", code=0,
            result_bytes=None, time_s=0.0, is_kemi=self.is_kemi,
            arguments={one.name: _value(parsed(arg.code)[1]) for one, arg in named},
        )  # fmt: skip

    def replacement(self) -> str:
        """Return the code that replaces the call, in the expressions of the script."""
        return self.function.replacement if self.fault else written(self.observed(), self.given())


def static_call(
    origin: str, arguments: Callable[[], tuple[SourceArgument, ...]], first: str
) -> StaticCall | None:
    """Return the legacy call of a call expression, from the dotted name of its function and the
    text of its first argument."""
    if origin.rpartition(".")[2] == "call_function" or _is_call_by_name(origin):
        return _native(first, arguments()[1:])
    named = function_named(origin)
    return named and function_named(origin, arguments())


def _is_call_by_name(origin: str) -> bool:
    """Whether it is ``onehttp_compat.http_client.call`` or a similar function."""
    return origin in {f"onehttp_compat.{module}.call" for module in MODULES}


def function_named(origin: str, arguments: tuple[SourceArgument, ...] = ()) -> StaticCall | None:
    """Return the legacy function of a dotted name."""
    match origin.split("."):
        case ["KSR", module, name] if (module, name) in KEMI:
            return StaticCall(KEMI[module, name], True, arguments)
        case ["onehttp_compat", module, name] if module in MODULES and name in _NATIVE_NAMES:
            return _native(name, arguments, module)
        case ["onehttp_compat", "xcap_client", name] if name in BOUND:
            return StaticCall(BOUND[name], False, arguments)
    return None


def _native(
    name: str, arguments: tuple[SourceArgument, ...], module: str = ""
) -> StaticCall | None:
    forms = [one for one in FUNCTIONS if one.name == name]
    if not forms:
        return None
    exact = NATIVE.get((name, len(arguments)))
    in_module = [one for one in forms if not module or one.module == module]
    form = exact if exact is not None and exact in (in_module or forms) else in_module[0]
    return StaticCall(form, False, arguments)


@lru_cache(maxsize=512)
def parsed(code: str) -> tuple[str, ast.expr]:
    """Parse an expression to a tree; keep its text."""
    source = f"({code})"  # in parentheses, because it may have several lines
    return source, ast.parse(source, mode="eval").body


def _value(tree: ast.expr) -> str | int:
    if isinstance(tree, ast.Constant) and isinstance(tree.value, str | int):
        return tree.value
    return _UNKNOWN
