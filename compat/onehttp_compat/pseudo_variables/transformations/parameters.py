"""``{param.*}``: lists such as ``a=1;b="2;3"``."""

from __future__ import annotations

from typing import Final

from onehttp_compat.pseudo_variables.transformations.rule import NoValueError, Rule, number
from onehttp_compat.sip.uri import split_outside_quotes, unquoted


def _pairs(data: bytes, separator: bytes) -> list[tuple[str, str]]:
    if not data:
        raise NoValueError("an empty list")
    text = data.decode("utf-8", "surrogateescape")
    mark = separator.decode() or ";"
    if mark == ";":
        # A comma ends the list: there the next header value begins.
        text = split_outside_quotes(text, ",")[0]
    pairs = []
    for part in split_outside_quotes(text, mark):
        name, _, value = part.partition("=")
        if name.strip():
            pairs.append((name.strip(), unquoted(value.strip())))
    return pairs


def _value(data: bytes, name: bytes, separator: bytes = b"") -> str:
    wanted = name.decode("utf-8", "surrogateescape").lower()
    return next((value for key, value in _pairs(data, separator) if key.lower() == wanted), "")


def _at(data: bytes, index: bytes, separator: bytes, part: int) -> str:
    pairs, place = _pairs(data, separator), number(index)
    return pairs[place][part] if -len(pairs) <= place < len(pairs) else ""


def _is_in(data: bytes, name: bytes, separator: bytes = b"") -> int:
    wanted = name.decode("utf-8", "surrogateescape").lower()
    return int(any(key.lower() == wanted for key, _ in _pairs(data, separator)))


RULES: Final = {
    "param.value": Rule(_value, 1, 2),
    "param.valueat": Rule(lambda data, index, mark=b"": _at(data, index, mark, 1), 1, 2),
    "param.name": Rule(lambda data, index, mark=b"": _at(data, index, mark, 0), 1, 2),
    "param.count": Rule(lambda data, mark=b"": len(_pairs(data, mark)), 0, 1),
    "param.in": Rule(_is_in, 1, 2),
}
