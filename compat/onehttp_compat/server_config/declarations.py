"""What a configuration declares, one value for each statement, with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from onehttp_compat.server_config.places import Note, NoteKind, Place


class Modparam(NamedTuple):
    """``modparam("modules", "name", value)``; ``modules`` is an expression that the names of all
    modules meant match as a whole."""

    place: Place
    modules: str
    name: str
    value: int | str | None
    """None: it cannot be known; ``fault`` says why."""
    fault: str | None = None
    fault_place: Place | None = None
    comments: tuple[str, ...] = ()
    """Of the lines right above it, and behind it on its own."""

    def is_about(self, module: str) -> bool:
        """Whether ``module`` is one of those meant."""
        if self.modules == module:
            return True
        try:
            return re.fullmatch(self.modules, module) is not None
        except re.error:
            return False


class LoadModule(NamedTuple):
    """``loadmodule "path"``."""

    place: Place
    path: str

    @property
    def name(self) -> str:
        """The module's, without folder and ``.so``."""
        return self.path.rpartition("/")[2].removesuffix(".so")


class Setting(NamedTuple):
    """A global one: ``listen=...``, ``debug=...``, ``group.name = ...``, ``cfgengine "..."``."""

    place: Place
    name: str
    value: str
    """As tokens, texts in double quotes."""


class Defined(NamedTuple):
    """``#!define NAME value`` or one of its kin, whose name is ``directive``."""

    place: Place
    directive: str
    name: str
    value: str


class Included(NamedTuple):
    """``include_file "name"`` or ``import_file "name"``; ``path`` is what was read, if anything."""

    place: Place
    directive: str
    name: str
    path: str | None


class Route(NamedTuple):
    """``kind[name] { ... }``."""

    place: Place
    kind: str
    name: str
    end: Place | None
    """Of the closing brace; None: there is none."""


class Argument(NamedTuple):
    """One argument of a call: a text or number as such, anything else as its tokens."""

    text: str
    kind: str
    """``string``, ``number``, or ``other``."""


class Call(NamedTuple):
    """A function called in a route, or ``route(NAME)``."""

    place: Place
    name: str
    arguments: tuple[Argument, ...]
    route: str
    """The route it stands in, as ``kind[name]``."""


class SwitchedOff(NamedTuple):
    """A ``modparam`` or ``loadmodule`` in a part that a condition leaves out."""

    place: Place
    statement: str
    module: str
    name: str
    """The parameter's; empty for a module."""
    condition: str
    """The directive that leaves it out, e.g. ``#!ifdef WITH_HTTP``."""
    condition_place: Place


Declaration: TypeAlias = (
    "Modparam | LoadModule | Setting | Defined | Included | Route | Call | SwitchedOff"
)


@dataclass(slots=True)
class ServerConfig:
    """All that a configuration declares, in the order in which the server reads it."""

    declarations: list[Declaration] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    """What is wrong, unknown or worth knowing, in the same order."""
    files: list[str] = field(default_factory=list)
    """Every file that was read."""
    defines: dict[str, str] = field(default_factory=dict)
    """What each name stands for in the end, as it is written."""

    def modparams(self) -> list[Modparam]:
        """The ``modparam`` lines."""
        return [one for one in self.declarations if isinstance(one, Modparam)]

    def modules(self) -> list[str]:
        """The modules that are loaded, in their order."""
        return [one.name for one in self.declarations if isinstance(one, LoadModule)]

    def calls(self) -> list[Call]:
        """The functions that routes call."""
        return [one for one in self.declarations if isinstance(one, Call)]

    def note(self, kind: NoteKind, place: Place, text: str) -> None:
        """Keep a note, once."""
        made = Note(kind, place, text)
        if made not in self.notes[-20:]:
            self.notes.append(made)
