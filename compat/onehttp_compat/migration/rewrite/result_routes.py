"""Rewrites routes of answers, which read ``$http_rs`` and similar variables, to functions with a
result as their argument."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import libcst as cst

from onehttp_compat.migration.rewrite.free_names import free_name
from onehttp_compat.migration.rewrite.not_safe import NotSafeError
from onehttp_compat.migration.rewrite.query_places import Node, QueryPlaces
from onehttp_compat.modules.http_async_client.reply import known_time, long_name
from onehttp_compat.replacements.texts import code_of

RESULT: Final = "result"
_ERROR: Final = (
    'None if {result}.ok else "TIMEOUT" if isinstance({result}.error, onehttp.TimeoutError) '
    "else {result}.error.reason"
)
_OF_RESPONSE: Final = {
    "rs": ("status", "{response}.status"),
    "rr": ("reason", "{response}.reason"),
    "rb": ("body", "{response}.body.decode()"),
    "bs": ("size", "len({response}.body)"),
}
"""The name of a local variable, and its value."""
_is_free_form = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class ResultRoute:
    """The new form of a route."""

    function: cst.FunctionDef
    is_method: bool
    reads: Mapping[Node, str]
    """Code that replaces the calls which read variables of an answer."""
    preamble: tuple[str, ...]
    """The first statements of the function."""
    result: str
    """The name of its argument."""


def result_route(places: QueryPlaces, name: str, taken: Collection[str]) -> ResultRoute:
    """Return the new form of the route of that name, with a result as its argument.

    Raises:
        NotSafeError: it cannot be rewritten; the message has the reason.
    """
    found = places.functions.get(name, [])
    if len(found) != 1:
        where = "not a function of this file" if not found else "defined more than once"
        raise NotSafeError(f"its route {name} is {where}")
    (function,) = found
    is_method = function in places.methods
    parameters = list(function.params.params)
    own = parameters[1:] if is_method else parameters
    others = (*function.params.kwonly_params, *function.params.posonly_params)
    if others or function.params.star_kwarg or function.decorators or function.asynchronous or (
        isinstance(function.params.star_arg, cst.Param)
    ) or (is_method and not parameters):  # fmt: skip
        raise NotSafeError(f"its route {name} has other arguments than the server gives")
    words = _Words()
    function.body.visit(words)
    used = [one.name.value for one in own if one.name.value in words.found]
    if used:
        raise NotSafeError(f"its route {name} uses {used[0]}, and a result comes in its place")
    result = free_name(RESULT, taken)
    reading = _VariableReads(result, taken)
    reads: dict[Node, str] = {
        node: reading.code(*read) for node, read in places.reads.items() if node in words.calls
    }
    return ResultRoute(function, is_method, reads, tuple(reading.preamble()), result)


class _Words(cst.CSTVisitor):
    """Collects the names and calls in a body."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.calls: set[Node] = set()

    def visit_Name(self, node: cst.Name) -> None:
        self.found.add(node.value)

    def visit_Call(self, node: cst.Call) -> None:
        self.calls.add(node)


class _VariableReads:
    """The replacement of each variable, and the statements that the replacements need."""

    def __init__(self, result: str, taken: Collection[str]) -> None:
        self._result = result
        self._taken = taken
        self._response = free_name("response", taken)
        self._locals: dict[str, str] = {}

    def preamble(self) -> Iterator[str]:
        if any(f"{self._response}." in value for value in self._locals.values()):
            yield f"{self._response} = {self._result}.response"
        for name, value in self._locals.items():
            yield f"{name} = {value}"

    def code(self, function: str, name: str, argument: str) -> str:
        """Return code for the value of ``KSR.pv.FUNCTION("$http_NAME(ARGUMENT)")``.

        Raises:
            NotSafeError: there is no such code.
        """
        if name == "ok" and not argument:
            return f"int({self._result}.ok)"
        if name == "time" and function == "get":
            response, field = self._response, f"{_time(argument)}_us"
            value = f"{response}.timings.{field} if {response} else 0"
            return self._local(f"{argument}_us", value)
        code = self._value(name, argument)
        if name == "bs" and function != "get":
            raise NotSafeError(f"its route reads $http_{name} as text")
        if function == "gete":
            return f'({code} or "")'
        if function == "getw":
            return f'("<null>" if {code} is None else {code})'
        return code

    def _value(self, name: str, argument: str) -> str:
        response = self._response
        if name in _OF_RESPONSE and not argument:
            known, value = _OF_RESPONSE[name]
            value = value.format(response=response)
            return self._local(known, f"{value} if {response} else None")
        if name == "err" and not argument:
            return self._local("problem", _ERROR.format(result=self._result))
        if name == "xdata" and not argument:
            return f"({self._result}.xdata or None)"
        if name == "hdr" and long_name(argument) == argument.strip().lower() and argument != "*":
            known = _is_free_form.sub("_", argument.strip()).lower()
            values = f"{response}.headers.get_all({code_of(argument.strip())})"
            return self._local(known, f"next(iter({values}), None) if {response} else None")
        raise NotSafeError(f"its route reads $http_{name}, which a result does not have as such")

    def _local(self, name: str, value: str) -> str:
        found = next((known for known, its in self._locals.items() if its == value), "")
        name = found or free_name(name, [*self._taken, *self._locals])
        self._locals[name] = value
        return name


def _time(argument: str) -> str:
    try:
        return known_time(argument)
    except LookupError as error:
        raise NotSafeError(str(error)) from None


def changed_route(
    module: cst.Module, route: ResultRoute, updated: cst.FunctionDef
) -> cst.FunctionDef:
    """Return the function with its new argument and its first statements."""
    kept = list(updated.params.params[:1]) if route.is_method else []
    params = [
        *(one.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
          for one in kept),
        cst.Param(cst.Name(route.result)),
    ]  # fmt: skip
    changed = updated.with_changes(params=updated.params.with_changes(params=params))
    added: list[Any] = [
        cst.parse_statement(text, config=module.config_for_parsing) for text in route.preamble
    ]
    if not added:
        return changed
    body = updated.body
    if isinstance(body, cst.IndentedBlock):
        statements = list(body.body)
        place = 1 if _is_docstring(statements[0]) else 0
        statements[place:place] = added
        return changed.with_changes(body=body.with_changes(body=statements))
    line = cst.SimpleStatementLine(cast(Any, body.body))  # the whole function is on one line
    return changed.with_changes(body=cst.IndentedBlock([*added, line]))


def _is_docstring(statement: Any) -> bool:
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString())]):
            return True
    return False
