"""The declarations of a configuration: a value for each statement, with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from onehttp_compat.server_config.places import ConfigPlace, Note, NoteKind


class Modparam(NamedTuple):
    """``modparam("modules", "name", value)``. ``modules`` is an expression that must match the
    whole name of a module."""

    place: ConfigPlace
    modules: str
    name: str
    value: int | str | None
    """None if the value is unknown here; ``fault`` has the reason."""
    fault: str | None = None
    fault_place: ConfigPlace | None = None
    comments: tuple[str, ...] = ()
    """The lines right above it, and the comment at the end of its own line."""

    def is_about(self, module: str) -> bool:
        """Whether it sets a parameter of ``module``."""
        if self.modules == module:
            return True
        try:
            return re.fullmatch(self.modules, module) is not None
        except re.error:
            return False


class LoadModule(NamedTuple):
    """``loadmodule "path"``."""

    place: ConfigPlace
    path: str

    @property
    def name(self) -> str:
        """The name of the module, without folder and ``.so``."""
        return self.path.rpartition("/")[2].removesuffix(".so")


class GlobalSetting(NamedTuple):
    """A global setting: ``listen=...``, ``debug=...``, ``group.name = ...``, ``cfgengine
    "..."``."""

    place: ConfigPlace
    name: str
    value: str
    """Its tokens as text, with strings in double quotes."""


class Defined(NamedTuple):
    """``#!define NAME value`` or a similar directive, whose name is ``directive``."""

    place: ConfigPlace
    directive: str
    name: str
    value: str


class Included(NamedTuple):
    """``include_file "name"`` or ``import_file "name"``; ``path`` is the file that was read, if
    any."""

    place: ConfigPlace
    directive: str
    name: str
    path: str | None


class RouteBlock(NamedTuple):
    """``kind[name] { ... }``."""

    place: ConfigPlace
    kind: str
    name: str
    end: ConfigPlace | None
    """The place of the closing brace; None if there is none."""


class RouteArgument(NamedTuple):
    """An argument of a call: a string or number as its value, and all else as its tokens."""

    text: str
    kind: str
    """``string``, ``number``, or ``other``."""


class RouteCall(NamedTuple):
    """A call of a function in a route, or ``route(NAME)``."""

    place: ConfigPlace
    name: str
    arguments: tuple[RouteArgument, ...]
    route: str
    """The route that contains it, as ``kind[name]``."""


class SwitchedOff(NamedTuple):
    """A ``modparam`` or ``loadmodule`` in a part that a condition excludes."""

    place: ConfigPlace
    statement: str
    module: str
    name: str
    """The name of the parameter; empty for a module."""
    condition: str
    """The directive that excludes it, e.g. ``#!ifdef WITH_HTTP``."""
    condition_place: ConfigPlace


Declaration: TypeAlias = (
    Modparam
    | LoadModule
    | GlobalSetting
    | Defined
    | Included
    | RouteBlock
    | RouteCall
    | SwitchedOff
)


@dataclass(slots=True)
class ServerConfig:
    """All declarations of a configuration, in the order in which the server reads them."""

    declarations: list[Declaration] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    """Errors, unknown values and remarks, in the same order."""
    files: list[str] = field(default_factory=list)
    """Every file that was read."""
    defines: dict[str, str] = field(default_factory=dict)
    """The final text of each defined name."""

    def modparams(self) -> list[Modparam]:
        """The ``modparam`` lines."""
        return [one for one in self.declarations if isinstance(one, Modparam)]

    def modules(self) -> list[str]:
        """The modules that are loaded, in order."""
        return [one.name for one in self.declarations if isinstance(one, LoadModule)]

    def calls(self) -> list[RouteCall]:
        """The calls of functions in routes."""
        return [one for one in self.declarations if isinstance(one, RouteCall)]

    def note(self, kind: NoteKind, place: ConfigPlace, text: str) -> None:
        """Add a note, unless it is there already."""
        made = Note(kind, place, text)
        if made not in self.notes[-20:]:
            self.notes.append(made)
