"""Parses the paths of selects, such as ``from.uri.user`` and ``via[1].host``."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from onehttp_compat.pv import UnknownVariableError
from onehttp_compat.script.message_in_progress import Scene

_step = re.compile(r'(?:([A-Za-z_]\w*)|"([^"]*)")((?:\[(?:-?\d+|"[^"]*")\])*)(?:\.(?=.)|$)')
_bracket = re.compile(r'\[(?:(-?\d+)|"([^"]*)")\]')


class PathStep(NamedTuple):
    """One name of a path, with the number or the key in brackets after it."""

    name: str
    number: int | None = None
    key: str | None = None
    has_more: bool = False
    """Whether more brackets follow the first ones."""


Path: TypeAlias = tuple[PathStep, ...]
Node: TypeAlias = Callable[[Scene, PathStep, Path], "str | None"]
"""Resolves a path from its first name on; raises `LookupError` if there is no such part."""
Part: TypeAlias = Callable[[], "str | None"]


@functools.lru_cache(maxsize=512)
def parse_path(text: str) -> Path:
    """Return the steps of a path.

    Raises:
        UnknownVariableError: the text is not a path.
    """
    steps, at = [], 0
    while at < len(text):
        match = _step.match(text, at)
        if match is None:
            raise unresolved(text)
        brackets = _bracket.findall(match[3])
        number, key = brackets[0] if brackets else ("", None)
        steps.append(
            PathStep(match[1] or match[2], int(number) if number else None,
                 None if number else key, len(brackets) > 1)
        )  # fmt: skip
        at = match.end()
    return tuple(steps)


def unresolved(text: str) -> UnknownVariableError:
    """Return the error for a path that the server does not know."""
    return UnknownVariableError(f"$sel({text}): the server resolves no such select")


def choose(parts: Mapping[str, Part], rest: Path) -> str | None:
    """Return the part that the single remaining step names.

    Raises:
        LookupError: there is no such part, or the path goes on after it.
    """
    (step,) = rest if len(rest) == 1 else (None,)
    if step is None or step.number is not None or step.key is not None:
        raise LookupError
    return parts[step.name]()


def leaf(value: str | None, rest: Path) -> str | None:
    """Return a value that has no parts.

    Raises:
        LookupError: the path names a part of it.
    """
    if rest:
        raise LookupError
    return value


def names_one(rest: Path, name: str) -> bool:
    """Whether the rest of a path is ``name`` and one more step, as in ``params.transport``."""
    return len(rest) == 2 and rest[0].name == name
