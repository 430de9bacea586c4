"""What a second `init` does to an engine that holds what a test has told it: an optional part."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class Renewing(Protocol):
    """A backend whose answers are a test's, and begin again with the next."""

    def renew(self) -> None:
        """As made just now, with the same settings."""
