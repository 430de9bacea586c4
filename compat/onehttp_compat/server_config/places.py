"""Where something stands in a configuration, and what there is to say of it."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

NoteKind: TypeAlias = Literal["fault", "unknown", "remark"]
"""``fault``: the server refuses the file for it, and what it hides cannot be read; ``unknown``: it
depends on what is not here, a file, a name or the environment; ``remark``: good to know."""


class Place(NamedTuple):
    """A byte of a file; line and column are counted from 1. As text ``file:line``."""

    file: str
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Note(NamedTuple):
    """Something that is as it should not be. Texts of the configuration are never quoted, names
    are: a text may be a password."""

    kind: NoteKind
    place: Place
    text: str

    def __str__(self) -> str:
        return f"{self.place}:{self.place.column}: {self.text}"
