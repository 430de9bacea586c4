"""`Renewing`: a test double that starts over at a second `init`."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Renewing(Protocol):
    """A backend with the canned answers of a test, which begin anew at the next `init`."""

    def renew(self) -> None:
        """Return to the state it was made in, with the same settings."""
