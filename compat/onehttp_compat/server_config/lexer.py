"""The lexer of the server's configuration language, with includes, conditions, defines and
substitutions.

Source: the server's core cookbook, and what version 5.6.3 does with files of a few lines.
"""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Final

from onehttp_compat.server_config.directives import Directives
from onehttp_compat.server_config.machine import Input, Machine
from onehttp_compat.server_config.tokens import (
    Token,
    TokenKind,
    find_comment_mark,
    find_parenthesis,
    number_of,
    scan,
)

_DIGITS: Final = frozenset(string.digits)
_LETTERS: Final = frozenset(string.ascii_letters + "_")
_QUOTES: Final = frozenset("\"'")
MAX_NESTED: Final = 100_000
"""The most names that are replaced inside replacements. More of them are an attack (like an XML
bomb)."""


class Lexer:
    """Reads one configuration. `tokens` can be used once."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._directives = Directives(machine)
        self._nested = 0

    def tokens(self) -> Iterator[Token]:
        """Return all tokens; the last one has the kind ``end``. Errors are noted and skipped."""
        machine = self._machine
        inputs = machine.inputs
        place = inputs[-1].place(0)
        while inputs:
            source = inputs[-1]
            match = scan(source.text, source.at)
            if match is None:
                place = source.place(source.at)
                inputs.pop()
                continue
            kind = match.lastgroup
            assert kind is not None
            start = match.start(kind)
            if kind == "word" or kind == "mark":
                text = match[kind]
                token_kind = self._kind(source, start, text)
                if token_kind is not None:
                    line, column = source.used_at or (source.line, start - source.line_start + 1)
                    begins_line, machine.begins_line = machine.begins_line, False
                    source.at = start + len(text)
                    yield Token(token_kind, text, source.file, line, column, begins_line)
            elif kind == "blank":
                machine.pass_blank(source, match.end())
            elif kind == "string" or kind == "tick":
                yield machine.string(source, match)
            elif kind == "comment":
                self._comment(source, start, match.end())
            elif kind == "variable":
                yield self._variable(source, start, match.end())
            elif kind == "block":
                self._block_comment(source, start)
            elif kind == "junk":
                source.at = match.end()
            else:
                self._directives.run(source, match)
        self._directives.finish()
        yield Token("end", "", *place, True)

    def comment_behind(self) -> str | None:
        """Return the comment at the end of the line, which no one else gets."""
        inputs = self._machine.inputs
        if not inputs:
            return None
        source = inputs[-1]
        at = source.at
        while source.text.startswith((" ", "\t", ";"), at):
            at += 1
        match = scan(source.text, at)
        if match is None or match.lastgroup not in ("comment", "block") or source.used_at:
            return None
        if match.lastgroup == "comment":
            source.at = match.end()
            return match[0]
        end = source.text.find("*/", at)
        if end < 0 or "\n" in source.text[at:end] or "/*" in source.text[at + 2 : end]:
            return None
        source.at = end + 2
        return source.text[at : source.at]

    def _kind(self, source: Input, start: int, text: str) -> TokenKind | None:
        """Return the kind of a word or mark. None if it was handled here and is no token."""
        if text in self._machine.defines and self._may_expand(source, text, start):
            source.at = start + len(text)
            value = self._machine.defines[text].value
            names = source.names | {text}
            expansion = Input(value, source.file, source.position(start), names)
            self._machine.inputs.append(expansion)
            return None
        first = text[0]
        if first in _DIGITS:
            return "word" if number_of(text) is None else "number"
        if first in _QUOTES:
            self._unclosed(source, start)
            return None
        if text == "include_file" or text == "import_file":
            source.at = start + len(text)
            self._directives.include(source, source.place(start), text)
            return None
        return "word" if first in _LETTERS else "mark"

    def _may_expand(self, source: Input, word: str, start: int) -> bool:
        if word in ("include_file", "import_file"):
            return False
        if word in source.names:
            self._note(source, start, f"{word} stands for itself")
            return False
        if source.used_at:
            self._nested += 1
            if self._nested == MAX_NESTED:
                self._note(source, start, f"{word} is one of too many names within names")
            return self._nested < MAX_NESTED
        return True

    def _comment(self, source: Input, start: int, end: int) -> None:
        text = source.text[start:end]
        if text.startswith("#!"):
            self._directives.look_at_comment(source.place(start), text)
        if self._machine.begins_line:
            self._machine.comments.add(text)
        source.at = end
        if source.used_at and end == len(source.text):
            self._swallow_line(source, start)

    def _swallow_line(self, source: Input, start: int) -> None:
        """A comment at the end of a replacement hides the rest of the line that uses the name."""
        inputs = self._machine.inputs
        while inputs[-1].used_at and len(inputs) > 1:
            inputs.pop()
        user = inputs[-1]
        end = user.end_of_line(user.at)
        if user.text[user.at : end].strip():
            names = " or ".join(sorted(source.names))
            text = f"what {names} stands for ends in a comment, which hides the rest of this line"
            self._note(source, start, text)
        user.at = end

    def _block_comment(self, source: Input, start: int) -> None:
        depth, at = 1, start + 2
        while depth:
            match = find_comment_mark(source.text, at)
            if match is None:
                self._note(source, start, "a /* that nothing closes")
                at = len(source.text)
                break
            depth += 1 if match[0] == "/*" else -1
            at = match.end()
        if self._machine.begins_line:
            self._machine.comments.add(source.text[start:at])
        source.go_to(at)

    def _variable(self, source: Input, start: int, end: int) -> Token:
        depth = 1 if source.text[end - 1] == "(" else 0
        while depth:
            match = find_parenthesis(source.text, end)
            if match is None:
                self._note(source, start, "a $( that nothing closes")
                end = source.end_of_line(start)
                break
            depth += 1 if match[0] == "(" else -1
            end = match.end()
        begins_line, self._machine.begins_line = self._machine.begins_line, False
        place = source.place(start)
        source.at = start
        source.go_to(end)
        return Token("variable", source.text[start:end], *place, begins_line)

    def _unclosed(self, source: Input, start: int) -> None:
        text = f"a {source.text[start]} that nothing closes"
        if self._machine.long_string is not None:
            text += f"; the first text that spans lines begins at {self._machine.long_string}"
        self._note(source, start, text)
        source.at = source.end_of_line(start)

    def _note(self, source: Input, start: int, text: str) -> None:
        self._machine.config.note("fault", source.place(start), text)
