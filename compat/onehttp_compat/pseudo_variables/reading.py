"""The results of ``KSR.pv`` for null variables."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Final

NULL: Final = "<null>"
_LEAST, _MOST = -(2**31), 2**31 - 1
_number = re.compile(r"([+-]?)0*([0-9]{1,11})").match
"""Enough digits to see that a number has too many."""


class NullReading(ABC):
    """The functions of ``KSR.pv`` that replace null by a value. `get` returns None for null."""

    @abstractmethod
    def get(self, name: str) -> int | str | None:
        """Return the value."""

    def getw(self, name: str) -> int | str:
        """Return the value, or ``<null>`` for null."""
        return self.getvs(name, NULL)

    def gete(self, name: str) -> int | str:
        """Return the value, or an empty text for null."""
        return self.getvs(name, "")

    def geti(self, name: str) -> int:
        """Return the value as a number. A text counts as the number that it starts with, limited to
        32 bits, or else as 0."""
        value = self.get(name)
        if isinstance(value, int):
            return value
        found = _number(value or "")
        return max(_LEAST, min(_MOST, int(found[1] + found[2]))) if found else 0

    def getvn(self, name: str, default: int) -> int | str:
        """Return the value, or ``default`` for null."""
        value = self.get(name)
        return default if value is None else value

    def getvs(self, name: str, default: str) -> int | str:
        """Return the value, or ``default`` for null."""
        value = self.get(name)
        return default if value is None else value

    def is_null(self, name: str) -> bool:
        """Whether the value is null, or the name is not a variable."""
        return self.get(name) is None
