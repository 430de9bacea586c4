"""Finds the parts of texts that a script puts together, and writes code that does the same.

The server replaced variables in the texts of a native call. In Python, code has to read them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from onehttp_compat.pseudo_variables.syntax import Expression, parse_text

_placeholder = re.compile(r"(%[sd]|%%)").split
_FORBIDDEN: Final = ('"', "\\", "\n", "{", "}", "!", "#")
"""Text that an expression inside an f-string cannot contain in older Pythons."""


@dataclass(frozen=True, slots=True)
class Code:
    """An expression whose value is inserted."""

    text: str
    is_text: bool = False
    """Whether its value is certainly a text."""


Piece: TypeAlias = str | Code
"""Literal text, or an expression for a text."""


def code_of(value: object) -> str:
    """Return Python code for a value, with double quotes around text."""
    if not isinstance(value, str):
        return repr(value)
    quoted = repr(value)
    if quoted.startswith("'") and '"' not in value:
        return f'"{quoted[1:-1]}"'.replace("\\'", "'")
    return quoted


def pieces_of(node: ast.expr, source: str) -> tuple[Piece, ...]:
    """Return the parts of an expression, or the expression itself if they are unknown."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return (node.value,)
    if isinstance(node, ast.JoinedStr):
        return tuple(piece for one in node.values for piece in pieces_of(one, source))
    if isinstance(node, ast.FormattedValue):
        return (_inserted(node, source),)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return tuple(_as_text(piece) for side in (node.left, node.right)
                     for piece in pieces_of(side, source))  # fmt: skip
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        formatted = _formatted(node.left, node.right, source)
        if formatted:
            return formatted
    return (Code(_segment(node, source)),)


def with_variables(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Split literal parts at the variables in them.

    Raises:
        UnknownVariableError: there is no such variable.
    """
    read: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, Code):
            read.append(piece)
            continue
        for part in parse_text(piece):
            is_read = isinstance(part, Expression)
            read.append(Code(f"KSR.pv.getw('{part}')") if is_read else str(part))
    return tuple(read)


def code_for(pieces: tuple[Piece, ...]) -> str:
    """Return an expression for the text that the parts make."""
    codes = [piece for piece in pieces if isinstance(piece, Code)]
    if not codes:
        return code_of("".join(str(piece) for piece in pieces))
    if len(pieces) == 1:
        return codes[0].text if codes[0].is_text else f"str({codes[0].text})"
    if any(mark in code.text for code in codes for mark in _FORBIDDEN):
        return " + ".join(_added(piece) for piece in pieces if piece)
    return f"f{code_of(''.join(map(_in_f_string, pieces)))}"


def _inserted(node: ast.FormattedValue, source: str) -> Code:
    if node.format_spec is None and node.conversion == -1:
        return Code(_segment(node.value, source))
    return Code(ast.unparse(ast.JoinedStr([node])), is_text=True)


def _formatted(template: ast.expr, values: ast.expr, source: str) -> tuple[Piece, ...] | None:
    """``"a %s" % b``, if it formats only texts and integers."""
    if not (isinstance(template, ast.Constant) and isinstance(template.value, str)):
        return None
    given = list(values.elts) if isinstance(values, ast.Tuple) else [values]
    pieces: list[Piece] = []
    for text in _placeholder(template.value):
        if text == "%%":
            pieces.append("%")
        elif text in ("%s", "%d"):
            if not given:
                return None
            pieces.append(Code(_segment(given.pop(0), source)))
        elif "%" in text:
            return None
        elif text:
            pieces.append(text)
    return None if given else tuple(pieces)


def _segment(node: ast.expr, source: str) -> str:
    return ast.get_source_segment(source, node) or ast.unparse(node)


def _as_text(piece: Piece) -> Piece:
    """A value that is added to a text is a text, too."""
    return piece if isinstance(piece, str) else Code(piece.text, is_text=True)


def _added(piece: Piece) -> str:
    if isinstance(piece, str):
        return code_of(piece)
    return piece.text if piece.is_text else f"str({piece.text})"


def _in_f_string(piece: Piece) -> str:
    if isinstance(piece, Code):
        return f"{{{piece.text}}}"
    return piece.replace("{", "{{").replace("}", "}}")
