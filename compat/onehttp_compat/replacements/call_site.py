"""Finds the expressions that a script passes to a legacy function."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.pseudo_variables.syntax import Expression, UnknownVariableError, parse_text
from onehttp_compat.registry import Kind
from onehttp_compat.replacements.texts import (
    Code,
    Piece,
    code_for,
    code_of,
    pieces_of,
    with_variables,
)

MAX_SOURCE_BYTES: Final = 4 << 20
_CALL_BY_NAME: Final = ("call", "call_function")
"""Functions whose first argument is the name of the function to call."""
_setting = re.compile(r"\$http_req\((\w+)\)").fullmatch


@dataclass(frozen=True, slots=True)
class Given:
    """An argument of a call."""

    code: str
    """A Python expression."""
    literal: str | int | None = None
    """Its value if the expression is a literal, or else None."""
    seen: str | int = ""
    """The value that was observed."""
    pieces: tuple[Piece, ...] = ()
    """The parts of the expression, if the source shows them."""
    before: str = ""
    """A statement that has to precede the expression."""

    @property
    def is_left_out(self) -> bool:
        """It is an empty text, which legacy functions treat as missing."""
        return self.seen == ""


def of_value(value: str | int) -> Given:
    """Return an argument of which only the value is known."""
    return Given(code_of(value), value, value)


@dataclass(frozen=True, slots=True)
class _CallSource:
    text: str
    calls: list[ast.Call]
    functions: list[ast.FunctionDef | ast.AsyncFunctionDef]


class CallSites:
    """The sources of scripts, each parsed once."""

    def __init__(self) -> None:
        self._files: dict[str, _CallSource | None] = {}

    def set_before(self, call: LegacyCall) -> list[tuple[str, Given]]:
        """The settings of ``$http_req(key)`` that the calling function has made before, in
        order."""
        source = self._source(call.file)
        if source is None:
            return []
        around = [node for node in source.functions
                  if node.lineno <= call.line <= (node.end_lineno or node.lineno)]  # fmt: skip
        first = max((node.lineno for node in around), default=1)
        found = []
        for node in source.calls:
            key = _key_set(node) if first <= node.lineno < call.line else None
            if key is not None:
                pieces = pieces_of(node.args[1], source.text)
                found.append((key, Given(code_for(pieces), pieces=pieces)))
        return found

    def arguments(self, call: LegacyCall) -> dict[str, Given]:
        """The arguments by their names in the registry."""
        names = [argument.name for argument in call.function.arguments]
        values = {name: of_value(value) for name, value in call.arguments.items()}
        nodes = self._arguments_at(call)
        if nodes is None or len(nodes) != len(names):
            return values
        source = self._source(call.file)
        assert source is not None
        kinds = [argument.kind for argument in call.function.arguments]
        return {
            name: given_by(source.text, node, kind, call, name)
            for name, node, kind in zip(names, nodes, kinds, strict=True)
        }

    def knows(self, call: LegacyCall) -> bool:
        """Whether the source shows the expressions of the call."""
        nodes = self._arguments_at(call)
        return nodes is not None and len(nodes) == len(call.function.arguments)

    def _arguments_at(self, call: LegacyCall) -> list[ast.expr] | None:
        """Return the expressions. None if the line does not show which call it is."""
        source = self._source(call.file)
        if source is None:
            return None
        here = [node for node in source.calls
                if node.lineno <= call.line <= (node.end_lineno or node.lineno)]  # fmt: skip
        if call.end is not None:
            here = [node for node in here if (node.end_lineno, node.end_col_offset) == call.end]
        found = [node for node in here if _is_call_of(node, call)]
        if not found:
            found = [node for node in here if _may_be_call_of(node, call, source.text)]
        return _arguments_of(found[0], call) if len(found) == 1 else None

    def _source(self, file: str) -> _CallSource | None:
        if file not in self._files:
            try:
                self._files[file] = _parsed(Path(file))
            except SystemError:
                # Threads of CPython 3.11 that parse at the same time share the counter of the tree
                # depth (gh-106905). Use the values of this call; the next call parses again.
                return None
        return self._files[file]


def _parsed(path: Path) -> _CallSource | None:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SOURCE_BYTES).decode("utf-8", "replace")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None  # no file, or not Python: use the values of the call
    nodes = list(ast.walk(tree))
    return _CallSource(
        text,
        [node for node in nodes if isinstance(node, ast.Call)],
        [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)],
    )


def _key_set(node: ast.Call) -> str | None:
    """The key in ``KSR.pv.sets("$http_req(key)", ...)``."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    first = node.args[0] if len(node.args) == 2 else None
    if name not in ("sets", "seti") or not isinstance(first, ast.Constant):
        return None
    match = _setting(str(first.value))
    return match[1] if match else None


