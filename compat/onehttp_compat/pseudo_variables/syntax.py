"""Parses pseudo-variables, alone and within text."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple, TypeAlias

from onehttp import OnehttpError

_class = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_element = re.compile(r"-?[0-9]+|\*|\$.*", re.DOTALL).fullmatch
_CLOSING = {"(": ")", "[": "]", "{": "}"}


class UnknownVariableError(OnehttpError, LookupError):
    """There is no such class of variables, or the syntax is wrong."""


class Variable(NamedTuple):
    """A variable as it is written: ``$avp(s:x)`` has class ``avp`` and name ``x``."""

    kind: str
    name: str
    element: str = ""
    """The text in brackets, as in ``$(hdr(Via)[0])``."""

    def __str__(self) -> str:
        inner = self.kind + (f"({self.name})" if self.name else "")
        return f"$({inner}[{self.element}])" if self.element else f"${inner}"


class Expression(NamedTuple):
    """A variable and the transformations of its value: ``{s.len}`` is ``s.len``."""

    variable: Variable
    transformations: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.transformations:
            return str(self.variable)
        inner = str(self.variable).removeprefix("$")
        inner = inner[1:-1] if inner.startswith("(") else inner
        return f"$({inner}{''.join(f'{{{step}}}' for step in self.transformations)})"


Part: TypeAlias = "str | Expression"


@functools.lru_cache(maxsize=4096)
def parse_expression(text: str) -> Expression:
    """Parse ``text`` as exactly one variable.

    Raises:
        UnknownVariableError: it is something else.
    """
    expression, end = expression_at(text, 0)
    if end != len(text):
        raise UnknownVariableError(f"{shown(text)}: {shown(text[end:])} follows the variable")
    return expression


@functools.lru_cache(maxsize=4096)
def parse_text(text: str) -> tuple[Part, ...]:
    """Split text into literal parts and variables; ``$$`` is a dollar sign.

    Raises:
        UnknownVariableError: a dollar sign does not start a variable.
    """
    parts: list[Part] = []
    plain, at = "", 0
    while (dollar := text.find("$", at)) >= 0:
        plain += text[at:dollar]
        if text.startswith("$$", dollar):
            plain += "$"
            at = dollar + 2
            continue
        expression, at = expression_at(text, dollar)
        parts += [plain, expression] if plain else [expression]
        plain = ""
    plain += text[at:]
    return (*parts, plain) if plain else tuple(parts)


def expression_at(text: str, start: int) -> tuple[Expression, int]:
    """Parse the variable at ``start``. Returns it and the position behind it.

    Raises:
        UnknownVariableError: there is no variable.
    """
    is_wrapped = text.startswith("$(", start)
    found = _class.match(text, start + 1 + is_wrapped) if text.startswith("$", start) else None
    if found is None:
        raise UnknownVariableError(
            f"{shown(text[start:])} is not a variable; write it like $var(name), a dollar sign $$"
        )
    kind, at = found[0], found.end()
    name, at = _enclosed(text, at, "(", start)
    element, transformations = "", []
    if is_wrapped:
        has_element = text.startswith("[", at)
        element, at = _enclosed(text, at, "[", start)
        if has_element and not _element(element):
            raise UnknownVariableError(f"{shown(text[start:])}: [{element}] is not a number or *")
        while text.startswith("{", at):
            body, at = _enclosed(text, at, "{", start)
            transformations.append(body)
        if not text.startswith(")", at):
            raise UnknownVariableError(f"{shown(text[start:])} is not closed by a )")
        at += 1
    if kind == "avp":
        # `s:x` is the same as `x`, but `i:` with a number is another name
        name = name.removeprefix("s:")
    return Expression(Variable(kind, name, element), tuple(transformations)), at


def _enclosed(text: str, at: int, opening: str, start: int) -> tuple[str, int]:
    """Return the text in the brackets at ``at``, and the position behind them. Empty if there are
    none.

    Raises:
        UnknownVariableError: they are not closed.
    """
    if not text.startswith(opening, at):
        return "", at
    closing, depth = _CLOSING[opening], 0
    for i in range(at, len(text)):
        if text[i] == opening:
            depth += 1
        elif text[i] == closing:
            depth -= 1
            if depth == 0:
                return text[at + 1 : i], i + 1
    raise UnknownVariableError(f"{shown(text[start:])} is not closed by a {closing}")


def shown(text: str) -> str:
    """Return text for messages, shortened to a limit."""
    return repr(text if len(text) <= 40 else text[:37] + "...")
