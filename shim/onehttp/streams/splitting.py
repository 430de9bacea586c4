"""Splits a body differently: by size, as text, by lines. It knows neither threads nor loops.

What is no longer needed is deleted, so that no frame of an error holds a part of the body.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

from onehttp_backends.codings.text import text_codec
from onehttp_backends.errors import CurlCode, RequestTypeError, TooLargeError

MAX_LINE: Final = 1024 * 1024
"""The default limit of a line in characters, so that an endless line cannot fill memory."""
_ends: Final = re.compile(r"\r\n|\n|\r")


def checked_number(name: str, value: object, least: int) -> int:
    """``value``, if it is a whole number from ``least`` on.

    Raises:
        RequestTypeError: it is none.
    """
    if type(value) is not int or value < least:
        raise RequestTypeError(f"{name}: expected a whole number from {least} on, got {value!r}")
    return value


class Regrouped:
    """Pieces of equal size; the last one may be smaller."""

    def __init__(self, size: int) -> None:
        self._size = checked_number("chunk_size", size, 1)
        self._parts: list[bytes] = []
        self._held = 0

    def add(self, piece: bytes) -> Iterator[bytes]:
        """The pieces that ``piece`` completes."""
        self._parts.append(piece)
        self._held += len(piece)
        if self._held < self._size:
            return
        whole = b"".join(self._parts)
        cut = self._held - self._held % self._size
        for at in range(0, cut, self._size):
            yield whole[at : at + self._size]
        rest = whole[cut:]
        self._parts = [rest] if rest else []
        self._held = len(rest)

    def rest(self) -> Iterator[bytes]:
        """The last piece."""
        if self._held:
            yield b"".join(self._parts)


class Text:
    """Text in the charset of a Content-Type, by default UTF-8; invalid bytes are replaced."""

    def __init__(self, content_type: str) -> None:
        self._decoder = codecs.getincrementaldecoder(text_codec(content_type))("replace")

    def add(self, piece: bytes) -> Iterator[str]:
        """The characters that ``piece`` completes."""
        if text := self._decoder.decode(piece):
            yield text

    def rest(self) -> Iterator[str]:
        """The characters left at the end."""
        if text := self._decoder.decode(b"", True):
            yield text


class Lines:
    """Lines without their ends, which are LF, CR LF or CR."""

    def __init__(self, content_type: str, max_line: int = MAX_LINE) -> None:
        self._text = Text(content_type)
        self._max_line = checked_number("max_line", max_line, 0)
        self._begun: list[str] = []
        self._length = 0

    def add(self, piece: bytes) -> Iterator[str]:
        """The lines that ``piece`` completes.

        Raises:
            TooLargeError: a line is longer than ``max_line``.
        """
        texts = self._text.add(piece)
        del piece
        yield from self._lines(texts)

    def rest(self) -> Iterator[str]:
        """The last line, if it has no end."""
        yield from self._lines(self._text.rest())
        last = "".join(self._begun)
        if last:
            yield last.removesuffix("\r")

    def _lines(self, texts: Iterator[str]) -> Iterator[str]:
        for text in texts:
            lines = self._cut(text)
            del text
            yield from lines

    def _cut(self, text: str) -> Iterator[str]:
        if self._begun and self._begun[-1].endswith("\r"):
            # It may be half of a line end, which is only known now.
            text = "".join((*self._begun, text))
            self._begun, self._length = [], 0
        at = 0
        for end in _ends.finditer(text):
            if end[0] == "\r" and end.end() == len(text):
                break
            yield "".join((*self._begun, text[at : end.start()]))
            self._begun, self._length = [], 0
            at = end.end()
        if at < len(text):
            self._begun.append(text[at:])
            self._length += len(text) - at
            del text
            if self._max_line and self._length > self._max_line:
                raise TooLargeError(
                    CurlCode.FILESIZE_EXCEEDED,
                    f"a line of more than {self._max_line} characters; give iter_lines(max_line=)",
                )
