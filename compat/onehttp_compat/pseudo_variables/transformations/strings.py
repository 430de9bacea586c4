"""``{s.*}``: transformations that need only the bytes."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable
from typing import Final

from onehttp_compat.pseudo_variables.transformations.rule import (
    NoValueError,
    TransformationRule,
    number,
)

_WHITE: Final = b" \t\r\n"
_digits = re.compile(rb"\d+").fullmatch


def core_hash(*parts: bytes) -> int:
    """The server's own hash of strings (``core_hash``), 32 bits."""
    total = 0
    for data in parts:
        for start in range(0, len(data), 4):
            word = int.from_bytes(data[start : start + 4], "big")
            total = (total + (word ^ (word >> 3))) & 0xFFFFFFFF
    return (total + (total >> 11) + (total >> 13) + (total >> 23)) & 0xFFFFFFFF


def _hash(name: str) -> TransformationRule:
    return TransformationRule(lambda data: hashlib.new(name, data).hexdigest())


def _int(data: bytes) -> int:
    if data and not re.fullmatch(rb"[+-]?\d+", data):
        raise NoValueError(f"{data!r} is not a number")
    return int(data or 0)


def _substr(data: bytes, start: bytes, length: bytes) -> bytes:
    first, count = number(start), number(length)
    if first < 0:
        first = max(0, len(data) + first)
    if first >= len(data) or count < 0:
        raise NoValueError("starts behind the end, or ends before it starts")
    return data[first : first + count] if count else data[first:]


def _select(data: bytes, index: bytes, separator: bytes) -> bytes:
    parts = data.split(separator[:1])
    try:
        return parts[number(index)]
    except IndexError:
        return b""


def _prefixes(data: bytes, limit: bytes = b"", mark: bytes = b"") -> bytes:
    most = min(len(data), number(limit)) if limit else len(data)
    return b",".join(mark + data[:end] + mark for end in range(1, most + 1))


def _core_hash(data: bytes, size: bytes = b"0") -> str:
    slots = number(size)
    return str(core_hash(data) & (slots - 1) if slots else core_hash(data))


def _unquote(data: bytes) -> bytes:
    return data[1:-1] if len(data) > 1 and data[:1] == data[-1:] and data[:1] in b"\"'" else data


def _unbracket(data: bytes) -> bytes:
    pair = data[:1] + data[-1:]
    return data[1:-1] if pair in (b"()", b"[]", b"{}", b"<>") else data


def _between(
    cut: Callable[[bytes, bytes], tuple[bytes, bytes, bytes]], part: int
) -> TransformationRule:
    return TransformationRule(lambda data, mark: cut(data, mark[:1])[part], 1, 1)


def _ftime(data: bytes, form: bytes) -> str:
    return time.strftime(form.decode(), time.localtime(number(data)))


def _strip(data: bytes, count: bytes) -> bytes:
    return data[max(0, number(count)) :]


def _strip_tail(data: bytes, count: bytes) -> bytes:
    return data[: max(0, len(data) - max(0, number(count)))]


def _lines_of(blank: bytes) -> TransformationRule:
    """The server does not make lines of that width. It breaks after each of the first ``width - 1``
    characters."""

    def broken(data: bytes, width: bytes, indent: bytes) -> bytes:
        count = max(0, number(width) - 1)
        parts = [data[i : i + 1] for i in range(min(count, len(data)))]
        rest = [data[count:]] if data[count:] else []
        return (b"\r\n" + blank * number(indent)).join([*parts, *rest])

    return TransformationRule(broken, 2, 2)


RULES: Final = {
    "s.len": TransformationRule(len),
    "s.int": TransformationRule(_int),
    "s.numeric": TransformationRule(lambda data: b"".join(re.findall(rb"\d", data))),
    "s.md5": _hash("md5"),
    "s.sha256": _hash("sha256"),
    "s.sha384": _hash("sha384"),
    "s.sha512": _hash("sha512"),
    "s.corehash": TransformationRule(_core_hash, 0, 1),
    "s.substr": TransformationRule(_substr, 2, 2),
    "s.select": TransformationRule(_select, 2, 2),
    "s.strip": TransformationRule(_strip, 1, 1),
    "s.striptail": TransformationRule(_strip_tail, 1, 1),
    "s.prefixes": TransformationRule(_prefixes, 0, 1),
    "s.prefixes.quoted": TransformationRule(
        lambda data, limit=b"": _prefixes(data, limit, b"'"), 0, 1
    ),
    "s.replace": TransformationRule(
        lambda data, old, new: data.replace(old, new) if old else data, 2, 2
    ),
    "s.tolower": TransformationRule(bytes.lower),
    "s.toupper": TransformationRule(bytes.upper),
    "s.trim": TransformationRule(lambda data: data.strip(_WHITE)),
    "s.ltrim": TransformationRule(lambda data: data.lstrip(_WHITE)),
    "s.rtrim": TransformationRule(lambda data: data.rstrip(_WHITE)),
    "s.rm": TransformationRule(lambda data, part: data.replace(part, b""), 1, 1),
    "s.rmws": TransformationRule(lambda data: data.translate(None, _WHITE)),
    "s.unquote": TransformationRule(_unquote),
    "s.unbracket": TransformationRule(_unbracket),
    "s.count": TransformationRule(lambda data, char: data.count(char[:1]), 1, 1),
    "s.before": _between(bytes.partition, 0),
    "s.after": _between(bytes.partition, 2),
    "s.rbefore": TransformationRule(lambda data, mark: data.rpartition(mark[:1])[0], 1, 1),
    "s.rafter": TransformationRule(
        lambda data, mark: data.rpartition(mark[:1])[2] if mark[:1] in data else b"", 1, 1
    ),
    "s.fmtlines": _lines_of(b" "),
    "s.fmtlinet": _lines_of(b"\t"),
    "s.ftime": TransformationRule(_ftime, 1, 1),
    "line.count": TransformationRule(lambda data: str(len(_lines(data)))),
    "line.at": TransformationRule(lambda data, index: _line_at(_lines(data), number(index)), 1, 1),
    "line.sw": TransformationRule(
        lambda data, start: next((one for one in _lines(data) if one.startswith(start)), b""), 1, 1
    ),
}


def _lines(data: bytes) -> list[bytes]:
    if not data:
        raise NoValueError("empty")
    lines = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    return lines[:-1] if data.endswith(b"\n") else lines


def _line_at(lines: list[bytes], index: int) -> bytes:
    return lines[index] if -len(lines) <= index < len(lines) else b""
