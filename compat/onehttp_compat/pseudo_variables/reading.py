"""What ``KSR.pv`` gives for a null variable."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

NULL: Final = "<null>"


class NullReading(ABC):
    """The functions of ``KSR.pv`` that read and say what a null variable is; `get` says None."""

    @abstractmethod
    def get(self, name: str) -> int | str | None:
        """The value."""

    def getw(self, name: str) -> int | str:
        """The value, ``<null>`` for null."""
        return self.getvs(name, NULL)

    def gete(self, name: str) -> int | str:
        """The value, empty for null."""
        return self.getvs(name, "")

    def getvn(self, name: str, default: int) -> int | str:
        """The value, ``default`` for null."""
        value = self.get(name)
        return default if value is None else value

    def getvs(self, name: str, default: str) -> int | str:
        """The value, ``default`` for null."""
        value = self.get(name)
        return default if value is None else value

    def is_null(self, name: str) -> bool:
        """Whether it is null, or no variable."""
        return self.get(name) is None
