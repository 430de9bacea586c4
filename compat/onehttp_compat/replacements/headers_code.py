"""Converts blobs of headers to code for the pairs that ``onehttp`` takes."""

from __future__ import annotations

import re
from textwrap import indent
from typing import Final

from onehttp_compat.replacements.call_site import Given
from onehttp_compat.replacements.texts import Code, Piece, code_for, code_of
from onehttp_compat.wire.header_blob import HeaderBlobError, parse_blob

MAX_LINE: Final = 60
"""The longest call in one line. It is shown indented, in a window of 80 columns."""
FORM = ("Content-Type", "application/x-www-form-urlencoded")
"""The content type that libcurl sends for a body without one."""
_SPLIT: Final = '*(tuple(line.split(": ", 1)) for line in ({}).splitlines())'
_STEP: Final = " " * 4
_PRIVATE_USE: Final = 0xE000
_mark = re.compile("([\ue000-\uf8ff])").split
"""Characters that replace expressions while the headers are parsed."""


def headers_code(blob: Given | None, has_body: bool) -> list[str]:
    """Return code for the pairs of ``headers=``."""
    pairs = pairs_code(blob) if blob is not None and not blob.is_left_out else []
    if has_body and not _names_type(blob):
        pairs.append(pair_code(*FORM))
    return pairs


def pairs_code(blob: Given) -> list[str]:
    """Return the code between the brackets of a list of pairs."""
    if not any(isinstance(piece, str) for piece in blob.pieces) and blob.literal is None:
        return [_SPLIT.format(blob.code)]
    codes = [piece for piece in blob.pieces if isinstance(piece, Code)]
    marks = [chr(_PRIVATE_USE + number) for number in range(len(codes))]
    marked = iter(marks)
    text = "".join(piece if isinstance(piece, str) else next(marked) for piece in blob.pieces)
    try:
        pairs = parse_blob(text or str(blob.literal))
    except HeaderBlobError:
        return [_SPLIT.format(blob.code)] if codes else []
    meant = dict(zip(marks, codes, strict=True))
    return [pair_code(name, *(meant.get(part, part) for part in _split(value)))
            for name, value in pairs]  # fmt: skip


def _split(value: str) -> list[str]:
    """Split a value into texts and marks."""
    return [part for part in _mark(value) if part]


def pair_code(name: str, *value: Piece) -> str:
    """Return a pair of a name and a value made of parts."""
    return f"({code_of(name)}, {code_for(value)})"


def _names_type(blob: Given | None) -> bool:
    """Whether the headers contain a content type."""
    if blob is None:
        return False
    try:
        return any(name.lower() == "content-type" for name, _ in parse_blob(str(blob.seen)))
    except HeaderBlobError:
        return False


def call_code(function: str, *positional: str, **keywords: str | list[str]) -> str:
    """Return code for a call. Keywords without a value are left out. A long call has one line for
    each argument."""
    given = [*positional, *(f"{name}={_in_line(value)}" for name, value in keywords.items()
                            if value)]  # fmt: skip
    line = f"{function}({', '.join(given)})"
    if len(line) <= MAX_LINE:
        return line
    rows = [*positional, *(_in_rows(name, value) for name, value in keywords.items() if value)]
    return "\n".join([f"{function}(", *(indent(f"{row},", _STEP) for row in rows), ")"])


def _in_line(value: str | list[str]) -> str:
    return value if isinstance(value, str) else f"[{', '.join(value)}]"


def _in_rows(name: str, value: str | list[str]) -> str:
    row = f"{name}={_in_line(value)}"
    if isinstance(value, str) or len(row) <= MAX_LINE:
        return row
    return "\n".join([f"{name}=[", *(f"{_STEP}{one}," for one in value), "]"])
