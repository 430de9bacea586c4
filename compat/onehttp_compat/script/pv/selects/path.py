"""``from.uri.user``, ``via[1].host``: names, each with what stands in brackets behind it."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from onehttp_compat.pv import UnknownVariableError
from onehttp_compat.script.message_in_progress import Scene

_step = re.compile(r'(?:([A-Za-z_]\w*)|"([^"]*)")((?:\[(?:-?\d+|"[^"]*")\])*)(?:\.(?=.)|$)')
_bracket = re.compile(r'\[(?:(-?\d+)|"([^"]*)")\]')


class Step(NamedTuple):
    """One name of a path, and what stands in brackets behind it."""

    name: str
    number: int | None = None
    key: str | None = None
    has_more: bool = False
    """Behind the first brackets stand others."""


Path: TypeAlias = tuple[Step, ...]
Node: TypeAlias = Callable[[Scene, Step, Path], "str | None"]
"""What the first name of a path stands for; raises `LookupError` where it has no such part."""
Part: TypeAlias = Callable[[], "str | None"]


@functools.lru_cache(maxsize=512)
def parse_path(text: str) -> Path:
    """The path, step by step.

    Raises:
        UnknownVariableError: it is none.
    """
    steps, at = [], 0
    while at < len(text):
        match = _step.match(text, at)
        if match is None:
            raise unresolved(text)
        brackets = _bracket.findall(match[3])
        number, key = brackets[0] if brackets else ("", None)
        steps.append(
            Step(match[1] or match[2], int(number) if number else None,
                 None if number else key, len(brackets) > 1)
        )  # fmt: skip
        at = match.end()
    return tuple(steps)


def unresolved(text: str) -> UnknownVariableError:
    """What is said of a path that the server does not know."""
    return UnknownVariableError(f"$sel({text}): the server resolves no such select")


def choose(parts: Mapping[str, Part], rest: Path) -> str | None:
    """The part that the one step left names.

    Raises:
        LookupError: there is no such part, or it has none itself.
    """
    (step,) = rest if len(rest) == 1 else (None,)
    if step is None or step.number is not None or step.key is not None:
        raise LookupError
    return parts[step.name]()


def leaf(value: str | None, rest: Path) -> str | None:
    """What has no parts.

    Raises:
        LookupError: one is asked for.
    """
    if rest:
        raise LookupError
    return value


def names_one(rest: Path, name: str) -> bool:
    """Whether a path goes on with ``name`` and one step more: ``params.transport``."""
    return len(rest) == 2 and rest[0].name == name
