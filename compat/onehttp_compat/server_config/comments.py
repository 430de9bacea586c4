"""Comments on their way to the statement that they belong to: those right above it."""

from __future__ import annotations


class Comments:
    """The comment lines since the last statement, or the last empty line."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.are_wanted = True
        """Not inside of routes, where nobody asks for them."""

    def add(self, text: str) -> None:
        """A comment that begins its line, with its marks; a directive that is none, and the kind
        of file (``#!KAMAILIO``), tell nobody anything."""
        if self.are_wanted and not text.startswith("#!"):
            self._lines += comment_lines(text)

    def forget(self) -> None:
        """Something else stands in between."""
        if self._lines:
            self._lines = []

    def take(self) -> list[str]:
        """Those so far; they are not given again."""
        lines, self._lines = self._lines, []
        return lines


def comment_lines(text: str) -> list[str]:
    """What a comment says, without its marks."""
    if text.startswith("/*"):
        lines = [
            line.strip().lstrip("*").strip() for line in text[2:].removesuffix("*/").split("\n")
        ]
    else:
        lines = [text.lstrip("#/").strip()]
    return [line for line in lines if line]