def _arguments_of(node: ast.Call, call: LegacyCall) -> list[ast.expr] | None:
    """Return the expressions of all arguments. None if the source does not separate them."""
    if any(one.arg is not None for one in node.keywords):
        return None  # functions of the server have no keyword arguments, so ** adds nothing
    if isinstance(node.func, ast.Call) and _is_caller_of(node.func, call):
        rest = node.func.args[1:]
        return None if _has_star(rest) or node.func.keywords else rest
    by_name = not call.is_kemi and (_called(node) in _CALL_BY_NAME or _names(node, call))
    count = len(call.function.arguments) + by_name
    nodes: list[ast.expr] = []
    for one in node.args:
        if not isinstance(one, ast.Starred):
            nodes.append(one)
        elif isinstance(one.value, ast.List | ast.Tuple) and not _has_star(one.value.elts):
            nodes += one.value.elts
        elif isinstance(one.value, ast.Name | ast.Attribute):
            more = range(count - len(node.args) + 1)
            nodes += [ast.Subscript(one.value, ast.Constant(index), ast.Load()) for index in more]
        else:
            return None
    return nodes[1:] if by_name else nodes


def _is_caller_of(caller: ast.Call, call: LegacyCall) -> bool:
    """Whether it is ``methodcaller("query", url, result)``, which is later called with
    ``KSR.http_client``."""
    first = caller.args[0] if caller.args else None
    return isinstance(first, ast.Constant) and call.is_kemi and first.value == call.function.kemi


def _has_star(nodes: Sequence[ast.expr]) -> bool:
    return any(isinstance(one, ast.Starred) for one in nodes)


def _may_be_call_of(node: ast.Call, call: LegacyCall, source: str) -> bool:
    """Whether this can be the call under another name: ``ask = KSR.http_client.query``. Its
    arguments must show some values, and they must match."""
    nodes = _arguments_of(node, call)
    if nodes is None or len(nodes) != len(call.function.arguments) or _names_another(node, call):
        return False
    shown = [
        str(piece) in str(call.arguments.get(argument.name))
        for one, argument in zip(nodes, call.function.arguments, strict=True)
        for piece in ((one.value,) if isinstance(one, ast.Constant) else pieces_of(one, source))
        if not isinstance(piece, Code) and piece != ""
    ]
    is_told = bool(shown) or (_has_star(node.args) if call.is_kemi else _names(node, call))
    return is_told and all(shown)


def _is_call_of(node: ast.Call, call: LegacyCall) -> bool:
    name = _called(node)
    if call.is_kemi:
        return name == call.function.kemi
    return name == call.function.name or (name == "call_function" and _names(node, call))


def _called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _names(node: ast.Call, call: LegacyCall) -> bool:
    """Whether the first argument is the name of the function."""
    first = node.args[0] if node.args else None
    return isinstance(first, ast.Constant) and first.value == call.function.name


def _names_another(node: ast.Call, call: LegacyCall) -> bool:
    first = node.args[0] if node.args and _called(node) in _CALL_BY_NAME else None
    return isinstance(first, ast.Constant) and not (call.is_kemi or _names(node, call))


def _has_more_variables(written: str, pieces: Sequence[Piece]) -> bool:
    """Whether a text contained more variables than its literal parts show. One may come from a
    Python variable whose text the server has evaluated."""
    try:
        shown = [part for one in pieces if isinstance(one, str) for part in parse_text(one)]
    except UnknownVariableError:  # a variable made of parts: "$hdr(" + name + ")"
        return True
    return sum(map(_is_variable, parse_text(written))) > sum(map(_is_variable, shown))


def _is_variable(part: object) -> bool:
    return isinstance(part, Expression)


def given_by(source: str, node: ast.expr, kind: Kind, call: LegacyCall, name: str) -> Given:
    """Return the argument ``name`` of a call, from its expression in ``source``."""
    value = call.arguments[name]
    if isinstance(node, ast.Constant) and not isinstance(node.value, str):
        return Given(code_of(node.value), value, value)
    pieces = pieces_of(node, source)
    code = ast.get_source_segment(source, node) or ast.unparse(node)
    if not call.is_kemi and kind is Kind.TEXT:
        if _has_more_variables(call.written.get(name, ""), pieces):
            place = f"$var({name})"
            return Given(
                f'KSR.pv.getw("{place}")', None, value,
                before=f'KSR.pvx.evalx("{place}", {code})',
            )  # fmt: skip
        try:
            read = with_variables(pieces)
        except UnknownVariableError:
            read = pieces
        if read != pieces:
            return Given(code_for(read), None, value, read)
    if isinstance(node, ast.Constant):
        return Given(code_of(node.value), str(node.value), value)
    return Given(code, None, value, pieces)
