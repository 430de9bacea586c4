"""Holding the permits of an attempt until the body of its response has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from onehttp_backends.contract import Outcome, Response


class Keeper(Protocol):
    """Holds the permits of an attempt whose response is there, but not its whole body."""

    def keep(self, leave: Callable[[], object]) -> bool:
        """Call ``leave`` when the body has ended; False if there is no body to wait for."""

    def release(self) -> None:
        """Give the permits back now, because another attempt is made."""


def is_kept(keeper: Keeper, outcome: Outcome, leave: Callable[[], object]) -> bool:
    """Whether ``keeper`` will give the permit of an attempt back."""
    return isinstance(outcome, Response) and keeper.keep(leave)
