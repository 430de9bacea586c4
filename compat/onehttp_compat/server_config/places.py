"""Places in a configuration, and notes about them."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

NoteKind: TypeAlias = Literal["fault", "unknown", "remark"]
"""``fault``: an error that makes the server refuse the file, and that may hide other text.
``unknown``: the text depends on a file, a name or a variable that is missing here. ``remark``:
useful to know."""


class ConfigPlace(NamedTuple):
    """A position in a file; line and column are counted from 1. Its text is ``file:line``."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Note(NamedTuple):
    """A note about a place. Names are quoted, but never strings of the configuration, because they
    may be passwords."""

    kind: NoteKind
    place: ConfigPlace
    text: str

    def __str__(self) -> str:
        return f"{self.place}:{self.place.column}: {self.text}"
