"""Collects comments for the statement below them."""

from __future__ import annotations


class Comments:
    """The lines of comments since the last statement, or the last empty line."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self.are_wanted = True
        """False inside routes, whose comments are not used."""

    def add(self, text: str) -> None:
        """Add a comment that begins a line, with its marks. Unknown directives and the kind of file
        (``#!KAMAILIO``) are left out."""
        if self.are_wanted and not text.startswith("#!"):
            self._lines += comment_lines(text)

    def forget(self) -> None:
        """Forget the comments, because something else has followed them."""
        if self._lines:
            self._lines = []

    def take(self) -> list[str]:
        """Return and forget the comments."""
        lines, self._lines = self._lines, []
        return lines


def comment_lines(text: str) -> list[str]:
    """Return the text of a comment without its marks."""
    if text.startswith("/*"):
        lines = [
            line.strip().lstrip("*").strip() for line in text[2:].removesuffix("*/").split("\n")
        ]
    else:
        lines = [text.lstrip("#/").strip()]
    return [line for line in lines if line]
