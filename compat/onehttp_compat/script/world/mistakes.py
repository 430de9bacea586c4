"""What the script gets wrong without failing: the server says it in its log, and goes on."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from onehttp_compat.script.message_in_progress import script_log
from onehttp_compat.script.world.assumptions import place_in_script


@dataclass(slots=True)
class Mistake:
    """One mistake, or one thing worth knowing, at one place."""

    place: str
    text: str
    is_error: bool
    """A name that does not exist, arguments that are not taken; otherwise a hint."""
    count: int = 0


class Mistakes:
    """Mistakes by place, in the order in which they were met."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, str], Mistake] = {}
        self._counting = threading.Lock()
        """Guards the dictionary: all workers of a script make mistakes."""

    def note(self, text: str, place: str | None = None) -> None:
        """Count a mistake, at the place in the script that made it; the first is logged."""
        self._note(text, place or place_in_script(), is_error=True)

    def hint(self, text: str, place: str | None = None) -> None:
        """Count what is no mistake, but not what its author may believe."""
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
