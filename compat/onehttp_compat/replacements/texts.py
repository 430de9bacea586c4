"""Texts that a script puts together, piece by piece, and code that puts them together anew.

The server replaced variables inside the texts of a native call; in Python they have to be read.
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
"""What an expression inside an f-string must not have, as far as older Pythons go."""


@dataclass(frozen=True, slots=True)
class Code:
    """An expression whose value is inserted."""

    text: str
    is_text: bool = False
    """Its value is text for sure."""


Piece: TypeAlias = str | Code
"""Literal text, or an expression for some."""


def code_of(value: object) -> str:
    """A value as Python code, text in double quotes."""
    if not isinstance(value, str):
        return repr(value)
    quoted = repr(value)
    if quoted.startswith("'") and '"' not in value:
        return f'"{quoted[1:-1]}"'.replace("\\'", "'")
    return quoted


def pieces_of(node: ast.expr, source: str) -> tuple[Piece, ...]:
    """What an expression puts together; itself, where it does not tell."""
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
    """The pieces, each variable that a literal one names a piece of its own.

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
    """An expression for the text that pieces make."""
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
    """``"a %s" % b``, as far as it is of texts and whole numbers."""
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
    """What is added to a text is one."""
    return piece if isinstance(piece, str) else Code(piece.text, is_text=True)


def _added(piece: Piece) -> str:
    if isinstance(piece, str):
        return code_of(piece)
    return piece.text if piece.is_text else f"str({piece.text})"


def _in_f_string(piece: Piece) -> str:
    if isinstance(piece, Code):
        return f"{{{piece.text}}}"
    return piece.replace("{", "{{").replace("}", "}}")
