"""``{re.subst,/pattern/replacement/flags}``: extended POSIX expressions, ``\\1`` and ``&``-less."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable
from typing import Final, TypeAlias

from onehttp_compat.pseudo_variables.syntax import (
    Expression,
    UnknownVariableError,
    expression_at,
)
from onehttp_compat.pseudo_variables.transformations.rule import NoValueError, TransformationRule
from onehttp_compat.sip.value import Value

_posix_class = re.compile(rb"\[:(alnum|alpha|blank|digit|lower|punct|space|upper|xdigit):\]")
_CLASSES: Final = {
    b"alnum": b"A-Za-z0-9", b"alpha": b"A-Za-z", b"blank": b" \\t", b"digit": b"0-9",
    b"lower": b"a-z", b"punct": rb"!-/:-@\[-`{-~", b"space": rb"\s", b"upper": b"A-Z",
    b"xdigit": b"0-9A-Fa-f",
}  # fmt: skip


_negated = re.compile(rb"(?<!\\)\[\^(\]?)")
_escaped = {"n": "\n", "r": "\r", "t": "\t"}
Read: TypeAlias = "Callable[[str], Value]"
"""Returns the value of a variable."""
# The substitutions of one text: its place in the text, and what stands there instead.
Substitution: TypeAlias = "tuple[int, int, bytes]"


def posix(pattern: bytes, flags: int = 0) -> re.Pattern[bytes]:
    """Compile an extended POSIX expression. With ``re.MULTILINE``, what it matches ends at the end
    of the line, also for ``[^...]``.

    Raises:
        UnknownVariableError: it is not valid.
    """
    if b"(?" in pattern:
        raise UnknownVariableError(f"{pattern!r} is no POSIX expression: (? has no meaning in one")
    if flags & re.MULTILINE:
        pattern = _negated.sub(lambda match: b"[^\\n" + (b"\\]" if match[1] else b""), pattern)
    try:
        return re.compile(_posix_class.sub(lambda match: _CLASSES[match[1]], pattern), flags)
    except (re.error, OverflowError) as error:
        raise UnknownVariableError(f"{pattern!r} is no regular expression: {error}") from None


@functools.lru_cache(maxsize=256)
def substitution(expression: bytes) -> Callable[[bytes, Read], list[Substitution]]:
    """Return ``/pattern/replacement/flags`` as a function. It raises `NoValueError` if the pattern
    matches an empty text, as ``^`` does, because the server refuses that. The replacement may
    contain variables.

    Raises:
        UnknownVariableError: the syntax is wrong.
    """
    mark = expression[:1]
    parts = re.split(rb"(?<!\\)" + re.escape(mark), expression[1:]) if mark else []
    if len(parts) != 3:
        raise UnknownVariableError(f"{expression!r} is not /pattern/replacement/flags")
    pattern, replacement, letters = parts
    # Each line is a text of its own, unless the flags say otherwise.
    flags = (re.IGNORECASE if b"i" in letters else 0) | (
        re.DOTALL if b"s" in letters else re.MULTILINE
    )
    compiled = posix(pattern.replace(b"\\" + mark, mark), flags)
    template = _template(replacement.decode("utf-8", "surrogateescape"))
    count = None if b"g" in letters else 1

    def expanded(match: re.Match[bytes], read: Read) -> Substitution:
        if not match[0]:
            raise NoValueError("an empty match")
        return (*match.span(), b"".join(_filled(part, match, read) for part in template))

    return lambda data, read: [
        expanded(match, read) for match in itertools.islice(compiled.finditer(data), count)
    ]


def _template(text: str) -> list[int | str | Expression]:
    """Split a replacement into the numbers of groups, plain texts, and variables.

    Raises:
        UnknownVariableError: a dollar sign does not start a variable.
    """
    parts: list[int | str | Expression] = []
    at = 0
    while at < len(text):
        char, following = text[at], text[at + 1 : at + 2]
        if char == "\\" and following:
            parts.append(
                int(following) if following in "0123456789" else _escaped.get(following, following)
            )
            at += 2
        elif char == "$" and following == "$":
            parts.append("$")
            at += 2
        elif char == "$":
            variable, at = expression_at(text, at)
            parts.append(variable)
        else:
            parts.append(char)
            at += 1
    return parts


def _filled(part: int | str | Expression, match: re.Match[bytes], read: Read) -> bytes:
    """What a part of a replacement stands for. A group that is not there, and null, are empty."""
    if isinstance(part, int):
        return (match[part] or b"") if part <= match.re.groups else b""
    value = part if isinstance(part, str) else read(str(part))
    if isinstance(value, bytes):
        return value
    return b"" if value is None else str(value).encode("utf-8", "surrogateescape")


def _subst(data: bytes, read: Read, expression: bytes) -> bytes:
    if not data:
        raise NoValueError("nothing to replace in")
    try:
        found = substitution(expression)(data, read)
    except UnknownVariableError as error:
        raise NoValueError(str(error)) from None
    parts, place = [], 0
    for start, end, text in found:
        parts += [data[place:start], text]
        place = end
    return b"".join([*parts, data[place:]])


RULES: Final = {"re.subst": TransformationRule(_subst, 1, 1, has_variables=True)}
