"""Errors of a script that do not stop it: the server only logs them."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from onehttp_compat.script.message_in_progress import script_log
from onehttp_compat.script.world.assumptions import place_in_script


@dataclass(slots=True)
class Mistake:
    """An error, or a hint, at one place."""

    place: str
    text: str
    is_error: bool
    """A name does not exist, or arguments are not accepted. Otherwise it is a hint."""
    count: int = 0


class Mistakes:
    """Errors and hints by place, in the order of their first occurrence."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Mistake] = {}
        self._counting = threading.Lock()
        """Guards the dictionary, because all workers of a script use it."""

    def note(self, text: str, place: str | None = None) -> None:
        """Count an error at the place in the script that has made it. The first one is logged."""
        self._note(text, place or place_in_script(), is_error=True)

    def hint(self, text: str, place: str | None = None) -> None:
        """Count behaviour that is no error, but may surprise the author of the script."""
        self._note(text, place or place_in_script(), is_error=False)

    @property
    def has_errors(self) -> bool:
        return any(mistake.is_error for mistake in self.found.values())

    def _note(self, text: str, place: str, *, is_error: bool) -> None:
        with self._counting:
            mistake = self.found.setdefault((place, text), Mistake(place, text, is_error))
            mistake.count += 1
            is_first = mistake.count == 1
        if is_first:
            level = script_log.error if is_error else script_log.warning
            level("%s: %s", place, text)
