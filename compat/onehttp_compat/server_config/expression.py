"""Evaluates expressions of ``#!ifexp`` and ``#!defexp``: numbers, strings, names, and operators as
in C.

A defined name with a value is that value as a string, one without a value is 1, and all other names
are 0. If the types of two operands differ, the right one is converted to the type of the left one.

Source: the server's core cookbook, "ifexp".
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from typing import Final, TypeAlias

Value: TypeAlias = "float | str"
MAX_DEPTH: Final = 50
_MAX_INT: Final = 2**53

_token = re.compile(
    r"\s*(?:(\d+(?:\.\d+)?)|\"((?:\\.|[^\"\\])*)\"|'((?:\\.|[^'\\])*)'|([A-Za-z_]\w*)"
    r"|(\*\*|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^<>!()])|(\S))"
)
_leading_number = re.compile(r"\s*[-+]?\d+(?:\.\d+)?").match


class ExpressionError(ValueError):
    """The text is not a valid expression. The message has the reason, without values."""


def _whole(combine: Callable[[int, int], int]) -> Callable[[float, float], float]:
    def combined(left: float, right: float) -> float:
        if abs(left) > _MAX_INT or abs(right) > _MAX_INT:
            raise OverflowError
        return float(combine(int(left), int(right)))

    return combined


def _shifted(left: int, right: int) -> int:
    return left << right if 0 <= right < 64 else 0


_ON_NUMBERS: Final[dict[str, Callable[[float, float], float]]] = {
    "**": math.pow,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "-": operator.sub,
    "<<": _whole(_shifted),
    ">>": _whole(lambda left, right: left >> right if 0 <= right < 64 else 0),
    "&": _whole(operator.and_),
    "^": _whole(operator.xor),
    "|": _whole(operator.or_),
}
_COMPARING: Final[dict[str, Callable[[Value, Value], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_TIGHTNESS: Final = {
    mark: level
    for level, marks in enumerate(
        ("||", "&&", "|", "^", "&", "== !=", "< <= > >=", "<< >>", "+ -", "* / %", "**"), 1
    )
    for mark in marks.split()
}
"""The precedence of operators: as in C, with ``**`` highest."""


def evaluate(text: str, lookup: Callable[[str], Value]) -> Value:
    """Return the value of an expression.

    Args:
        lookup: returns the value of a name.

    Raises:
        ExpressionError: it is not valid, or its numbers are too large.
    """
    reader = _ExpressionParser(text, lookup)
    value = reader.binary(0, 0)
    if reader.kind:
        raise ExpressionError(f"expected an operator, got {reader.named}")
    return value


def is_true(value: Value) -> bool:
    """Whether a value is a number other than 0, or a string that is not empty."""
    return value not in (0, "")


def text_of(value: Value) -> str:
    """Return a value as a define contains it: numbers without a fraction."""
    return value if isinstance(value, str) else str(int(value))


class _ExpressionParser:
    """A parser by precedence climbing, over the tokens of one line."""

    def __init__(self, text: str, lookup: Callable[[str], Value]) -> None:
        self._tokens = _token.finditer(text.rstrip())
        self._lookup = lookup
        self._advance()

    @property
    def named(self) -> str:
        return {"text": "a text", "": "the end"}.get(self.kind, self.next)

    def binary(self, tightness: int, depth: int) -> Value:
        left = self._unary(depth + 1)
        while self.kind == "mark" and _TIGHTNESS.get(self.next, 0) > tightness:
            mark = self.next
            self._advance()
            left = _combined(mark, left, self.binary(_TIGHTNESS[mark], depth + 1))
        return left

    def _unary(self, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise ExpressionError(f"more than {MAX_DEPTH} levels of parentheses")
        kind, text = self.kind, self.next
        self._advance()
        if kind == "number":
            return float(text)
        if kind == "text":
            return text
        if kind == "name":
            return self._lookup(text)
        if text == "(":
            value = self.binary(0, depth)
            if self.next != ")":
                raise ExpressionError(f"expected ')', got {self.named}")
            self._advance()
            return value
        if text in ("-", "+", "!", "^"):
            operand = self._unary(depth + 1)
            if text == "!":
                return float(not is_true(operand))
            number = _number(operand)
            return {"-": -number, "+": number}.get(text, float(~int(number)))
        raise ExpressionError(f"expected a value, got {text or 'the end'}")

    def _advance(self) -> None:
        match = next(self._tokens, None)
        if match is None:
            self.kind, self.next = "", ""
            return
        number, double, single, name, mark, other = match.groups()
        if other:
            raise ExpressionError(f"{other} is no operator")
        self.kind = "number" if number else "name" if name else "mark" if mark else "text"
        self.next = next((part for part in (number, double, single, name, mark) if part), "")


def _combined(mark: str, left: Value, right: Value) -> Value:
    if mark == "&&":
        return float(is_true(left) and is_true(right))
    if mark == "||":
        return float(is_true(left) or is_true(right))
    right = text_of(right) if isinstance(left, str) else _number(right)
    if mark in _COMPARING:
        return float(_COMPARING[mark](left, right))
    if mark == "+":
        return left + right  # type: ignore[operator]  # both are of one kind
    try:
        return _ON_NUMBERS[mark](_number(left), _number(right))
    except ZeroDivisionError:
        raise ExpressionError("a division by 0") from None
    except (OverflowError, ValueError):
        raise ExpressionError("a number out of all bounds") from None


def _number(value: Value) -> float:
    if isinstance(value, str):
        found = _leading_number(value)
        return float(found[0]) if found else 0.0
    return value
