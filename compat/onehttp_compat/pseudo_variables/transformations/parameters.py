"""``{param.*}``: lists such as ``a=1;b="2;3"``, read as the server does, which is stricter than who
writes headers: a blank within a name, or no value before the separator, and there is no list."""

from __future__ import annotations

import re
from typing import Final

from onehttp_compat.pseudo_variables.syntax import UnknownVariableError
from onehttp_compat.pseudo_variables.transformations.rule import (
    NoValueError,
    TransformationRule,
    number,
)

_BLANKS: Final = " \t\r\n"
_blanks = re.compile(r"[ \t\r\n]*")
_quoted = re.compile("\"([^\"]*)\"|'([^']*)'", re.DOTALL)
_ENDS_LIST: Final = ","
"""The character before the next value of the header."""


def _pairs(data: bytes, separator: bytes) -> list[tuple[str, str]]:
    mark = separator.decode("utf-8", "surrogateescape")[:1] or ";"
    text = data.decode("utf-8", "surrogateescape").removesuffix(mark)
    if not text:
        raise NoValueError("an empty list")
    name_or_value = re.compile(rf"[^ \t\r\n,{re.escape(mark)}]*")
    name_alone = re.compile(rf"[^ \t\r\n,={re.escape(mark)}]*")
    pairs, place = [], 0
    while True:
        name, place = _matched(name_alone, text, place)
        value = ""
        if text[place : place + 1] == "=":
            _, place = _matched(_blanks, text, place + 1)
            quoted = _quoted.match(text, place)
            if quoted is not None:
                value, place = quoted[1] or quoted[2] or "", _after_blanks(text, quoted.end())
            else:
                start = place
                value, place = _matched(name_or_value, text, place)
                if value[:1] in ('"', "'") or (not value and start < len(text)):
                    raise NoValueError(f"{name}: no value, or a quote without its other")
        pairs.append((name, value))
        if place == len(text) or text[place] == _ENDS_LIST:
            return pairs
        _, following = _matched(_blanks, text, place + 1)
        if text[place] != mark or following == len(text):
            raise NoValueError(f"neither {mark!r} nor the end after {name}")
        place = following


def _matched(pattern: re.Pattern[str], text: str, place: int) -> tuple[str, int]:
    """What is there, and where the next thing after it and after blanks begins."""
    found = pattern.match(text, place)
    assert found is not None, "each pattern matches nothing, too"
    return found[0], _after_blanks(text, found.end())


def _after_blanks(text: str, place: int) -> int:
    while place < len(text) and text[place] in _BLANKS:
        place += 1
    return place


def _value(data: bytes, name: bytes, separator: bytes = b"") -> str:
    """Return the value of a parameter; if the name occurs several times, the last one."""
    wanted = name.decode("utf-8", "surrogateescape").lower()
    pairs = reversed(_of_a_kind(data, separator))
    return next((value for key, value in pairs if key.lower() == wanted), "")


def _at(data: bytes, index: bytes, separator: bytes, part: int) -> str:
    pairs, place = _of_a_kind(data, separator), number(index)
    return pairs[place][part] if -len(pairs) <= place < len(pairs) else ""


def _is_in(data: bytes, name: bytes, separator: bytes = b"") -> int:
    wanted = name.decode("utf-8", "surrogateescape").lower()
    return int(any(key.lower() == wanted for key, _ in _of_a_kind(data, separator)))


def _of_a_kind(data: bytes, separator: bytes) -> list[tuple[str, str]]:
    if separator.startswith(b","):
        raise UnknownVariableError("{param...,,}: a comma ends the list, it separates nothing")
    return _pairs(data, separator)


RULES: Final = {
    "param.value": TransformationRule(_value, 1, 2),
    "param.valueat": TransformationRule(
        lambda data, index, mark=b"": _at(data, index, mark, 1), 1, 2
    ),
    "param.name": TransformationRule(lambda data, index, mark=b"": _at(data, index, mark, 0), 1, 2),
    "param.count": TransformationRule(lambda data, mark=b"": len(_pairs(data, mark)), 0, 1),
    "param.in": TransformationRule(_is_in, 1, 2),
}
