"""Parses and applies ``#!subst`` and similar directives: ``/expression/replacement/flags``.

Any byte can replace the slashes. The expressions are POSIX extended ones and are translated to
Python's syntax. Expressions with another meaning in Python are refused. One difference remains: of
several alternatives POSIX takes the longest, and Python the first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

FLAGS: Final = {"i": re.IGNORECASE, "g": 0, "s": 0}

_replacement = re.compile(r"\\(.)|(\$)|([^\\$]+)|(\\)", re.DOTALL)
_bracket = re.compile(r"\[(\^?)(\]?(?:\[:\w+:\]|\[\.|\[=|[^\]])*)\]", re.DOTALL)
_class = re.compile(r"\[:(\w+):\]")
_classes: Final = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r" \t\n\r\f\v",
    "blank": r" \t",
    "xdigit": "0-9A-Fa-f",
    "punct": r"!-/:-@\[-`{-~",
    "cntrl": r"\x00-\x1f\x7f",
    "print": " -~",
    "graph": "!-~",
}
_GNU: Final = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z"}
_ESCAPED: Final = {"n": "\n", "r": "\r", "t": "\t"}


class SubstitutionError(ValueError):
    """The text is not a valid substitution. The message has the reason, without the replacement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Substitution:
    """A substitution. ``name`` is the text of the expression, which ``substdef`` also defines."""

    name: str
    pattern: re.Pattern[str]
    parts: tuple[int | str, ...]
    """The replacement: literal texts, and numbers of groups."""
    count: int
    """How often it is applied; 0 means to all matches."""

    @property
    def replacement(self) -> str:
        """The text that ``substdef`` defines for the name."""
        return "".join(part for part in self.parts if isinstance(part, str))

    def apply(self, text: str) -> str:
        """Replace the first match in ``text``, or all matches with the flag ``g``."""
        return self.pattern.sub(self._put_in, text, count=self.count)

    def _put_in(self, match: re.Match[str]) -> str:
        groups = match.re.groups
        return "".join(
            part if isinstance(part, str) else (match[part] or "") if part <= groups else ""
            for part in self.parts
        )


def parse_substitution(text: str, variable: Callable[[str, int], tuple[str, int]]) -> Substitution:
    """Parse a substitution.

    Args:
        variable: takes the offset of a ``$``; returns the value of the variable there, and its end.

    Raises:
        SubstitutionError: a part is missing or invalid, or has another meaning in Python.
    """
    if len(text) < 2:
        raise SubstitutionError("expected /expression/replacement/")
    mark = text[0]
    pieces = _split(text[1:], mark)
    if len(pieces) != 3:
        raise SubstitutionError(f"expected {mark} three times, got {len(pieces)}")
    written, replacement, flags = pieces
    for flag in flags:
        if flag not in FLAGS:
            raise SubstitutionError(f"unknown flag {flag!r}; there are i, g and s")
    pattern = _compiled(written, flags)
    parts = tuple(_parts(replacement, mark, variable))
    return Substitution(name=written, pattern=pattern, parts=parts, count=0 if "g" in flags else 1)


def _split(text: str, mark: str) -> list[str]:
    pieces: list[str] = []
    start, at = 0, 0
    while at < len(text) and len(pieces) < 2:
        if text[at] == "\\":
            at += 1
        elif text[at] == mark:
            pieces.append(text[start:at])
            start = at + 1
        at += 1
    return [*pieces, text[start:]]


def _compiled(written: str, flags: str) -> re.Pattern[str]:
    options = re.DOTALL if "s" in flags else re.MULTILINE
    for flag in flags:
        options |= FLAGS[flag]
    try:
        pattern = re.compile(_in_python(written, "s" in flags), options)
    except (re.error, OverflowError, RecursionError):
        raise SubstitutionError("not a regular expression") from None
    # The server does not change a text if the expression also matches the empty text.
    if pattern.fullmatch(""):
        return re.compile(r"(?!)")
    return pattern


def _in_python(written: str, crosses_lines: bool) -> str:
    """Translate a POSIX extended regular expression to Python's syntax."""
    made: list[str] = []
    at = 0
    while at < len(written):
        char = written[at]
        if char == "[":
            match = _bracket.match(written, at)
            if match is None:
                raise SubstitutionError("a [ without ]")
            made.append(_set(match[1], match[2], crosses_lines))
            at = match.end()
            continue
        at += 1
        if char == "\\" and at < len(written):
            escaped = written[at]
            at += 1
            is_shared = escaped in "wWsSbB" or escaped.isdigit()
            made.append(_GNU.get(escaped) or (f"\\{escaped}" if is_shared else re.escape(escaped)))
        elif char in "*+?" and at < len(written) and written[at] in "*+?":
            raise SubstitutionError(f"{char}{written[at]} means something else here")
        elif char == "(" and written[at : at + 1] == "?":
            raise SubstitutionError("(? is no part of a POSIX expression")
        else:
            made.append(r"\Z" if char == "$" and crosses_lines else char)
    return "".join(made)


def _set(negated: str, inner: str, crosses_lines: bool) -> str:
    pieces: list[str] = []
    at = 0
    for match in _class.finditer(inner):
        if match[1] not in _classes:
            raise SubstitutionError(f"no class of characters is called {match[1]}")
        pieces += [_literal(inner[at : match.start()]), _classes[match[1]]]
        at = match.end()
    pieces.append(_literal(inner[at:]))
    lines = r"\n" if negated and not crosses_lines else ""
    return f"[{negated}{''.join(pieces)}{lines}]"


def _literal(text: str) -> str:
    return re.sub(r"([\\\[\]&~|^])", r"\\\1", text)


def _parts(
    text: str, mark: str, variable: Callable[[str, int], tuple[str, int]]
) -> list[int | str]:
    parts: list[int | str] = []
    at = 0
    while (match := _replacement.match(text, at)) is not None:
        escaped, dollar, plain, alone = match.groups()
        at = match.end()
        if dollar:
            value, at = variable(text, match.start())
            parts.append(value)
        elif escaped and escaped.isdigit() and escaped.isascii():
            parts.append(int(escaped))
        elif escaped:
            known = escaped in ("\\", mark, "$")
            parts.append(_ESCAPED.get(escaped) or (escaped if known else f"\\{escaped}"))
        else:
            parts.append(plain or alone)
    return parts
