"""Decides whether an expression evaluates a call first. Then the call can be made before the
statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, Literal

import libcst as cst

_PLAIN: Final = (
    cst.Name, cst.Integer, cst.Float, cst.SimpleString, cst.ConcatenatedString, cst.Ellipsis,
)  # fmt: skip


def is_first(expression: cst.CSTNode, call: cst.Call, made: Collection[cst.CSTNode] = ()) -> bool:
    """Whether ``call`` is always evaluated, and nothing with an effect is evaluated before it.

    Args:
        made: calls that will have been moved before; a name replaces each of them.
    """
    return _look(expression, call, made) == "found"


def _look(
    node: cst.CSTNode, call: cst.Call, made: Collection[cst.CSTNode]
) -> Literal["found", "plain", "other"]:
    if node is call:
        return "found"
    if isinstance(node, _PLAIN) or node in made:
        return "plain"
    is_plain = False
    for part in _parts(node):
        if part is None:
            return "other"
        looked = _look(part, call, made)
        if looked != "plain":
            return looked
        is_plain = True
    return "plain" if is_plain else "other"


def _parts(node: cst.CSTNode) -> Iterator[cst.CSTNode | None]:
    """Return the parts of an expression that are always evaluated, in order. None stands for a part
    that may have an effect."""
    match node:
        case cst.Attribute():
            yield node.value
        case cst.UnaryOperation():
            yield node.expression
        case cst.BinaryOperation():
            yield from (node.left, node.right)
        case cst.Comparison():
            yield from (node.left, node.comparisons[0].comparator)
            if len(node.comparisons) > 1:
                yield None
        case cst.BooleanOperation():
            yield from (node.left, None)
        case cst.IfExp():
            yield from (node.test, None)
        case cst.NamedExpr():
            yield from (node.value, None)
        case cst.Tuple() | cst.List():
            yield from _values(node.elements)
        case cst.Call():
            yield node.func
            yield from _values(node.args)
            yield None
        case cst.Subscript():
            yield from (node.value, None)
        case _:
            yield None


def _values(elements: Iterable[cst.BaseElement | cst.Arg]) -> Iterator[cst.CSTNode]:
    return (one.value for one in elements)
