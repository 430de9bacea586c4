"""The state of the lexer: a stack of the texts that are being read, and what they have defined.

This is a state machine and not a grammar, because the language is not made of tokens only: the
replacement of a name is read at the place of its use, a condition may exclude text that has no
valid tokens, a substitution changes the texts after it, and an included file may end within a
statement.
"""

from __future__ import annotations

import re
from pathlib import Path

from onehttp_compat.config_inputs import ConfigInputs
from onehttp_compat.server_config.comments import Comments
from onehttp_compat.server_config.declarations import ServerConfig
from onehttp_compat.server_config.defines import Defines
from onehttp_compat.server_config.files import read_text
from onehttp_compat.server_config.places import ConfigPlace
from onehttp_compat.server_config.substitution import Substitution
from onehttp_compat.server_config.tokens import (
    Token,
    match_blanks,
    match_line_rest,
    scan,
    unescaped,
)


class Input:
    """A text that is being read: a file, or the replacement of a name. All of a replacement has the
    place of its use."""

    __slots__ = ("at", "file", "line", "line_start", "names", "text", "used_at")

    def __init__(
        self,
        text: str,
        file: str,
        used_at: tuple[int, int] | None = None,
        names: frozenset[str] = frozenset(),
    ) -> None:
        self.text = text
        self.at = 0
        self.file = file
        self.line = 1
        self.line_start = 0
        self.used_at = used_at
        """For a replacement: line and column of its use."""
        self.names = names
        """The names whose replacement this is, to detect recursion."""

    def position(self, at: int) -> tuple[int, int]:
        """Return line and column of an offset in the current line."""
        return self.used_at or (self.line, at - self.line_start + 1)

    def place(self, at: int) -> ConfigPlace:
        return ConfigPlace(self.file, *self.position(at))

    def go_to(self, at: int) -> int:
        """Continue at a later offset.

        Returns:
            The number of lines that were skipped.
        """
        newlines = self.text.count("\n", self.at, at)
        if newlines:
            self.line += newlines
            self.line_start = self.text.rfind("\n", self.at, at) + 1
        self.at = at
        return newlines

    def end_of_line(self, at: int) -> int:
        match = match_line_rest(self.text, at)
        assert match is not None
        return match.end()


class Machine:
    """The reading of one configuration."""

    def __init__(self, config: ServerConfig, inputs: ConfigInputs) -> None:
        self.config = config
        self.config_inputs = inputs
        self.defines = Defines(inputs)
        self.substitutions: list[Substitution] = []
        self.comments = Comments()
        self.inputs: list[Input] = []
        self.begins_line = True
        """Whether the next token is the first of its line."""
        self.long_string: ConfigPlace | None = None
        """The place of the first string that spans lines, as a hint if a quote is missing."""

    @property
    def files(self) -> list[str]:
        """The files that are being read. Each is included by the one before."""
        return [source.file for source in self.inputs if source.used_at is None]

    def enter_file(self, path: Path) -> None:
        """Read this file next.

        Raises:
            ConfigurationError: it cannot be read.
        """
        text = read_text(path)
        self.config.files.append(str(path))
        self.inputs.append(Input(text, str(path)))
        self.begins_line = True

    def pass_blank(self, source: Input, end: int) -> None:
        """Skip blanks. An empty line separates comments from what follows."""
        newlines = source.go_to(end)
        if newlines:
            self.begins_line = True
            if newlines > 1:
                self.comments.forget()

    def string(self, source: Input, match: re.Match[str]) -> Token:
        """Return the string that starts at ``match``, joined with strings in double quotes after
        it, with all substitutions applied."""
        assert match.lastgroup is not None
        place = source.place(match.start(match.lastgroup))
        begins_line, self.begins_line = self.begins_line, False
        inner = match[match.lastgroup][1:-1]
        if source.go_to(match.end()) and self.long_string is None:
            self.long_string = place
        if match.lastgroup == "string":
            inner = unescaped(inner)
            while (more := self._joined()) is not None:
                inner += more
        for substitution in self.substitutions:
            inner = substitution.apply(inner)
        return Token("string", inner, *place, begins_line)

    def next_string(self) -> str | None:
        """Return the next string after blanks. None if something else follows."""
        source = self.inputs[-1]
        start = _end_of_blanks(source)
        match = scan(source.text, start)
        if match is None or match.lastgroup not in ("string", "tick"):
            return None
        self.pass_blank(source, start)
        return self.string(source, match).text

    def _joined(self) -> str | None:
        """Return the next string in double quotes, if only blanks precede it."""
        source = self.inputs[-1]
        end = _end_of_blanks(source)
        while end == len(source.text) and source.used_at and len(self.inputs) > 1:
            self.inputs.pop()
            source = self.inputs[-1]
            end = _end_of_blanks(source)
        if not source.text.startswith('"', end):
            return None
        match = scan(source.text, end)
        if match is None or match.lastgroup != "string":
            return None
        self.pass_blank(source, end)
        source.go_to(match.end())
        self.begins_line = False
        return unescaped(match[0][1:-1])


def _end_of_blanks(source: Input) -> int:
    match = match_blanks(source.text, source.at)
    assert match is not None
    return match.end()
