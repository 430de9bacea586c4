"""Where a script calls a legacy function: the expressions that it gives for the arguments."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from onehttp_compat.calls.observed_call import LegacyCall
from onehttp_compat.pseudo_variables.syntax import Expression, UnknownVariableError, parse_text
from onehttp_compat.registry import Kind

MAX_SOURCE_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Given:
    """An argument of a call."""

    code: str
    """A Python expression."""
    literal: str | int | None = None
    """Its value, where the expression is one; None where it depends on more."""

    @property
    def is_left_out(self) -> bool:
        """An empty text, which legacy functions take for none."""
        return self.literal == ""


def of_value(value: str | int) -> Given:
    """An argument that is known by its value alone."""
    return Given(code_of(value), value)


def code_of(value: object) -> str:
    """A value as Python code, text in double quotes."""
    if not isinstance(value, str):
        return repr(value)
    quoted = repr(value)
    if quoted.startswith("'") and '"' not in value:
        return f'"{quoted[1:-1]}"'.replace("\\'", "'")
    return quoted


class CallSites:
    """Sources of scripts, parsed once each."""

    def __init__(self) -> None:
        self._files: dict[str, tuple[str, list[ast.Call]] | None] = {}

    def arguments(self, call: LegacyCall) -> dict[str, Given]:
        """The arguments by the names that the registry has for them."""
        names = [argument.name for argument in call.function.arguments]
        values = {name: of_value(value) for name, value in call.arguments.items()}
        nodes = self._arguments_at(call)
        if nodes is None or len(nodes) != len(names):
            return values
        source = self._files[call.file]
        assert source is not None
        kinds = [argument.kind for argument in call.function.arguments]
        return {
            name: _given(source[0], node, kind, call)
            for name, node, kind in zip(names, nodes, kinds, strict=True)
        }

    def _arguments_at(self, call: LegacyCall) -> list[ast.expr] | None:
        """The expressions; None where the line does not tell which call it is."""
        source = self._source(call.file)
        if source is None:
            return None
        found = [node for node in source[1]
                 if node.lineno <= call.line <= (node.end_lineno or node.lineno)
                 and _is_call_of(node, call)]  # fmt: skip
        if len(found) != 1 or found[0].keywords:
            return None
        nodes = found[0].args if call.is_kemi else found[0].args[1:]
        return None if any(isinstance(node, ast.Starred) for node in nodes) else list(nodes)

    def _source(self, file: str) -> tuple[str, list[ast.Call]] | None:
        if file not in self._files:
            self._files[file] = _parsed(Path(file))
        return self._files[file]


def _parsed(path: Path) -> tuple[str, list[ast.Call]] | None:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SOURCE_BYTES).decode("utf-8", "replace")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError, RecursionError):
        return None  # made up, or not Python: the values of the call have to do
    return text, [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def _is_call_of(node: ast.Call, call: LegacyCall) -> bool:
    function = node.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if call.is_kemi:
        return name == call.function.kemi
    first = node.args[0] if node.args else None
    return (
        name == "call_function"
        and isinstance(first, ast.Constant)
        and first.value == call.function.name
    )


def _given(source: str, node: ast.expr, kind: Kind, call: LegacyCall) -> Given:
    if not isinstance(node, ast.Constant):
        return Given(ast.get_source_segment(source, node) or ast.unparse(node))
    value = node.value
    if not isinstance(value, (str, int)):
        return Given(repr(value))
    if call.is_kemi or kind is not Kind.TEXT or not isinstance(value, str) or "$" not in value:
        return Given(code_of(value), value)
    return _with_variables(value)


def _with_variables(text: str) -> Given:
    """A native argument with variables in it, as Python that reads them."""
    try:
        parts = parse_text(text)
    except UnknownVariableError:
        return Given(code_of(text), text)
    if not any(isinstance(part, Expression) for part in parts):
        plain = "".join(str(part) for part in parts)
        return Given(code_of(plain), plain)
    if len(parts) == 1:
        return Given(f"str({_read(parts[0])})")
    inside = "".join(
        part.replace("{", "{{").replace("}", "}}")
        if isinstance(part, str)
        else f"{{{_read(part)}}}"
        for part in parts
    )
    return Given(f"f{code_of(inside)}")


def _read(part: object) -> str:
    assert isinstance(part, Expression)
    return f"KSR.pv.getw('{part}')"
