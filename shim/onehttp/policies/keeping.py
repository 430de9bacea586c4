"""Who has the places of an attempt when its answer is there, and its body still to come."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from onehttp_backends.contract import Outcome, Response


class Keeper(Protocol):
    """Has the places of an attempt whose answer is there, and its body still to come."""

    def keep(self, leave: Callable[[], object]) -> bool:
        """Call ``leave`` when that body has ended; False: there is none."""

    def release(self) -> None:
        """Call them now: another attempt is made."""


def is_kept(keeper: Keeper | None, outcome: Outcome | None, leave: Callable[[], object]) -> bool:
    """Whether what an attempt has held is given back by ``keeper``."""
    return keeper is not None and isinstance(outcome, Response) and keeper.keep(leave)
