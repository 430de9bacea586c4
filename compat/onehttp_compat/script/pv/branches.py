"""``$branch(uri)``, ``$br``: the additional branches of a request. ``$sbranch(uri)``: the branch
that a script prepares before it appends it."""

from __future__ import annotations

from typing import Final

from onehttp_compat.pv import RefusedValueError, Value, Variable
from onehttp_compat.script.message_in_progress import Scene
from onehttp_compat.script.pv.table import Accessor, Table, number, of_scene, text
from onehttp_compat.script.routed_message import Branch
from onehttp_compat.script.world import World

_TEXTS: Final = {"uri": "uri", "dst_uri": "dst_uri", "path": "path", "ruid": "ruid",
                 "instance": "instance"}  # fmt: skip
_NUMBERS: Final = {"Q": "q", "q": "q", "flags": "flags", "otcpid": "connection"}
_WRITTEN: Final = frozenset(("uri", "dst_uri", "path"))
"""The server accepts assignments to all other texts, and ignores them."""


def _part(branch: Branch, name: str) -> Value:
    if name in _NUMBERS:
        value: int = getattr(branch, _NUMBERS[name])
        return None if value < 0 else value
    return getattr(branch, _TEXTS[name]) or None if name in _TEXTS else None


def _write(branch: Branch, variable: Variable, value: Value) -> None:
    name = variable.name
    if name in _NUMBERS:
        setattr(branch, _NUMBERS[name], number(value, f"${variable.kind}({name})"))
    elif name in _WRITTEN:
        setattr(branch, name, "" if value is None else text(value, f"${variable.kind}({name})"))


def _place(scene: Scene, variable: Variable) -> int:
    """Return the index of the branch that the variable names; -1 if there is no such branch."""
    count, element = len(scene.routed.branches), variable.element
    index = int(element) if element.lstrip("-").isdigit() else 0
    index += count if index < 0 else 0
    return index if 0 <= index < count else -1


def _read_branch(scene: Scene, variable: Variable) -> Value:
    place = _place(scene, variable)
    if place < 0:
        return None
    branches = scene.routed.branches
    return len(branches) if variable.name == "count" else _part(branches[place], variable.name)


def _write_branch(scene: Scene, variable: Variable, value: Value) -> None:
    place = _place(scene, variable)
    if place < 0:
        raise RefusedValueError(f"$branch({variable.name}): there is no such branch")
    if variable.name == "uri" and value is None:
        del scene.routed.branches[place]
        return
    _write(scene.routed.branches[place], variable, value)


def _read_prepared(world: World, variable: Variable) -> Value:
    if variable.name == "count":
        return None if variable.element else len(world.scene.routed.branches)
    branch = world.prepared_branch
    return _part(branch, variable.name) if branch.uri else None


def _write_prepared(world: World, variable: Variable, value: Value) -> None:
    _write(world.prepared_branch, variable, value)


def _first_uri(scene: Scene, _: Variable) -> Value:
    branches = scene.routed.branches
    return branches[0].uri if branches else None


def _append(scene: Scene, _: Variable, value: Value) -> None:
    scene.routed.branches.append(Branch(text(value, "$br")))
    scene.act(f"branch {scene.routed.branches[-1].uri}")


TABLE: Final[Table] = {
    "branch": of_scene(_read_branch, _write_branch),
    "br": of_scene(_first_uri, _append),
    "sbranch": Accessor(_read_prepared, _write_prepared),
}
