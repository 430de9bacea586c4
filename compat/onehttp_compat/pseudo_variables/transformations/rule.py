"""The parts of a transformation."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from onehttp import OnehttpError
from onehttp_compat.sip.value import Value


class NoValueError(OnehttpError, ValueError):
    """The transformation has no result for this input, for example the host of something that is no
    URI."""


class TransformationRule(NamedTuple):
    """A function of bytes, and the numbers of parameters that it accepts."""

    apply: Callable[..., Value]
    least: int = 0
    most: int = 0
    has_variables: bool = False
    """Its parameter may contain variables: the function gets a reader of them as well."""


def number(text: bytes) -> int:
    """Return a parameter that must be a number.

    Raises:
        NoValueError: it is not a number.
    """
    try:
        return int(text)
    except ValueError:
        raise NoValueError(f"{text!r} is not a number") from None
