"""How many pieces an iterator is asked for in a row.

An iterator may wait for what the server says to the piece before, which has to be sent at once
then. One that never waits costs less if several of its pieces are sent together. So the row grows
while the iterator is quick. If it has waited in the middle of a row, it has to be quick for a long
time first.
"""

from __future__ import annotations

from typing import Final

ROW_BYTES: Final = 1024 * 1024
"""So many bytes are asked for in a row, at most."""
ROW_PIECES: Final = 1024
ROW_S: Final = 0.001
"""So long is it asked in a row, at most: meanwhile the engine has none of it."""
QUICK_S: Final = 20e-6
"""Nobody has an answer from another thread or process in less, on top of the next."""
QUICK_BYTE_S: Final = 0.3e-9
"""So long a byte may take that is copied, read, or made."""
_LONGEST_PENANCE: Final = 1 << 20


class RowLength:
    """The length of the next row of one source."""

    __slots__ = ("_penance", "_until_row", "row")

    def __init__(self) -> None:
        self.row = 1
        self._until_row = 0
        """So many single pieces must come quickly before there is a row again."""
        self._penance = 8

    def note(self, count: int, size: int, took_s: float) -> None:
        """Note how long a row has taken: ``count`` pieces of ``size`` bytes together."""
        if took_s <= count * QUICK_S + size * QUICK_BYTE_S:
            if self._until_row:
                self._until_row -= 1
            elif self.row < ROW_PIECES:
                self.row *= 2
        elif self.row == 1:
            pass
        elif took_s < ROW_S:
            self.row //= 2
        else:
            self.row = 1
            self._penance = self._until_row = min(2 * self._penance, _LONGEST_PENANCE)
