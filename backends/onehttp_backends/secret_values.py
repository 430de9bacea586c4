"""Values that may hold secrets: shown without them, and never written anywhere."""

from __future__ import annotations

import re
from typing import NoReturn, TypeVar

S = TypeVar("S")
LONGEST_SEGMENT = 20
"""Longer segments of a path may be tokens, as those of webhooks and bots."""
LONGEST_PATH = 200
# Nothing from a blank on: what is no URL may be anything.
_parts = re.compile(r"([^:/?#\s]*://)?(?:[^/?#]*@)?([^/?#\s]*)([^?#\s]*)").match


def shown_url(url: str) -> str:
    """A URL without credentials, query, fragment and long segments."""
    found = _parts(url)
    if found is None or not isinstance(url, str):
        return "URL"
    scheme, host, path = found.groups("")
    segments = [
        segment if len(segment) <= LONGEST_SEGMENT else f"{segment[:4]}..."
        for segment in path[:LONGEST_PATH].split("/")
    ]
    return f"{scheme}{host}{'/'.join(segments)}{'...' if len(path) > LONGEST_PATH else ''}"


def not_pickled(value: object) -> NoReturn:
    """Raises TypeError: who pickles a value writes its secrets down, or sends them somewhere."""
    raise TypeError(
        f"{type(value).__name__} is not pickled: it may hold secrets; make it where it is used"
    )


class HoldsSecrets:
    """An immutable value that is not pickled. A copy of it is itself."""

    __slots__ = ()

    def __reduce__(self) -> tuple[object, ...]:
        not_pickled(self)

    def __copy__(self: S) -> S:
        return self

    def __deepcopy__(self: S, memo: object) -> S:
        return self
