"""What ``KSR.pv`` gives for a null variable."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Final

NULL: Final = "<null>"
_LEAST, _MOST = -(2**31), 2**31 - 1
_number = re.compile(r"([+-]?)0*([0-9]{1,11})").match
"""As many digits as it takes to know that there are too many."""


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

    def geti(self, name: str) -> int:
        """The value as a number: of a text the one that it begins with, within 32 bits, else 0."""
        value = self.get(name)
        if isinstance(value, int):
            return value
        found = _number(value or "")
        return max(_LEAST, min(_MOST, int(found[1] + found[2]))) if found else 0

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
