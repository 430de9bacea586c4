"""What each transformation is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from onehttp import OnehttpError
from onehttp_compat.sip.value import Value


class NoValueError(OnehttpError, ValueError):
    """The transformation has no result for this input: a URI part of what is no URI, say."""


class Rule(NamedTuple):
    """A function of the bytes, and of as many parameters as it takes."""

    apply: Callable[..., Value]
    least: int = 0
    most: int = 0


def number(text: bytes) -> int:
    """A parameter that is a number.

    Raises:
        NoValueError: it is none.
    """
    try:
        return int(text)
    except ValueError:
        raise NoValueError(f"{text!r} is not a number") from None
