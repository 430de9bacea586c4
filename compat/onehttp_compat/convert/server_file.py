"""The ``modparam`` lines of a kamailio.cfg, and the comments that belong to them.

Of the preprocessor: ``#!define`` and its kin, ``#!ifdef`` ... ``#!endif``, and included files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from onehttp import ConfigurationError

MAX_DEPTH = 20
"""Of files that include each other."""

_token = re.compile(
    r"""
    (?P<directive>^[ \t]*[#!]!(?:\\\n|[^\n])*)
    | (?P<comment>\#[^\n]*|//[^\n]*|/\*.*?\*/)
    | (?P<string>"(?:\\.|[^"\\])*"|'[^']*')
    | (?P<word>[A-Za-z_]\w*)
    | (?P<number>-?\d+)
    | (?P<space>\s+)
    | (?P<mark>.)
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_escapes = {"n": "\n", "r": "\r", "t": "\t"}
_define = re.compile(r"(?:re|try)?def(?:ine)?\s+(\w+)(?:\s+(.*))?", re.DOTALL)
_condition = re.compile(r"(ifdef|ifndef|else|endif)\b\s*(\w*)")
_include = re.compile(r"(include|import)_file\s+[\"']([^\"']+)[\"']")


class Token(NamedTuple):
    """A piece of the file; line and column from 1."""

    kind: str
    text: str
    line: int
    column: int


class Modparam(NamedTuple):
    """One ``modparam(module, name, value)``."""

    module: str
    name: str
    value: int | str
    file: str
    line: int
    comments: tuple[str, ...]
    """Of the lines right above it, and behind it on its own."""


def read_server_file(path: Path) -> list[Modparam]:
    """The ``modparam`` lines of ``path`` and the files it includes, in their order.

    Raises:
        ConfigurationError: a file cannot be read, or a line is not understood; with its place.
    """
    return list(_Reader(path, {}, 0).modparams())


class _Reader:
    """Reads one file; ``defines`` are the identifiers known so far."""

    def __init__(self, path: Path, defines: dict[str, str], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise ConfigurationError("files include each other without end", file=str(path))
        self._path = path
        self._defines = defines
        self._depth = depth
        self._tokens = list(_tokens(text_of(path)))
        self._at = 0

    def modparams(self) -> Iterator[Modparam]:
        comments: list[str] = []
        while (token := self._take()) is not None:
            if token.kind == "comment" and self._begins_line():
                comments += comment_lines(token.text)
            elif token.kind == "space" and token.text.count("\n") < 2:
                continue  # right above what follows
            elif token.text == "modparam":
                modules, name, value = self._arguments(token)
                comments += self._comment_behind()
                for module in modules.split("|"):
                    yield Modparam(
                        module, name, value, str(self._path), token.line, tuple(comments)
                    )
                comments = []
            else:
                comments = []
                yield from self._other(token)

    def _other(self, token: Token) -> Iterator[Modparam]:
        line = token.text.lstrip(" \t#!") if token.kind == "directive" else ""
        if token.kind == "word" and token.text in ("include_file", "import_file"):
            line = f"{token.text} {(self._take_solid() or token).text}"
        if included := _include.match(line):
            path = self._path.parent / included[2]
            if included[1] == "include" or path.exists():
                yield from _Reader(path, self._defines, self._depth + 1).modparams()
        elif defined := _define.match(line):
            self._defines[defined[1]] = (defined[2] or "").strip()
        elif condition := _condition.match(line):
            # Read on after "#!endif"; after "#!else" where the first part does not count.
            is_defined = condition[2] in self._defines
            if condition[1] == "else" or (
                condition[1] != "endif" and is_defined != (condition[1] == "ifdef")
            ):
                self._skip(to_else=condition[1] != "else")

    def _skip(self, to_else: bool) -> None:
        depth = 0
        while (token := self._take()) is not None:
            condition = _condition.match(token.text.lstrip(" \t#!"))
            if token.kind != "directive" or condition is None:
                continue
            if condition[1] in ("ifdef", "ifndef"):
                depth += 1
            elif depth == 0 and (condition[1] == "endif" or to_else):
                return
            elif condition[1] == "endif":
                depth -= 1

    def _arguments(self, start: Token) -> tuple[str, str, int | str]:
        pieces = [self._take_solid() for _ in range(7)]
        kinds = "".join(_KINDS.get(piece.kind if piece else "", "?") for piece in pieces)
        marks = "".join(piece.text for piece in pieces[::2] if piece)
        if marks != "(,,)" or not re.fullmatch("msmsm[snw]m", kinds):
            raise ConfigurationError(
                'expected modparam("module", "name", value)',
                file=str(self._path),
                line=start.line,
                column=start.column,
            )
        module, name, value = (piece for piece in pieces[1::2] if piece)
        return str(self._value(module)), str(self._value(name)), self._value(value)

    def _value(self, token: Token) -> int | str:
        if token.kind == "word":
            defined = list(_tokens(self._defines.get(token.text, "")))
            if len(defined) != 1 or defined[0].kind not in ("string", "number"):
                raise ConfigurationError(
                    f"{token.text} is not defined as a text or a number",
                    file=str(self._path),
                    line=token.line,
                    column=token.column,
                )
            token = defined[0]
        if token.kind == "number":
            return int(token.text)
        inner = token.text[1:-1]
        if token.text[0] == "'":
            return inner
        return re.sub(r"\\(.)", lambda match: _escapes.get(match[1], match[1]), inner, flags=re.S)

    def _take(self) -> Token | None:
        self._at += 1
        return self._tokens[self._at - 1] if self._at <= len(self._tokens) else None

    def _take_solid(self) -> Token | None:
        """The next token that is neither space nor comment."""
        while (token := self._take()) is not None and token.kind in ("space", "comment"):
            pass
        return token

    def _begins_line(self) -> bool:
        before = "".join(token.text for token in self._tokens[max(0, self._at - 3) : self._at - 1])
        return not before.rpartition("\n")[2].strip()

    def _comment_behind(self) -> list[str]:
        """The comment on the rest of the line."""
        for token in self._tokens[self._at : self._at + 3]:
            if token.kind == "comment":
                return comment_lines(token.text)
            if "\n" in token.text:
                break
        return []


_KINDS = {"string": "s", "number": "n", "word": "w", "mark": "m"}


def comment_lines(text: str) -> list[str]:
    """What a comment says, without its marks."""
    if text.startswith("/*"):
        lines = [line.strip().lstrip("*").strip() for line in text[2:-2].splitlines()]
    else:
        lines = [text.lstrip("#/").strip()]
    return [line for line in lines if line]


def text_of(path: Path) -> str:
    """What a file holds.

    Raises:
        ConfigurationError: it cannot be read, or is no UTF-8 text.
    """
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}", file=str(path)) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError("not UTF-8 text", file=str(path), line=line) from None


def _tokens(text: str) -> Iterator[Token]:
    line, line_start = 1, 0
    for match in _token.finditer(text):
        assert match.lastgroup is not None
        yield Token(match.lastgroup, match[0], line, match.start() - line_start + 1)
        if newlines := match[0].count("\n"):
            line += newlines
            line_start = match.start() + match[0].rfind("\n") + 1
