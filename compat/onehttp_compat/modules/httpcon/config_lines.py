"""The lines of a legacy ini file: sections and options, with quotes, escapes and comments.

    file    = { [ section | option ] [ comment ] EOL }
    section = "[" word "]"          option = word "=" value
    value   = bare | quoted         comment = "#" ...

A quoted value may span lines. A backslash joins lines; before other bytes it stands for
LF, CR or TAB (n, r, t), itself, a double quote, and in a bare value also ``#`` and a blank.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from onehttp import ConfigurationError

MAX_TOKEN_BYTES = 512
_BLANKS = " \t\r"
_WORD = frozenset(string.ascii_letters + string.digits + "_")
_BARE = _WORD | frozenset("=:;.,?[]/@!$%&*()-+|'\"")
_ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "r": "\r", "t": "\t", "\n": ""}
_BARE_ESCAPES = {**_ESCAPES, "#": "#", " ": " "}


class Section(NamedTuple):
    """``[name]``; lines and columns are counted from 1."""

    name: str
    line: int
    column: int


class Comment(NamedTuple):
    """A comment ``# text``, on a line of its own or at the end of one."""

    text: str
    line: int
    is_alone: bool


class Option(NamedTuple):
    """``key = value``, with the key as written, and the value without quotes and escapes."""

    key: str
    value: str
    line: int
    column: int
    value_line: int
    value_column: int


def fail(path: str, line: int, column: int, problem: str, key: str | None = None) -> NoReturn:
    """Raise ConfigurationError for a position in a file."""
    raise ConfigurationError(problem, file=path, line=line, column=column, key=key)


def read_lines(text: str, path: str) -> Iterator[Section | Option]:
    """Return the sections and options of a file, in order. Errors never quote values.

    Raises:
        ConfigurationError: with the line and column, and what was expected there.
    """
    for line in read_commented_lines(text, path):
        if not isinstance(line, Comment):
            yield line


def read_commented_lines(text: str, path: str) -> Iterator[Section | Option | Comment]:
    """The same, with the comments."""
    scanner = _Scanner(text, path)
    while not scanner.is_at_end():
        scanner.blanks()
        is_alone = scanner.next() in ("", "#", "\n")
        if scanner.next() == "[":
            yield scanner.section()
        elif not is_alone:
            yield scanner.option()
        line = scanner.line
        comment = scanner.end_of_line()
        if comment is not None:
            yield Comment(comment, line, is_alone)


class _Scanner:
    def __init__(self, text: str, path: str) -> None:
        self.text = text
        self.path = path
        self.at = 0
        self.line = 1
        self.line_start = 0

    @property
    def column(self) -> int:
        return self.at - self.line_start + 1

    def section(self) -> Section:
        column = self.column
        self.at += 1
        self.blanks()
        name = self.word("a section name of letters, digits and '_'")
        self.blanks()
        self.expect("]")
        return Section(name, self.line, column)

    def option(self) -> Option:
        line, column = self.line, self.column
        key = self.word("a [section], a key or a '#' comment")
        self.blanks()
        self.expect("=")
        self.blanks()
        value_line, value_column = self.line, self.column
        value = self.quoted() if self.next() == '"' else self.bare()
        if len(value.encode("utf-8", "surrogateescape")) > MAX_TOKEN_BYTES:
            fail(
                *(self.path, value_line, value_column),
                f"{key}: expected at most {MAX_TOKEN_BYTES} bytes",
                key,
            )
        return Option(key, value, line, column, value_line, value_column)

    def word(self, expected: str) -> str:
        start = self.at
        while self.next() in _WORD:
            self.at += 1
        if self.at == start:
            self.fail(f"expected {expected}")
        if self.at - start > MAX_TOKEN_BYTES:
            self.fail(f"expected at most {MAX_TOKEN_BYTES} bytes")
        return self.text[start : self.at]

    def quoted(self) -> str:
        line, column = self.line, self.column
        self.at += 1
        value: list[str] = []
        while not self.is_at_end():
            if self.next() == '"':
                self.at += 1
                return "".join(value)
            if self.next() == "\\":
                value.append(self.escape(_ESCAPES))
            else:
                value.append(self.take())
        fail(self.path, line, column, "expected a closing '\"'")

    def bare(self) -> str:
        # The legacy reader accepts an escape only inside a token.
        is_literal = self.next() == "\\"
        value = [self.take()] if is_literal else []
        while self.next() == "\\" or self.next() in _BARE:
            value.append(self.escape(_BARE_ESCAPES) if self.next() == "\\" else self.take())
        if not value:
            self.fail("expected a value")
        return "".join(value)

    def escape(self, escapes: dict[str, str]) -> str:
        self.at += 1
        if self.text.startswith("\r\n", self.at):
            self.at += 1
        if self.next() not in escapes:
            self.fail("expected one of \\ \" n r t or the end of the line after '\\'")
        return escapes[self.take()]

    def end_of_line(self) -> str | None:
        """Move behind the end of the line. Return the comment before it."""
        self.blanks()
        comment = None
        if self.next() == "#":
            start = self.at + 1
            while self.next() not in ("", "\n"):
                self.at += 1
            comment = self.text[start : self.at].strip()
        if self.next() not in ("", "\n"):
            self.fail("expected the end of the line; quote a value with this byte")
        self.take()
        return comment

    def blanks(self) -> None:
        while self.next() and self.next() in _BLANKS:
            self.at += 1

    def expect(self, mark: str) -> None:
        if self.next() != mark:
            self.fail(f"expected {mark!r}")
        self.at += 1

    def next(self) -> str:
        return self.text[self.at : self.at + 1]

    def take(self) -> str:
        taken = self.next()
        self.at += 1
        if taken == "\n":
            self.line += 1
            self.line_start = self.at
        return taken

    def is_at_end(self) -> bool:
        return self.at >= len(self.text)

    def fail(self, problem: str) -> NoReturn:
        fail(self.path, self.line, self.column, problem)
